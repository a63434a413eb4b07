"""Motion files of all kinds that are read: docs/motion.md has them. `writer` writes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from opensonic.channels import CHANNELS, HIGH, INDEX, LOW, MOUTH
from opensonic.errors import InputError
from opensonic.media.files import check_file
from opensonic.motion.arkit import (
    ANGLES,
    COLUMN,
    COLUMNS,
    find_arkit,
    from_arkit,
)
from opensonic.motion.json_table import read_json, read_tsv
from opensonic.motion.rhubarb import RATE, Cue, fill_gaps, perform_cues
from opensonic.motion.table import Table, read_csv
from opensonic.motion.track import Floats, Track, build_track, sample_track
from opensonic.settings import choose
from opensonic.values import Motion

ACCEPTED = (
    "a motion file: OpenSonic's CSV or JSON, Live Link Face's CSV, ARKit's shapes in JSON, "
    "Rhubarb's JSON or TSV"
)
"""What messages say can be read."""

_MOST_FRAMES = 24 * 60 * 60 * 120
"""A day at the highest frame rate: 0.9 GB."""
_SLACK = 0.01
"""How far a shape may leave 0 to 1 without a warning."""


def read_track(path: str | Path) -> Track:
    """Read any motion file.

    Args:
        path: The file; what it is shows in its content, not in its name.

    Raises:
        InputError: It is missing, empty, of no known format, or damaged; the message says where.
    """
    source = Path(path)
    check_file(source, str(path), ACCEPTED)
    first = _first_line(source)
    if first.startswith(("{", "[")):
        found = read_json(source)
    elif first.startswith("<"):
        raise InputError(
            f"{source.name}: is XML; expected {ACCEPTED} (rhubarb writes JSON with -f json)"
        )
    elif "\t" in first and first.split("\t")[0].replace(".", "", 1).isdigit():
        found = read_tsv(source)
    else:
        found = read_csv(source)
    return _track_of_table(found) if isinstance(found, Table) else _track_of_cues(source, found)


def read_motion(path: str | Path, fps: Fraction | int | str | None = None) -> Motion:
    """Read a motion file of any kind that docs/motion.md names.

    Args:
        path: The file.
        fps: Frames per second wanted; unset: the file's own.

    Returns:
        The motion from the sound's start to the file's end; channels that the file does not tell
        of are at rest.

    Raises:
        InputError: The file cannot be used; the message says where and what was expected.
    """
    track = read_track(path)
    rate = track.fps if fps is None else choose(fps=fps)[0].fps
    n_frames = max(1, round(track.end_s * float(rate)))
    if n_frames > _MOST_FRAMES:
        raise InputError(
            f"{track.name}: would be {n_frames} frames at {float(rate):.6g} a second; expected at "
            f"most {_MOST_FRAMES}; ask for fewer by fps, or cut the file"
        )
    return Motion(sample_track(track, rate, n_frames), rate)


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror})") from error
    if not text:
        raise InputError(f"{path.name}: the file holds nothing but blanks; expected {ACCEPTED}")
    return text.split(b"\n")[0].decode("utf-8", "replace")


def _track_of_cues(path: Path, cues: list[Cue]) -> Track:
    mouth = perform_cues(fill_gaps(cues))
    values = np.zeros((len(mouth), len(CHANNELS)), np.float32)
    values[:, MOUTH] = mouth
    known = np.zeros(len(CHANNELS), bool)
    known[MOUTH] = True
    starts = np.arange(len(mouth)) / RATE
    return build_track(path.name, starts, values, known, fps=Fraction(RATE))


def _track_of_table(table: Table) -> Track:
    ours = {name.lower(): i for i, name in enumerate(table.columns) if name.lower() in INDEX}
    theirs = {
        i: found
        for i, name in enumerate(table.columns)
        if name.lower() not in INDEX and (found := find_arkit(name))
    }
    values = np.zeros((len(table.numbers), len(CHANNELS)), np.float32)
    known = np.zeros(len(CHANNELS), bool)
    warnings: list[str] = []
    if theirs:
        shapes = np.zeros((len(values), len(COLUMNS)), np.float32)
        present = np.zeros(len(COLUMNS), bool)
        for i, name in theirs.items():
            shapes[:, COLUMN[name]] = table.numbers[:, i]
            present[COLUMN[name]] = True
        is_shape = np.array([name not in ANGLES for name in COLUMNS])
        bounds = np.where(is_shape, 0, -np.inf), np.where(is_shape, 1, np.inf)
        warnings += _tell_outside(table, shapes, *bounds, COLUMNS, _SLACK)
        values, known = from_arkit(np.clip(shapes, *bounds).astype(np.float32), present)
    for name, i in ours.items():
        values[:, INDEX[name]] = table.numbers[:, i]
        known[INDEX[name]] = True
    if ours or known[INDEX["head_yaw"]]:
        warnings += _tell_outside(table, values, LOW, HIGH, CHANNELS, 1e-6)
    unused = ", ".join(table.unused[:5])
    notes = (f"{table.name}: not used: {unused}",) if unused else ()
    return build_track(
        table.name,
        table.starts,
        values,
        known,
        fps=table.fps,
        notes=notes,
        warnings=tuple(warnings),
    )


def _tell_outside(
    table: Table,
    values: Floats,
    low: np.ndarray,
    high: np.ndarray,
    names: tuple[str, ...],
    slack: float,
) -> list[str]:
    """Warn of values that will be clipped, and show the first."""
    places = np.argwhere((values < low - slack) | (values > high + slack))
    if not len(places):
        return []
    row, column = places[0]
    many = "1 value lies" if len(places) == 1 else f"{len(places)} values lie"
    return [
        f"{table.name}: {many} outside the range and will be held to it, first {names[column]} "
        f"{values[row, column]:.4g} in {table.place(int(row))} "
        f"({low[column]:g} to {high[column]:g})"
    ]
