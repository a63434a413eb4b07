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

from opensonic.errors import InputError

if TYPE_CHECKING:
    from _csv import Reader

TIME_NAMES = ("time", "time_s", "timestamp", "seconds")
"""Names of a column of seconds."""

_TIMECODE = re.compile(r"(\d+):(\d\d):(\d\d)[:;](\d+(?:\.\d+)?)")
_TIMECODE_RATES = (24, 25, 30, 48, 50, 60, 120, 240)
_USUAL_TIMECODE_RATE = 60
_DAY_S = 24 * 60 * 60
_LONGEST_S = 7 * _DAY_S
_BOOKKEEPING = ("blendshapecount", "frame", "framenumber")


@dataclass(frozen=True, eq=False)
class Table:
    """The numbers of a motion file.

    Attributes:
        name: What messages call the file.
        columns: Names of the columns of `numbers`.
        starts: (T,) float64, when each row begins to be shown, seconds.
        numbers: (T, K) float64, finite.
        place: Says where row i stands in the file: `line 14`.
        fps: Rows per second, if the file says so.
    """

    name: str
    columns: tuple[str, ...]
    starts: npt.NDArray[np.float64]
    numbers: npt.NDArray[np.float64]
    place: Callable[[int], str]
    fps: Fraction | None = None

    def __post_init__(self) -> None:
        _check_names(self.name, self.columns)
        if not len(self.numbers):
            raise InputError(f"{self.name}: holds no frames; expected at least one row of motion")
        for row, column in np.argwhere(~np.isfinite(self.numbers))[:1]:
            raise InputError(
                f"{self.name}, {self.place(row)}: {self.columns[column]} is "
                f"{self.numbers[row, column]}; expected a finite number"
            )
        if self.starts[-1] > _LONGEST_S:
            raise InputError(
                f"{self.name}, {self.place(len(self.starts) - 1)}: the time is "
                f"{self.starts[-1]:.6g}; expected seconds since the sound's start"
            )
        back = np.flatnonzero(~(np.diff(self.starts) > 0))
        if len(back):
            row = int(back[0]) + 1
            raise InputError(
                f"{self.name}, {self.place(row)}: its time, {self.starts[row]:.6g} s, does not "
                f"come after that of the row before, {self.starts[row - 1]:.6g} s; "
                "expected rows in order of time"
            )


def _check_names(name: str, columns: Sequence[str]) -> None:
    seen: set[str] = set()
    for column in columns:
        if column.lower() in seen:
            raise InputError(f"{name}: two columns are called {column!r}; expected each name once")
        seen.add(column.lower())


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
    used = [
        i for i, column in enumerate(header) if i != clock and column.lower() not in _BOOKKEEPING
    ]
    is_timecode = header[clock].lower() == "timecode"
    times: list[str] = []
    numbers, lines = array("d"), array("L")
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
    read = _seconds_of_timecodes if is_timecode else _seconds
    starts = read(name, times, lines)
    table = np.array(numbers, np.float64).reshape(len(times), len(used))
    # A camera may see two frames in one step of its clock: the later one counts.
    keep = np.flatnonzero(np.append(np.diff(starts) != 0, [True] * min(len(starts), 1)))
    return Table(
        name=name,
        columns=tuple(header[i] for i in used),
        starts=starts[keep],
        numbers=table[keep],
        place=lambda row: f"line {lines[int(keep[row])]}",
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
    """Read `HH:MM:SS:FF.fff`; the first row is the start, whatever the time of day.

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
        hours, minutes, seconds = (int(part) for part in found.groups()[:3])
        whole[row], frames[row] = hours * 3600 + minutes * 60 + seconds, float(found[4])
    if not len(times):
        return whole
    rate = _USUAL_TIMECODE_RATE
    if frames.max() >= rate or len(np.unique(whole)) > 2:  # a whole second is there to count
        rate = next((r for r in _TIMECODE_RATES if r > frames.max()), _USUAL_TIMECODE_RATE)
    starts = whole + frames / rate
    starts += _DAY_S * np.cumsum(np.append(0, np.diff(starts) < -_DAY_S / 2))
    return np.asarray(starts - starts[0])
