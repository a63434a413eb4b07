"""Measure `post/smooth`: `python -m benchmarks.smooth --clips DIR --portraits DIR --sounds DIR`."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from benchmarks.lips.tables import Table, to_json, write_between_marks
from benchmarks.smooth.harms import COUNTS, DISPLACED, FROZEN, KINDS, plant
from benchmarks.smooth.measures import (
    Tally,
    count_changed,
    measure,
    measure_between,
    measure_cost,
)
from benchmarks.smooth.sources import Source, encoded, read_clips, render

_LOG = logging.getLogger("benchmarks.smooth")
_ALL = "all but early"
_CRF = 20


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.smooth", description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of real talking clips")
    parser.add_argument("--portraits", type=Path, help="folder of pictures to render")
    parser.add_argument("--sounds", type=Path, help="folder of recordings to render with")
    parser.add_argument("--renders", type=int, default=8, help="pictures to render; default 8")
    parser.add_argument("--size", type=int, default=512, help="short side of renders; default 512")
    parser.add_argument("--seed", type=int, default=7, help="places of the faults; default 7")
    parser.add_argument("--write", type=Path, help="page whose results are written anew")
    parser.add_argument("--json", type=Path, help="file that gets all figures")
    return parser.parse_args(arguments)


def _sources(options: argparse.Namespace) -> Iterator[Source]:
    if options.clips:
        yield from read_clips(options.clips)
    if options.portraits and options.sounds:
        portraits = sorted(path for path in options.portraits.iterdir() if path.is_file())
        sounds = sorted(path for path in options.sounds.iterdir() if path.is_file())
        step = max(1, len(portraits) // options.renders)
        yield from render(portraits[::step][: options.renders], sounds, options.size)


class Results:
    """What was measured so far."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.tallies: dict[str, dict[str, Tally]] = {}
        self.clean: list[tuple[str, ...]] = []
        self.rates: list[tuple[str, ...]] = []

    def add(self, source: Source) -> None:
        """Measure one video, as it is and encoded."""
        kind = "filmed" if source.is_real else "rendered"
        coded = encoded(source.frames, source.fps, _CRF)
        row = [source.name, kind, str(len(source.frames))]
        row += [str(count_changed(frames)) for frames in (source.frames, coded)]
        self.clean.append(tuple(row))
        for fault in KINDS:
            harmed = plant(source.frames, fault, self._seed, source.between)
            self._tally(f"{kind}, frames", fault, measure(harmed, harmed.frames))
            coded = encoded(harmed.frames, source.fps, _CRF)
            self._tally(f"{kind}, encoded", fault, measure(harmed, coded))
            _LOG.info("%s: %s", source.name, fault)
        if source.between is not None:
            found = measure_between(source.frames, source.between)
            name = f"{source.name} to {2 * source.fps}"
        else:
            found = measure_between(source.frames[::2], source.frames[1::2])
            name = f"{source.name}, 12.5 to 25 fps"
        self.rates.append((name, *(f"{each:.1f}" for each in found)))

    def _tally(self, group: str, fault: str, tally: Tally) -> None:
        for name in (group, "all, frames" if group.endswith("frames") else "all, encoded"):
            self.tallies.setdefault(name, {}).setdefault(fault, Tally()).add(tally)

    def tables(self) -> list[Table]:
        """Give the tables."""
        header = ("fault", "planted", "found", "recall", "precision", "PSNR", "gain", "better")
        found = [
            Table(f"Faults: {group}", header, [_row(*each) for each in _with_sum(tallies)])
            for group, tallies in self.tallies.items()
        ]
        for table, tallies in zip(found, self.tallies.values(), strict=True):
            table.figures.update({name: vars(tally) for name, tally in tallies.items()})
        if found:
            found[0].notes.extend([COUNTS, _HOW])
        changed = ("video", "", "frames", "changed", "changed when encoded")
        between = ("video", "flow, dB", "mean of both, dB", "frame before, dB")
        return [
            *found,
            Table(
                "Frames changed in unharmed videos",
                changed,
                self.clean,
                figures={row[0]: row[1:] for row in self.clean},
            ),
            Table(
                "Frames half-way, against the true ones",
                between,
                self.rates,
                figures={row[0]: row[1:] for row in self.rates},
            ),
        ]


_HOW = (
    f"Encoded: the harmed video was encoded as H.264 (crf {_CRF}) and decoded first. PSNR and "
    "gain: medians over found faults, dB, against the unharmed frame; better: share of them that "
    "came nearer to it. Doubled frames are compared with the true picture half-way, where it was "
    "rendered."
)


def _with_sum(tallies: dict[str, Tally]) -> list[tuple[str, Tally]]:
    rows = list(tallies.items())
    total = Tally()
    for fault in (*FROZEN[:2], *DISPLACED):
        total.add(tallies.get(fault, Tally()))
    return [*rows, (_ALL, total)]


def _row(name: str, tally: Tally) -> tuple[str, ...]:
    has_truth = bool(tally.gains_db)
    return (
        name,
        str(tally.planted),
        str(tally.found),
        f"{100 * tally.recall:.1f} %",
        f"{100 * tally.precision:.1f} %",
        f"{np.median(tally.harmed_db):.1f}" if has_truth else "",
        f"{np.median(tally.gains_db):+.1f}" if has_truth else "",
        f"{100 * tally.improved:.0f} %" if has_truth else "",
    )


def _cost(source: Source, sounds: Path) -> Table:
    sound = max((path for path in sounds.iterdir()), key=lambda path: path.stat().st_size)
    with tempfile.TemporaryDirectory() as folder:
        cost = measure_cost(source.frames, source.fps, sound, Path(folder))
    height, width = source.frames.shape[1:3]
    rows = [
        ("smoothing, CPU time of a frame", f"{cost.smooth_ms:.1f} ms"),
        ("encoding alone", f"{cost.video_s / cost.encode_s:.1f} x real time"),
        ("smoothing and encoding", f"{cost.video_s / cost.both_s:.1f} x real time"),
        ("memory that a video of ten times the length has more", f"{cost.grown_mb:.0f} MB"),
    ]
    title = f"Cost at {width}x{height}, {source.fps} fps"
    return Table(title, ("what", "figure"), rows, [f"Video: {source.name}."], vars(cost))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; give the exit code.

    Args:
        arguments: Command line without the program's name; that of the process if None.
    """
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    results = Results(options.seed)
    tables: list[Table] = []
    for source in _sources(options):
        results.add(source)
        if options.json:  # what is measured so far
            options.json.write_text(to_json(results.tables()), encoding="utf-8")
        if not tables and options.sounds and not source.is_real:
            tables.append(_cost(source, options.sounds))
    tables = [*results.tables(), *tables]
    for table in tables:
        print(table.to_text())
    if options.json:
        options.json.write_text(to_json(tables), encoding="utf-8")
    if options.write:
        sections = "\n".join(table.to_markdown() for table in tables)
        write_between_marks(options.write, sections, "smooth")
    return 0


if __name__ == "__main__":
    sys.exit(main())
