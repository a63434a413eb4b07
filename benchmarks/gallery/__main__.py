"""How faces look: `python -m benchmarks.gallery --portraits DIR --out DIR`.

Renders one fixed set of every portrait of a folder, writes contact sheets and a page, and measures
what can be measured. Run from the root of the repository; docs/gallery.md tells what is shown.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmarks.gallery.blinks import FPS, act, count_blinks
from benchmarks.gallery.heads import measure_head
from benchmarks.gallery.measures import Figures, measure
from benchmarks.gallery.renders import Renders
from benchmarks.gallery.report import blinks_table, figures_table, heads_table, write_page
from benchmarks.gallery.trackers import Tracker, find_tracker
from benchmarks.lips.tables import Table, to_json, write_between_marks

import opensonic
from opensonic.channels import INDEX
from opensonic.errors import InputError, OpenSonicError
from opensonic.media.audio import read_speech

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp")
"""Endings of the files that are taken for portraits."""
SPEECH_S = 10
"""Length of the speech that every portrait says, seconds."""
_LOG = logging.getLogger("gallery")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True, help="folder of pictures, or one")
    parser.add_argument("--out", type=Path, required=True, help="folder for sheets and figures")
    parser.add_argument("--speech", type=Path, help="recording to speak (default: the bundled one)")
    parser.add_argument(
        "--long-speech", type=Path, nargs="+", help="recordings that are repeated for --minutes"
    )
    parser.add_argument("--size", type=int, help="short side of the renders (default: as animate)")
    parser.add_argument("--mediapipe", metavar="PYTHON", help="interpreter that has mediapipe 0.10")
    parser.add_argument(
        "--minutes", type=float, default=10, help="of motion for blinks and head; 0: none"
    )
    parser.add_argument("--sheets-only", action="store_true", help="measure nothing")
    parser.add_argument("--write", type=Path, help="page whose figures are replaced")
    return parser.parse_args(arguments)


def find_portraits(place: Path) -> list[Path]:
    """List the pictures of a folder, by name; or the one picture itself.

    Raises:
        InputError: There is none.
    """
    if place.is_file():
        return [place]
    found = []
    if place.is_dir():
        found = sorted(path for path in place.iterdir() if path.suffix.lower() in ENDINGS)
    if not found:
        raise InputError(f"{place}: no pictures there; expected a folder with portraits, or one")
    return found


def render_portrait(renders: Renders, folder: Path, tracker: Tracker | None) -> Figures | None:
    """Write the sheets of one portrait, and measure it where a tracker is given.

    Args:
        renders: The renders.
        folder: Where the sheets go.
        tracker: Places the landmarks, or None.
    """
    folder.mkdir(parents=True, exist_ok=True)
    renders.save_stills(folder)
    kept: dict[int, npt.NDArray[np.uint8]] = {}

    def speak() -> Iterator[npt.NDArray[np.uint8]]:
        for number, frame in enumerate(renders.speak()):
            if number in renders.strip_frames:
                kept[number] = frame.copy()
            yield frame

    found = None
    if tracker is None:
        for _ in speak():
            pass
    else:
        found = measure(renders, tracker, speak())
    renders.save_strips(folder, kept)
    return found


def measure_motion(sounds: Sequence[Path], minutes: float) -> list[Table]:
    """Measure blinks and head of minutes of motion.

    Args:
        sounds: Recordings, which are repeated with pauses.
        minutes: Length of the motion.
    """
    _LOG.info("motion of %g minutes", minutes)
    values, speaking = act(sounds, minutes)
    spoken = ", ".join(path.name for path in sounds)
    blinks = count_blinks(values[:, INDEX["blink_left"]], speaking)
    head = measure_head(values, speaking, float(FPS))
    return [blinks_table(blinks, spoken), heads_table(head, spoken)]


def run(options: argparse.Namespace) -> list[Table]:
    """Make the gallery.

    Args:
        options: As the command line gives them.
    """
    portraits = find_portraits(options.portraits)
    tracker = None if options.sheets_only else find_tracker(options.mediapipe)
    sound = options.speech or Path(str(files("opensonic") / "examples/speech.flac"))
    seconds = min(SPEECH_S, float(read_speech(sound).duration))
    parts = opensonic.hear_motion(sound, duration=str(seconds)).parts()
    speech = np.concatenate([part.values for part in parts])
    counted = []
    if options.minutes and not options.sheets_only:
        counted = measure_motion(options.long_speech or [sound], options.minutes)
    figures, names = {}, []
    for path in portraits:
        _LOG.info("%s", path.name)
        try:
            renders = Renders(path, speech, options.size)
        except OpenSonicError as error:
            _LOG.warning("left out: %s", error)
            continue
        names.append(renders.name)
        found = render_portrait(renders, options.out / renders.name, tracker)
        if found is not None:
            figures[renders.name] = found
    tables = []
    if tracker is not None and figures:
        tables.append(figures_table(figures, tracker.name))
    tables += counted
    write_page(options.out, names, tables)
    return tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the gallery, print its figures and write what is asked for; give the exit code.

    Args:
        arguments: Command line without the program's name; that of the process if None.
    """
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        tables = run(options)
    except OpenSonicError as error:
        print(f"gallery: {error}", file=sys.stderr)
        return error.exit_code
    for table in tables:
        print(table.to_text(), flush=True)
    (options.out / "figures.json").write_text(to_json(tables), encoding="utf-8")
    (options.out / "figures.txt").write_text(
        "\n".join(table.to_text() for table in tables), encoding="utf-8"
    )
    if options.write:
        when = f"Measured {time.strftime('%Y-%m-%d')}, OpenSonic {version('opensonic')}.\n"
        text = "\n".join([when, *(table.to_markdown() for table in tables)])
        write_between_marks(options.write, text, "gallery")
    return 0


if __name__ == "__main__":
    sys.exit(main())
