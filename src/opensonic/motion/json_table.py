"""Motion in JSON: our own files, Rhubarb's mouth cues, ARKit's shapes as other tools write them.

ARKit's shapes come as NVIDIA Audio2Face writes them (`facsNames`, `weightMat`, `exportFps`), or as
`frames`: a list of objects (or the whole file is that list) that hold the shapes by name, at once
or under `blendShapes`, `shapes` or `weights`, or as lists in the order of the file's `names`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from opensonic.errors import InputError
from opensonic.motion.rhubarb import SHAPES, Cue
from opensonic.motion.table import LONGEST_S, TIME_NAMES, Table, pick_columns, text_of

FORMAT, VERSION = "opensonic-motion", 1
"""What our own files call themselves."""

_RATES = ("fps", "exportFps", "frameRate", "frame_rate")
_NAMES = ("names", "blendShapeNames", "facsNames", "shapes")
_OUR_HOLDERS = ("channels", "arkit")
_HOLDERS = ("blendShapes", "blendshapes", "shapes", "weights", "values")
_MIN_FPS, _MAX_FPS = Fraction(1, 1000), 1000
_HUGE = 1e30
_EXPECTED = (
    "expected OpenSonic's own format, Rhubarb's (mouthCues), "
    "or frames of ARKit's shapes with their fps or times"
)

Json = Any
"""Whatever a JSON file holds."""


def read_json(path: Path) -> Table | list[Cue]:
    """Read a JSON file of motion.

    Returns:
        A table of channels or shapes; or Rhubarb's cues.

    Raises:
        InputError: It is no JSON, or none that holds motion; the message names line or frame.
    """
    try:
        with text_of(path) as file:
            document = json.load(file)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path.name}, line {error.lineno}: is not JSON ({error.msg}); {_EXPECTED}"
        ) from error
    except (RecursionError, ValueError) as error:  # nested or numbers too long for Python
        raise InputError(f"{path.name}: is not JSON that can be read; {_EXPECTED}") from error
    if isinstance(document, list):
        document = {"frames": document}
    if not isinstance(document, dict):
        raise InputError(f"{path.name}: holds {type(document).__name__}; {_EXPECTED}")
    if "mouthCues" in document:
        return _read_cues(path.name, document["mouthCues"])
    return _read_frames(path.name, document)


def read_tsv(path: Path) -> list[Cue]:
    """Read Rhubarb's TSV: a moment in seconds, a tab and a shape on each line.

    Raises:
        InputError: It is none; the message names the line.
    """
    found: list[tuple[str, float, str]] = []
    with text_of(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            parts = line.split("\t")
            if len(parts) != 2:
                raise InputError(
                    f"{path.name}, line {number}: {line.strip()[:30]!r} is not a moment, a tab "
                    "and a shape, as Rhubarb writes them"
                )
            start = _number(f"{path.name}, line {number}", "start", parts[0])
            found.append((f"line {number}", start, parts[1].strip()))
    ends = [start for _, start, _ in found[1:]] + [found[-1][1]]
    return _check_cues(
        path.name,
        [
            (place, start, end, shape)
            for (place, start, shape), end in zip(found, ends, strict=True)
        ],
    )


def _read_cues(name: str, cues: Json) -> list[Cue]:
    if not isinstance(cues, list) or not all(isinstance(cue, dict) for cue in cues):
        raise InputError(f"{name}: mouthCues is not a list of cues, as Rhubarb writes it")
    return _check_cues(
        name,
        [
            (f"cue {number}", cue.get("start"), cue.get("end"), cue.get("value"))
            for number, cue in enumerate(cues, 1)
        ],
    )


def _check_cues(name: str, found: Sequence[tuple[str, Json, Json, Json]]) -> list[Cue]:
    cues: list[Cue] = []
    for place, start, end, shape in found:
        where = f"{name}, {place}"
        begin, stop = _number(where, "start", start), _number(where, "end", end)
        if shape not in SHAPES:
            raise InputError(
                f"{where}: the shape is {str(shape)[:20]!r}; expected one of {', '.join(SHAPES)}"
            )
        if begin < (cues[-1].end_s if cues else 0) or not begin <= stop <= LONGEST_S:
            raise InputError(
                f"{where}: lasts from {begin:g} to {stop:g} s; expected cues in order of time, "
                "from 0 on, that do not overlap, within a day"
            )
        cues.append(Cue(begin, stop, shape))
    if not cues or cues[-1].end_s <= 0:
        raise InputError(f"{name}: holds no mouth cues; expected at least one")
    return cues


def _number(where: str, what: str, value: Json) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if isinstance(value, bool) or not abs(number) < _HUGE:
        raise InputError(f"{where}: {what} is {str(value)[:20]!r}; expected a number")
    return number


def _read_frames(name: str, document: Mapping[str, Json]) -> Table:
    if document.get("format") == FORMAT and document.get("version") != VERSION:
        raise InputError(
            f"{name}: is of version {document.get('version')!r} of our format; this OpenSonic "
            f"reads version {VERSION}; install a newer one"
        )
    frames = document.get("frames", document.get("weightMat"))
    if not isinstance(frames, list):
        raise InputError(f"{name}: holds no list of frames; {_EXPECTED}")
    if not frames:
        raise InputError(f"{name}: its list of frames is empty; expected at least one")
    fps = _read_fps(name, document)
    usual = next((document[key] for key in _NAMES if isinstance(document.get(key), list)), None)
    names = {
        holder: document[holder] if isinstance(document.get(holder), list) else usual
        for holder in (*_OUR_HOLDERS, *_HOLDERS, "")
    }
    first = _values_of(name, 0, frames[0], names)
    columns, unused = pick_columns(name, tuple(first))
    numbers = np.empty((len(frames), len(columns)), np.float32)
    starts = np.empty(len(frames))
    for i, frame in enumerate(frames):
        values = first if i == 0 else _values_of(name, i, frame, names)
        where = f"{name}, frame {i}"
        for column, key in enumerate(columns):
            if key not in values:
                raise InputError(f"{where}: has no {key!r}; expected the same names in all frames")
            numbers[i, column] = _number(where, key, values[key])
        starts[i] = _time_of(where, frame, i, fps)
    return Table(
        name=name,
        columns=tuple(columns),
        starts=starts,
        numbers=numbers,
        place=lambda row: f"frame {row}",
        fps=fps,
        unused=unused,
    )


def _values_of(
    name: str, number: int, frame: Json, names: Mapping[str, Sequence[str] | None]
) -> dict[str, Json]:
    """Find the numbers of one frame by name.

    Raises:
        InputError: The frame holds none.
    """
    where = f"{name}, frame {number}"
    if isinstance(frame, list):
        return _pair(where, names.get(""), frame)
    if not isinstance(frame, dict):
        raise InputError(f"{where}: is {str(frame)[:20]!r}; {_EXPECTED}")
    values: dict[str, Json] = {}
    for holder in (*_OUR_HOLDERS, *_HOLDERS):
        held = frame.get(holder)
        if isinstance(held, dict):
            values.update(held)
        elif isinstance(held, list):
            values.update(_pair(where, names.get(holder), held))
    if not values:
        values = {key: value for key, value in frame.items() if isinstance(value, (int, float))}
        for key in [key for key in values if key.lower() in TIME_NAMES]:
            del values[key]
    return values


def _pair(where: str, names: Sequence[str] | None, values: Sequence[Json]) -> dict[str, Json]:
    if names is None or len(names) != len(values):
        found = "no names" if names is None else f"{len(names)} names"
        raise InputError(
            f"{where}: has {len(values)} values for which the file gives {found}; "
            "expected a list of as many names"
        )
    return {str(key): value for key, value in zip(names, values, strict=True)}


def _read_fps(name: str, document: Mapping[str, Json]) -> Fraction | None:
    for key in _RATES:
        if key in document:
            value = document[key]
            text = str(value)
            try:
                # As a float first: a Fraction would write a huge exponent out, for hours.
                usual = "/" in text or _MIN_FPS <= float(text) <= _MAX_FPS
                fps = Fraction(text) if usual else Fraction(0)
            except (ValueError, ZeroDivisionError):
                fps = Fraction(0)
            if not _MIN_FPS <= fps <= _MAX_FPS:
                raise InputError(
                    f"{name}: {key} is {str(value)[:20]!r}; expected frames per second"
                )
            return fps
    return None


def _time_of(where: str, frame: Json, number: int, fps: Fraction | None) -> float:
    if isinstance(frame, dict):
        for key in frame:
            if key.lower() in TIME_NAMES:
                return _number(where, key, frame[key])
    if fps is None:
        raise InputError(f"{where}: has no time, and the file says no fps; expected one of them")
    return float(number / fps)
