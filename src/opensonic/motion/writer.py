"""Motion files that are written: CSV in two layouts, and JSON. docs/motion.md describes them.

Frames are written as they come, under a hidden name that becomes the file's own when it is whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TextIO

from opensonic.channels import ALL, CHANNELS
from opensonic.errors import EncodeError, InputError
from opensonic.media.files import check_place, part_file, write_errors
from opensonic.motion.arkit import COLUMNS, SHAPES, to_arkit
from opensonic.motion.json_table import FORMAT, VERSION
from opensonic.motion.track import Floats
from opensonic.progress import Progress, Report, ignore
from opensonic.values import Chunk, Motion, Performance

LAYOUTS = ("opensonic", "livelink")
"""Layouts of a CSV file: all of our channels and ARKit's shapes; or Live Link Face's columns."""
SUFFIXES = (".csv", ".json")
"""Kinds of file that can be written."""


def check_motion_target(path: Path, layout: str = "opensonic") -> None:
    """Refuse a motion file that cannot be written, before any work is done.

    Raises:
        EncodeError: The ending is unknown, or the place cannot be written to.
        InputError: The layout is unknown, or not one of that kind of file.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise EncodeError(
            f"{path}: cannot write {path.suffix or 'a file without ending'}; "
            f"expected a name that ends in {' or '.join(SUFFIXES)}"
        )
    if layout not in LAYOUTS:
        raise InputError(f"layout: {layout!r} is not known; expected one of {', '.join(LAYOUTS)}")
    if layout != "opensonic" and suffix != ".csv":
        raise InputError(
            f"{path}: the layout {layout} is one of CSV files; expected a name that ends in .csv"
        )
    check_place(path)


@contextmanager
def motion_file(
    path: Path, fps: Fraction, layout: str = "opensonic"
) -> Iterator[Callable[[Motion], None]]:
    """Write a motion file part by part; it appears under its name when all went well.

    Args:
        path: Target, ending in one of `SUFFIXES`.
        fps: Frames per second.
        layout: One of `LAYOUTS`.

    Yields:
        Takes the next part of the motion.

    Raises:
        EncodeError: The file cannot be written.
        InputError: The layout does not suit the file.
    """
    check_motion_target(path, layout)
    style = _STYLES[path.suffix.lower(), layout]
    with part_file(path) as part:
        with write_errors(path):
            file = part.open("w", encoding="utf-8", newline="\n")
        try:
            writer = _Writer(path, file, fps, style)
            yield writer.write
            writer.finish()
        finally:
            with suppress(OSError):  # what a full disk could not take has been told
                file.close()
        with write_errors(path):
            part.replace(path)


@dataclass(frozen=True)
class _Style:
    """How a file begins, how a frame is put down, what stands between frames, how it ends."""

    head: Callable[[Fraction], str]
    frame: Callable[[Fraction, Floats, Floats], str]
    between: str
    tail: str


class _Writer:
    def __init__(self, path: Path, file: TextIO, fps: Fraction, style: _Style) -> None:
        self._path, self._file, self._fps, self._style = path, file, fps, style
        self._n_frames = 0
        with write_errors(path):
            file.write(style.head(fps))

    def write(self, motion: Motion) -> None:
        """Write the next frames."""
        lines = []
        for row, shapes in zip(motion.values, to_arkit(motion.values), strict=True):
            lines.append(self._style.between if self._n_frames else "")
            lines.append(self._style.frame(self._n_frames / self._fps, row, shapes))
            self._n_frames += 1
        with write_errors(self._path):
            self._file.write("".join(lines))

    def finish(self) -> None:
        """Write what closes the file, and let go of it."""
        with write_errors(self._path):
            self._file.write(self._style.tail)
            self._file.close()


def _exact(row: Floats) -> str:
    """Nine digits: as many as bring every float32 back."""
    return ",".join(f"{value:.9g}" for value in row.tolist())


def _short(row: Floats) -> str:
    return ",".join(f"{value:.6g}" for value in row.tolist())


def _seconds(start: Fraction) -> str:
    return f"{float(start):.6f}"


def _timecode(start: Fraction) -> str:
    """Write seconds as Live Link Face does: 60 frames a second, and thousandths of them."""
    seconds, thousandths = divmod(round(start * 60_000), 60_000)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    frames, rest = divmod(thousandths, 1000)
    return f"{hours:02d}:{minutes:02d}:{seconds % 60:02d}:{frames:02d}.{rest:03d}"


def _pascal(name: str) -> str:
    return name[0].upper() + name[1:]


def _json_head(fps: Fraction) -> str:
    units = {
        channel.name: {"low": channel.low, "high": channel.high, "meaning": channel.meaning}
        for channel in ALL
    }
    head = {
        "format": FORMAT,
        "version": VERSION,
        "fps": str(fps),
        "time": "seconds since the sound's start at which a frame begins to be shown",
        "channels": list(CHANNELS),
        "arkit": list(SHAPES),
        "ranges": {**units, "arkit": {"low": 0, "high": 1, "meaning": "Apple's blendshapes"}},
    }
    return json.dumps(head)[:-1] + ',\n"frames": [\n'


_STYLES = {
    (".csv", "opensonic"): _Style(
        head=lambda fps: ",".join(("time", *CHANNELS, *SHAPES)) + "\n",
        frame=lambda start, row, shapes: (
            f"{_seconds(start)},{_exact(row)},{_short(shapes[: len(SHAPES)])}\n"
        ),
        between="",
        tail="",
    ),
    (".csv", "livelink"): _Style(
        head=lambda fps: ",".join(("Timecode", "BlendShapeCount", *map(_pascal, COLUMNS))) + "\n",
        frame=lambda start, row, shapes: (
            f"{_timecode(start)},{len(COLUMNS)},"
            + ",".join(f"{value:.10f}" for value in shapes.tolist())
            + "\n"
        ),
        between="",
        tail="",
    ),
    (".json", "opensonic"): _Style(
        head=_json_head,
        frame=lambda start, row, shapes: (
            f'{{"time":{_seconds(start)},"channels":[{_exact(row)}],'
            f'"arkit":[{_short(shapes[: len(SHAPES)])}]}}'
        ),
        between=",\n",
        tail="\n]}\n",
    ),
}


def write_motion(
    motion: Motion | Performance,
    path: str | Path,
    *,
    layout: str = "opensonic",
    progress: Progress = ignore,
) -> int:
    """Write motion as CSV or JSON. The file appears under its name only when it is whole.

    Args:
        motion: What to write; a `Performance` is written as it is heard, in constant memory.
        path: Target, ending in .csv or .json.
        layout: `opensonic`: our channels and ARKit's shapes; `livelink` (.csv): exactly the columns
            of Epic's Live Link Face.
        progress: Told about every part.

    Returns:
        Frames written.

    Raises:
        EncodeError: The file cannot be written.
        InputError: The layout is unknown or not one of that kind of file.
    """
    parts = motion.parts() if isinstance(motion, Performance) else [motion]
    total = motion.n_frames if isinstance(motion, Performance) else len(motion.values)
    done = 0
    with motion_file(Path(path), motion.fps, layout) as write:
        for part in parts:
            write(part)
            done += len(part.values)
            progress(Report("hearing", done, total))
    return done


def note_motion(
    chunks: Iterable[Chunk], write: Callable[[Motion], None], engine: str
) -> Iterator[Chunk]:
    """Write the motion of chunks down while they pass.

    Args:
        chunks: Frames and their motion.
        write: Takes the motion, as `motion_file` gives it.
        engine: What messages call the engine.

    Yields:
        The chunks.

    Raises:
        InputError: The engine does not tell the motion of its frames.
    """
    for chunk in chunks:
        if chunk.motion is None:
            raise InputError(unknown_motion(engine))
        write(chunk.motion)
        yield chunk


def unknown_motion(engine: str) -> str:
    """Say that an engine cannot tell its motion."""
    return (
        f"engine {engine} does not know the motion of its frames; "
        "expected the engine mesh where motion shall be written"
    )
