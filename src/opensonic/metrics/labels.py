"""What is said and when: phone labels from a file, reduced to lip closures and silence.

Read are Praat's TextGrid (long and short text form; also UTF-16), HTK's `.lab` (units of 100 ns, or
seconds), TIMIT's `.phn` (samples at 16 kHz) and tables of start, end, phone in seconds (`.csv`,
`.tsv`, `.txt`). Phones may be IPA, ARPABET, TIMIT's or SAMPA: only p, b, m and silence are told
apart, and these are written alike everywhere but in ARPABET's capitals.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from opensonic.errors import InputError
from opensonic.metrics.closures import Spans

ENDINGS = (".textgrid", ".lab", ".phn", ".csv", ".tsv", ".txt")
"""Ends of the names of files that `read_labels` knows, in small letters."""

_EXPECTED = (
    "phones with start and end: .TextGrid, .lab (HTK), .phn (TIMIT) or .csv (start,end,phone)"
)
_HTK_UNIT, _TIMIT_RATE = 1e-7, 16_000
_HTK_FROM = 100_000
_SILENCE = frozenset(
    (
        *("sil", "sp", "spn", "ssil", "nsn", "pau", "pause", "silence", "noise", "h#", "#h"),
        *("epi", "#", "_", "<p:>", "<p>", "<sil>", "<eps>", "<nib>"),
    )
)
_ARPABET_LABIALS = frozenset(("P", "B", "M", "EM", "PCL", "BCL"))
_ARPABET = frozenset(
    (
        *("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH"),
        *("UW", "AX", "AXR", "IX", "UX", "CH", "DH", "HH", "HV", "JH", "NG", "NX", "SH", "TH"),
        *("ZH", "DX", "EM", "EN", "ENG", "EL", "BCL", "DCL", "GCL", "PCL", "TCL", "KCL"),
    )
)
_LABIALS = frozenset("pbmɓ")
_LONG_LABEL = 4
_PHONE_TIER = re.compile(r"phon|segment|mau|kan", re.IGNORECASE)
_TOKENS = re.compile(r'"((?:[^"]|"")*)"|(?<![\w\[])(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?![\w\]])')


class Segment(NamedTuple):
    """One label: start and end in s, and what it says."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True, eq=False)
class Labels:
    """What is said and when.

    Attributes:
        closures_s: (N, 2) when p, b or m is said, s, ascending.
        silences_s: (K, 2) when nothing is said, s, ascending.
        source: Where this is from, in words.
        missing: Why nothing is known; empty where it is.
    """

    closures_s: Spans
    silences_s: Spans
    source: str
    missing: str = ""


def read_labels(path: str | Path) -> Labels:
    """Read a file of labels.

    Args:
        path: The file; its ending says what it is.

    Raises:
        InputError: It cannot be read, or holds no phones with their times.
    """
    path = Path(path)
    text = _read_text(path)
    kind = path.suffix.lower()
    if "ooTextFile" in text[:200] or kind == ".textgrid":
        segments = _read_textgrid(text, path)
    elif kind == ".phn":
        segments = _scaled(_read_columns(text, path), 1 / _TIMIT_RATE)
    elif kind == ".lab":
        segments = _read_columns(text, path)
        if segments and segments[-1].end_s > _HTK_FROM:
            segments = _scaled(segments, _HTK_UNIT)
    else:
        segments = _read_table(text, path)
    segments = sorted(segment for segment in segments if segment.end_s > segment.start_s)
    if not segments:
        raise InputError(f"{path}: holds no label; expected {_EXPECTED}")
    return sort_labels(segments, path)


def sort_labels(segments: list[Segment], path: Path) -> Labels:
    """Pick closures and silence out of phones.

    Args:
        segments: The phones by ascending time.
        path: What errors name.

    Raises:
        InputError: They are words, not phones.
    """
    spoken = [one.label for one in segments if not _is_silence(one.label)]
    long = sum(len(_base(label)) > _LONG_LABEL for label in spoken)
    if not spoken or long > len(spoken) / 4:
        found = "only silence" if not spoken else f"words such as {max(spoken, key=len)!r}"
        raise InputError(f"{path}: holds {found}; expected {_EXPECTED}")
    capitals = sum(_arpabet(label) in _ARPABET for label in spoken) > len(spoken) / 4
    labial = [one for one in segments if _is_labial(one.label, arpabet=capitals)]
    quiet = [one for one in segments if _is_silence(one.label)]
    return Labels(_join(labial), _join(quiet), f"labels of {path.name}")


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise InputError(f"{path}: {reason}; expected {_EXPECTED}") from error
    coding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(coding)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text in UTF-8 or UTF-16; expected {_EXPECTED}") from error


def _read_textgrid(text: str, path: Path) -> list[Segment]:
    """Read the tier of phones: the one that is named so, else the one with most intervals.

    Raises:
        InputError: It is no TextGrid.
    """
    body = re.sub(r"<exists>|\[\s*\d*\s*\]", " ", text)
    tokens = [
        number if number else '"' + string.replace('""', '"')
        for string, number in (match.groups(default="") for match in _TOKENS.finditer(body))
    ]
    tiers: dict[str, list[Segment]] = {}
    try:
        place = tokens.index('"IntervalTier')
        while True:
            name, count = tokens[place + 1][1:], int(float(tokens[place + 4]))
            cells = tokens[place + 5 : place + 5 + 3 * count]
            tiers[name] = [
                Segment(float(cells[k]), float(cells[k + 1]), cells[k + 2][1:])
                for k in range(0, 3 * count, 3)
            ]
            place = tokens.index('"IntervalTier', place + 5 + 3 * count)
    except (ValueError, IndexError) as error:
        if not tiers:
            raise InputError(
                f"{path}: is no TextGrid with intervals in text form; expected {_EXPECTED}"
            ) from error
    named = [name for name in tiers if _PHONE_TIER.search(name)]
    return tiers[max(named or tiers, key=lambda name: len(tiers[name]))]


def _read_columns(text: str, path: Path) -> list[Segment]:
    """Read lines of start, end, label, with blanks between; HTK's scores behind are passed over."""
    segments = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split()
        if not cells or cells[0] in {"#", "///", "."} or cells[0].startswith(('"', "#!")):
            continue
        segments.append(_segment([*cells, "", "", ""][:3], path, number))
    return segments


def _read_table(text: str, path: Path) -> list[Segment]:
    """Read rows of start, end, phone; a first row of names is passed over.

    Raises:
        InputError: It is no such table.
    """
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    segments = []
    try:
        rows = list(csv.reader(text.splitlines(), delimiter=mark))
    except csv.Error as error:
        raise InputError(f"{path}: is no table ({error}); expected {_EXPECTED}") from error
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and not re.match(r"-?\d", cells[0])):
            continue
        segments.append(_segment([*cells, "", "", ""][:3], path, number))
    return segments


def _segment(cells: list[str], path: Path, number: int) -> Segment:
    try:
        return Segment(float(cells[0]), float(cells[1]), cells[2])
    except ValueError as error:
        found = " ".join(cells).strip()[:40]
        raise InputError(
            f"{path}: line {number} says {found!r}, without start and end; expected {_EXPECTED}"
        ) from error


def _scaled(segments: list[Segment], unit: float) -> list[Segment]:
    return [Segment(one.start_s * unit, one.end_s * unit, one.label) for one in segments]


def _is_silence(label: str) -> bool:
    return not label.strip() or label.strip().lower() in _SILENCE


def _is_labial(label: str, *, arpabet: bool) -> bool:
    if arpabet:
        return _arpabet(label) in _ARPABET_LABIALS
    return not _is_silence(label) and bool(_LABIALS & set(_base(label)))


def _arpabet(label: str) -> str:
    return label.strip().rstrip("0123456789").upper()


def _base(label: str) -> str:
    """Give a label without accents, marks of stress and length, and digits."""
    plain = unicodedata.normalize("NFD", label.strip())
    return "".join(sign for sign in plain if unicodedata.category(sign) in {"Ll", "Lu", "Lo"})


def _join(segments: list[Segment]) -> Spans:
    """Give start and end of segments, (N, 2); those that touch are one."""
    spans: list[list[float]] = []
    for start, end, _ in segments:
        if spans and start <= spans[-1][1] + 1e-3:
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([start, end])
    return np.array(spans, np.float64).reshape(-1, 2)
