"""How well the lag is measured: `python -m benchmarks.sync --clips DIR [--rendered DIR] ...`.

Run from the root of the repository; docs/sync.md says what is measured. What is not there is
skipped. Nothing is fetched.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from benchmarks.lips.tables import Table, to_json, write_between_marks
from benchmarks.sync.takes import find_sounds, given_takes, read_takes, render_takes, true_lags
from benchmarks.sync.trials import measure_lags, measure_pairs

from opensonic.media.audio import read_speech
from opensonic.post.sync.heard import hear_lips
from opensonic.weights import RECORDS

_EXAMPLES = Path(str(files("opensonic") / "examples"))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync", description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of real talking videos, in sync")
    parser.add_argument("--tracks", type=Path, help="given tracks of these (tracks.npz)")
    parser.add_argument("--manifest", type=Path, help="table with the column sync_lag_frames")
    parser.add_argument("--rendered", type=Path, help="folder of rendered videos")
    parser.add_argument("--sounds", type=Path, help="recordings to render when there is none")
    parser.add_argument("--portraits", type=Path, help="pictures to render; else the bundled one")
    parser.add_argument("--size", type=int, default=384, help="short side of what is rendered, px")
    parser.add_argument("--write", type=Path, help="page whose results are replaced")
    parser.add_argument("--json", type=Path, help="file that gets all figures")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> Iterator[Table]:
    """Measure what is asked for.

    Args:
        options: As the command line gives them.
    """
    truth = true_lags(options.manifest) if options.manifest else {}
    if options.clips:
        takes = read_takes(options.clips)
        yield measure_lags("Real videos, our tracker", takes, truth)
        yield measure_pairs("Right and wrong sounds, our tracker", takes, [])
        if options.tracks:
            given = given_takes(takes, options.tracks)
            yield measure_lags("Real videos, given tracks", given, truth)
            yield measure_pairs("Right and wrong sounds, given tracks", given, [])
    if options.rendered:
        takes = read_takes(options.rendered)
    else:
        sounds = [
            _EXAMPLES / "speech.flac",
            *(find_sounds(options.sounds) if options.sounds else []),
        ]
        portraits = sorted(options.portraits.iterdir()) if options.portraits else []
        portraits = portraits or [_EXAMPLES / "portrait.png"]
        takes = list(render_takes(portraits, sounds, options.size))
    yield measure_lags("Rendered videos", takes, {})
    if len(takes) > 1:
        yield measure_pairs("Right and wrong sounds, rendered videos", takes, [])
    yield _measure_speed()


def _measure_speed() -> Table:
    speech = read_speech(_EXAMPLES / "speech.flac")
    hear_lips(speech)
    started = time.process_time()
    for _ in range(3):
        hear_lips(speech)
    pace = 3 * float(speech.duration) / (time.process_time() - started)
    return Table(
        "Speed",
        ("part", "x real time"),
        [("hearing, one core", f"{pace:.0f}")],
        [],
        {"hearing": pace},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what is asked for; give the exit code.

    Args:
        arguments: Command line without the program's name; that of the process if None.
    """
    options = _parse(arguments)
    tables = []
    for table in run(options):
        print(table.to_text(), flush=True)
        tables.append(table)
    if options.json:
        options.json.write_text(to_json(tables), encoding="utf-8")
    if options.write:
        networks = ", ".join(RECORDS[name].sha256[:12] for name in ("sync_lips", "sync_sound"))
        about = (
            f"Networks {networks} (SHA-256), OpenSonic {version('opensonic')}, "
            f"{platform.machine()} with {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}.\n"
        )
        text = "\n".join([about, *(table.to_markdown() for table in tables)])
        write_between_marks(options.write, text, "sync")
    return 0


if __name__ == "__main__":
    sys.exit(main())
