"""How well the lips fit: `python -m benchmarks.lips [--clips DIR] [--corpus DIR] ...`.

Run from the root of the repository; docs/lips.md says what is measured. What is not there is
skipped, with the reason. Nothing is fetched.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.lips.clips import measure_clips, measure_people
from benchmarks.lips.tables import Table, to_json, write_between_marks
from benchmarks.lips.truth import find_mediapipe
from benchmarks.lips.videos import measure_lags, measure_pace
from benchmarks.lips.voices import measure_breaks, measure_held_out, measure_quiet, read_voices

from opensonic.errors import InputError
from opensonic.train.speech.corpus import Labelled
from opensonic.weights import RECORDS

PARTS = ("clips", "people", "voices", "quiet", "pauses", "lag", "speed")
"""What `--only` can name."""

_LOG = logging.getLogger("lips")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lips", description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of real talking clips")
    parser.add_argument("--tracks", type=Path, help="folder of true mouth tracks (GRID)")
    parser.add_argument("--corpus", type=Path, help="training corpus with the held-out voices")
    parser.add_argument("--music", type=Path, help="folder of music and noise without voices")
    parser.add_argument("--sounds", type=Path, help="folder of recordings to render")
    parser.add_argument("--portrait", type=Path, help="picture to render, seen from the front")
    parser.add_argument("--size", type=int, default=384, help="short side of rendered videos, px")
    parser.add_argument("--seconds", type=float, default=120, help="of each held-out voice")
    parser.add_argument("--mediapipe", metavar="PYTHON", help="interpreter that has mediapipe 0.10")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    parser.add_argument("--write", type=Path, help="page whose results are replaced (docs/lips.md)")
    parser.add_argument("--json", type=Path, help="file that gets all figures")
    return parser.parse_args(arguments)


def _skipped(title: str, reason: str) -> Table:
    return Table(title, notes=[f"Skipped: {reason}."])


def _voices(options: argparse.Namespace) -> tuple[list[Labelled], str]:
    """Give the held-out voices and where they are from; or none, and why."""
    if not {"voices", "pauses"} & set(options.only):
        return [], "not asked for"
    try:
        return read_voices(options.corpus, options.seconds)
    except InputError as error:
        return [], str(error)


def run(options: argparse.Namespace) -> list[Table]:
    """Run the parts that are asked for.

    Args:
        options: As the command line gives them.
    """
    python = find_mediapipe(options.mediapipe)
    items, source = _voices(options)

    def clips() -> Table:
        if options.clips is None:
            return _skipped("Real clips", "no folder of clips was given (--clips)")
        return measure_clips(options.clips, python)

    def people() -> Table:
        if options.tracks is None:
            return _skipped("People kept aside", "no folder of tracks was given (--tracks)")
        return measure_people(options.tracks)

    def voices() -> Table:
        return measure_held_out(items, source) if items else _skipped("Held-out voices", source)

    def pauses() -> Table:
        return measure_breaks(items) if items else _skipped("Open mouths in pauses", source)

    parts: dict[str, Callable[[], Table]] = {
        "clips": clips,
        "people": people,
        "voices": voices,
        "quiet": lambda: measure_quiet(options.music),
        "pauses": pauses,
        "lag": lambda: measure_lags(
            options.clips, options.sounds, options.portrait, options.size, python
        ),
        "speed": measure_pace,
    }
    tables = []
    for name, part in parts.items():
        if name in options.only:
            _LOG.info("measuring: %s", name)
            tables.append(part())
            print(tables[-1].to_text(), flush=True)
    return tables


def _describe_run() -> str:
    """Say what was measured, so that old results are known as such."""
    network = RECORDS["speech"].sha256[:12]
    cores = os.cpu_count()
    return (
        f"Speech network {network} (SHA-256), OpenSonic {version('opensonic')}, "
        f"{platform.machine()} with {cores} cores, {time.strftime('%Y-%m-%d')}.\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what is asked for; give the exit code.

    Args:
        arguments: Command line without the program's name; that of the process if None.
    """
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        tables = run(options)
    except InputError as error:
        print(f"lips: {error}", file=sys.stderr)
        return 2
    if options.json:
        options.json.write_text(to_json(tables), encoding="utf-8")
    if options.write:
        sections = [table.to_markdown() for table in tables]
        write_between_marks(options.write, "\n".join([_describe_run(), *sections]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
