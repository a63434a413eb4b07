"""What `opensonic evaluate` says of real, rendered and harmed videos.

Run from the root of the repository; nothing is fetched. docs/evaluate.md holds the results.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.evaluation.harm import (
    FAULTS,
    PICTURES,
    SHIFTS,
    read_sound,
    render,
    shift_sound,
    write_harmed,
)
from benchmarks.lips.tables import Table, to_json, write_between_marks

import opensonic
from opensonic.metrics.evaluation import Evaluation

PARTS = ("clips", "rendered", "harmed", "faults")
"""What `--only` can name."""
LIPS = {
    "lag": "lag, ms",
    "lag_confidence": "confidence",
    "lip_correlation": "r",
    "lip_correlation_aligned": "r, aligned",
    "closure_recall_heard": "met, %",
    "closure_precision_heard": "right, %",
    "open_in_silence": "open, %",
    "blink_rate": "blinks/min",
    "head_motion": "head, °",
    "lmd": "LMD",
    "m_lmd": "M-LMD",
}
"""Columns of the first table."""
PICTURE = {
    "sharpness": "sharpness",
    "flicker": "flicker",
    "skin_flicker": "of the skin",
    "head_jump": "jump, % e",
    "identity_drift": "drift, % e",
    "colour_drift": "colour, ΔE",
    "repeated_frames": "repeated, %",
    "jumps": "jumps/min",
    "psnr": "PSNR",
    "ssim": "SSIM",
}
"""Columns of the second table."""

_LOG = logging.getLogger("evaluation")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of real talking clips")
    parser.add_argument("--portraits", type=Path, nargs="+", required=True, help="pictures")
    parser.add_argument("--sounds", type=Path, nargs="+", required=True, help="as many recordings")
    parser.add_argument("--harm", type=Path, required=True, help="the real clip to be harmed")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    parser.add_argument("--write", type=Path, help="page whose results are replaced")
    parser.add_argument("--json", type=Path, help="file that gets all figures")
    return parser.parse_args(arguments)


def _harmed(source: Path, other: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Write a video again and harm it in each way."""
    target = folder / "harmed.mp4"
    write_harmed(source, target)
    yield "written again", target
    for name, harm in PICTURES.items():
        write_harmed(source, target, harm)
        yield name, target
    sound, rate = read_sound(source)
    for name, by_s in SHIFTS.items():
        write_harmed(source, target, sound=(shift_sound(sound, rate, by_s), rate))
        yield name, target
    write_harmed(source, target, sound=read_sound(other))
    yield "another sound", target


def _row(name: str, found: Evaluation, columns: dict[str, str]) -> tuple[str, ...]:
    values = {row.name: row.value for row in found.rows}
    return (name, *(_cell(values.get(column)) for column in columns))


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.3g}"


def _tables(title: str, found: dict[str, Evaluation]) -> Iterator[Table]:
    figures = {
        name: {row.name: row.value for row in one.rows if row.value is not None}
        for name, one in found.items()
    }
    for what, columns in (("lips and face", LIPS), ("picture", PICTURE)):
        rows = [_row(name, one, columns) for name, one in found.items()]
        used = [any(row[place] for row in rows) for place in range(len(columns) + 1)]
        shown = [tuple(c for c, keep in zip(row, used, strict=True) if keep) for row in rows]
        header = [c for c, keep in zip(("", *columns.values()), used, strict=True) if keep]
        yield Table(f"{title}: {what}", tuple(header), shown, [], {what: figures})


def run(options: argparse.Namespace) -> Iterator[Table]:
    """Measure the parts that are asked for.

    Args:
        options: As the command line gives them.

    Yields:
        Two tables for each part.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts: dict[str, Callable[[], Iterator[Table]]] = {
            "clips": lambda: _real(options),
            "rendered": lambda: _rendered(options, folder),
            "harmed": lambda: _all_harmed(options, folder),
            "faults": lambda: _faulty(options, folder),
        }
        for part in PARTS:
            if part in options.only:
                yield from parts[part]()


def _real(options: argparse.Namespace) -> Iterator[Table]:
    clips = sorted(options.clips.glob("*.mp4"))
    yield from _tables("Real clips", {clip.stem: _look(clip) for clip in clips})


def _rendered(options: argparse.Namespace, folder: Path) -> Iterator[Table]:
    made = {}
    for portrait, sound in zip(options.portraits, options.sounds, strict=True):
        target = folder / f"{portrait.stem}.mp4"
        render(portrait, sound, target)
        made[f"{portrait.stem}, {sound.stem}"] = _look(target)
    yield from _tables("Rendered by the mesh engine", made)


def _all_harmed(options: argparse.Namespace, folder: Path) -> Iterator[Table]:
    clips = sorted(options.clips.glob("*.mp4"))
    other = next(clip for clip in reversed(clips) if clip != options.harm)
    harmed = {
        what: _look(path, options.harm) for what, path in _harmed(options.harm, other, folder)
    }
    yield from _tables(f"{options.harm.stem}, harmed", harmed)


def _faulty(options: argparse.Namespace, folder: Path) -> Iterator[Table]:
    base, portrait, sound = folder / "base.mp4", options.portraits[0], options.sounds[0]
    render(portrait, sound, base)
    faulty = {"as it is": _look(base)}
    for fault in FAULTS:
        target = folder / "faulty.mp4"
        render(portrait, sound, target, fault)
        faulty[fault] = _look(target, base)
    yield from _tables(f"{portrait.stem}, {sound.stem}, with faults", faulty)


def _look(video: Path, reference: Path | None = None) -> Evaluation:
    _LOG.info("evaluating %s", video.name)
    return opensonic.evaluate(video, reference=reference, observers=())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what is asked for; give the exit code.

    Args:
        arguments: Command line without the program's name; that of the process if None.
    """
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    tables = []
    for table in run(options):
        print(table.to_text(), flush=True)
        tables.append(table)
    if options.json:
        options.json.write_text(to_json(tables), encoding="utf-8")
    if options.write:
        text = "\n".join(table.to_markdown() for table in tables)
        write_between_marks(options.write, text, "evaluation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
