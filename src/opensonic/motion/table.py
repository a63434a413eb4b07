"""Rows of named numbers over time: what every motion file is once its punctuation is gone.

Here are the tables with columns: our CSV (`time` in seconds) and Live Link Face's (`Timecode`).
"""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
import numpy.typing as npt

from opensonic.channels import INDEX
from opensonic.errors import InputError
from opensonic.motion.arkit import find_arkit

if TYPE_CHECKING:
    from _csv import Reader

TIME_NAMES = ("time", "time_s", "timestamp", "seconds")
"""Names of a column of seconds."""

_TIMECODE = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)(?:[:;](\d+(?:\.\d+)?))?")
_TIMECODE_RATES = (24, 25, 30, 48, 50, 60, 120, 240)
_USUAL_TIMECODE_RATE = 60
_SHORTEST_S = 1e-6
_DAY_S = 24 * 60 * 60
LONGEST_S = _DAY_S
"""Longest motion that is read, seconds."""
_BOOKKEEPING = ("blendshapecount", "frame", "framenumber")


@dataclass(frozen=True, eq=False)
class Table:
    """The numbers of a motion file.

    Attributes:
        name: What messages call the file.
        columns: Names of the columns of `numbers`: channels of ours or shapes of ARKit's.
        starts: (T,) float64, when each row begins to be shown, seconds.
        numbers: (T, K) float32, finite.
        place: Says where row i stands in the file: `line 14`.
        fps: Rows per second, if the file says so.
        unused: Columns of the file that are nothing of a face.
    """

    name: str
    columns: tuple[str, ...]
    starts: npt.NDArray[np.float64]
    numbers: npt.NDArray[np.float32]
    place: Callable[[int], str]
    fps: Fraction | None = None
    unused: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.numbers):
            raise InputError(f"{self.name}: holds no frames; expected at least one row of motion")
        for row, column in np.argwhere(~np.isfinite(self.numbers))[:1]:
            raise InputError(
                f"{self.name}, {self.place(row)}: {self.columns[column]} is "
                f"{self.numbers[row, column]}; expected a finite number"
            )
        if self.starts[-1] > LONGEST_S:
            raise InputError(
                f"{self.name}, {self.place(len(self.starts) - 1)}: the time is "
                f"{self.starts[-1]:.6g}; expected seconds since the sound's start"
            )
        back = np.flatnonzero(~(np.diff(self.starts) > _SHORTEST_S))
        if len(back):
            row = int(back[0]) + 1
            raise InputError(
                f"{self.name}, {self.place(row)}: its time, {self.starts[row]:.6g} s, does not "
                f"come after that of the row before, {self.starts[row - 1]:.6g} s; "
                "expected rows in order of time"
            )


def pick_columns(name: str, columns: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Choose the columns that are needed: ours, and ARKit's where ours are not complete.

    Args:
        name: What messages call the file.
        columns: All names in the file.

    Returns:
        The names that are needed, and those that are nothing of a face.

    Raises:
        InputError: Two columns have the same name, or none is known.
    """
    seen: set[str] = set()
    for column in columns:
        if column.lower() in seen:
            raise InputError(f"{name}: two columns are called {column!r}; expected each name once")
        seen.add(column.lower())
    ours = [column for column in columns if column.lower() in INDEX]
    theirs = [column for column in columns if column.lower() not in INDEX and find_arkit(column)]
    if not ours and not theirs:
        shown = " ".join(", ".join(columns[:4]).split())
        raise InputError(
            f"{name}: has none of OpenSonic's channels and none of ARKit's shapes (found "
            f"{shown[:80] or 'no names'}); expected names such as jaw_open or JawOpen"
        )
    known = {*ours, *theirs}
    unused = tuple(column for column in columns if column not in known)
    return (ours if len(ours) == len(INDEX) else [*ours, *theirs]), unused


@contextmanager
def text_of(path: Path) -> Iterator[TextIO]:
    """Open a text file.

    Raises:
        InputError: It is not text in UTF-8, or cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name}: is not text in UTF-8; expected a motion file: CSV, TSV or JSON"
        ) from error
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror})") from error


def read_csv(path: Path) -> Table:
    """Read a table with a row of names, one row a frame, and a column `time` or `Timecode`.

    Commas, semicolons (then with decimal commas) and tabs may separate the columns.

    Raises:
        InputError: It is no such table; the message names the line.
    """
    with text_of(path) as file:
        sample = file.readline()
        file.seek(0)
        mark = max(",;\t", key=sample.count)
        rows = csv.reader(file, delimiter=mark)
        try:
            return _read_rows(path.name, rows, mark)
        except csv.Error as error:
            raise InputError(
                f"{path.name}, line {rows.line_num}: {error}; expected a table in CSV"
            ) from error


def _read_rows(name: str, rows: Reader, mark: str) -> Table:
    header = [column.strip() for column in next(iter(rows), [])]
    clock = _find_clock(name, header)
    others = [
        column
        for i, column in enumerate(header)
        if i != clock and column.lower() not in _BOOKKEEPING
    ]
    columns, unused = pick_columns(name, others)
    used = [header.index(column) for column in columns]
    times: list[str] = []
    numbers, lines = array("f"), array("L")
    for row in rows:
        if not any(row):
            continue
        if len(row) != len(header):
            raise InputError(
                f"{name}, line {rows.line_num}: has {len(row)} columns; "
                f"expected {len(header)} as in the first line"
            )
        if mark == ";":
            row = [cell.replace(",", ".") for cell in row]
        try:
            numbers.extend([float(row[i]) for i in used])
        except ValueError as error:
            raise _no_number(name, rows.line_num, header, row, used) from error
        times.append(row[clock])
        lines.append(rows.line_num)
    read = _seconds_of_timecodes if header[clock].lower() == "timecode" else _seconds
    starts = read(name, times, lines)
    table = np.frombuffer(numbers, np.float32).reshape(len(times), len(used))
    # A camera may see two frames in one step of its clock: the later one counts.
    keep = np.flatnonzero(np.append(np.diff(starts) != 0, [True] * min(len(starts), 1)))
    return Table(
        name=name,
        columns=tuple(columns),
        starts=starts[keep],
        numbers=table if len(keep) == len(table) else table[keep],
        place=lambda row: f"line {lines[int(keep[row])]}",
        unused=unused,
    )


def _find_clock(name: str, header: Sequence[str]) -> int:
    for column, text in enumerate(header):
        if text.lower() in (*TIME_NAMES, "timecode"):
            return column
    shown = ", ".join(header[:3])
    raise InputError(
        f"{name}, line 1: found {shown[:60]!r}; expected the names of columns, among them time "
        "(in seconds) or Timecode. Motion comes as OpenSonic's or Live Link Face's CSV, "
        "Rhubarb's JSON or TSV, or ARKit's shapes in JSON"
    )


def _no_number(
    name: str, line: int, header: Sequence[str], row: Sequence[str], used: Sequence[int]
) -> InputError:
    for i in used:
        try:
            float(row[i])
        except ValueError:
            return InputError(
                f"{name}, line {line}: {header[i]} is {row[i][:20]!r}; expected a number"
            )
    raise AssertionError("every cell is a number")


def _seconds(name: str, times: Sequence[str], lines: array[int]) -> npt.NDArray[np.float64]:
    seconds = np.empty(len(times))
    for row, text in enumerate(times):
        try:
            seconds[row] = float(text)
        except ValueError:
            seconds[row] = np.nan
        if not 0 <= seconds[row] < np.inf:
            raise InputError(
                f"{name}, line {lines[row]}: the time is {text[:20]!r}; "
                "expected seconds since the sound's start"
            )
    return seconds


def _seconds_of_timecodes(
    name: str, times: Sequence[str], lines: array[int]
) -> npt.NDArray[np.float64]:
    """Read `HH:MM:SS:FF.fff` or `HH:MM:SS.fff`; the first row is the start.

    Raises:
        InputError: One of them is no timecode.
    """
    whole, frames = np.empty(len(times)), np.empty(len(times))
    for row, text in enumerate(times):
        found = _TIMECODE.fullmatch(text.strip())
        if not found:
            raise InputError(
                f"{name}, line {lines[row]}: the timecode is {text[:24]!r}; expected one such as "
                "00:00:01:23.456 (hours, minutes, seconds, frames)"
            )
        hours, minutes, seconds = (float(part) for part in found.groups()[:3])
        whole[row] = hours * 3600 + minutes * 60 + seconds
        frames[row] = float(found[4] or 0)
    if not len(times):
        return whole
    rate = _USUAL_TIMECODE_RATE
    if frames.max() >= rate or len(np.unique(whole)) > 2:  # a whole second is there to count
        rate = next((r for r in _TIMECODE_RATES if r > frames.max()), _USUAL_TIMECODE_RATE)
    starts = whole + frames / rate
    starts += _DAY_S * np.cumsum(np.append(0, np.diff(starts) < -_DAY_S / 2))
    return np.asarray(starts - starts[0])
