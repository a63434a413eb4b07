"""Phone times to mouth targets at 100 Hz, by dominance functions.

Every phone pulls the mouth towards its own shape with a strength and an extent in time; the mouth
is where the pulls balance (Cohen & Massaro, "Modeling coarticulation in synthetic visual speech",
1993). Rounding spreads further ahead than it lasts; bilabials dominate the opening and are brief.
The shapes are a hand-made table, which real mouth tracks later replace (see `finetune`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from opensonic.speech.mel import FRAME_RATE
from opensonic.speech.phones import PHONE_INDEX, PHONES, SILENCE, VOWELS

TARGETS = ("aperture", "width", "jaw", "tongue", "closure", "labiodental")
"""Columns of the mouth targets."""
APERTURE_UNIT = 0.2
"""Inner-lip gap of aperture = 1, in e."""

_RELABEL_ROWS, _RELABEL_CONTEXT = 1000, 60
_EFFORT, _SYLLABLE_ROWS, _PHRASE_ROWS = 0.15, 5.0, 80.0

LEAD_S = 0.03
"""Seconds by which the mouth of the hand-made table leads the sound."""
_SHAPE_TABLE = """
    sil      0     0     0     0
    iy    0.35   0.8   0.2   0.5
    ih    0.45  0.45  0.35   0.4
    ey     0.5   0.6   0.4   0.3
    eh    0.65   0.5  0.55   0.2
    ae    0.85   0.6   0.8   0.1
    aa       1  0.15     1     0
    ah     0.7   0.2  0.65   0.1
    ax    0.45   0.1   0.4   0.2
    er    0.45 -0.25   0.4   0.4
    ao    0.75 -0.45  0.75     0
    ow    0.55 -0.75   0.5     0
    uh     0.4 -0.55  0.35   0.1
    uw    0.25    -1   0.2   0.1
    uy    0.25  -0.9   0.2   0.5
    oe    0.45 -0.65   0.4   0.4
    ix    0.35   0.4  0.25   0.4
    p    -0.15     0  0.15     0
    b    -0.15     0  0.15     0
    m    -0.15     0  0.15     0
    f     0.08   0.1   0.1     0
    v     0.08   0.1  0.12     0
    th     0.3   0.1   0.2     1
    dh     0.3   0.1   0.2     1
    t     0.25  0.15  0.12   0.9
    d     0.27  0.15  0.15   0.9
    n      0.3  0.15   0.2   0.9
    s      0.2   0.3  0.05   0.7
    z      0.2   0.3  0.05   0.7
    sh     0.3  -0.6  0.08   0.6
    zh     0.3  -0.6  0.08   0.6
    l      0.4   0.1   0.3   0.9
    r     0.35  -0.5  0.25   0.5
    rr    0.35  0.05  0.25   0.8
    j      0.3  0.55  0.15   0.6
    w     0.12    -1  0.15   0.1
    k     0.35   0.1   0.3   0.2
    g     0.35   0.1   0.3   0.2
    ng     0.4   0.1  0.35   0.2
    h      0.6   0.1   0.5   0.1
"""

_STRENGTH_GROUPS = (
    ("sil", (0.9, 0.4, 0.9, 0.3)),
    ("iy ih ey er ix j", (1, 0.8, 1, 0.5)),
    ("p b m", (8, 0.25, 0.8, 0.05)),
    ("f v", (5, 0.4, 1.5, 0.05)),
    ("s z", (1.2, 0.4, 2, 1.5)),
    ("sh zh", (1, 1.5, 2, 1.5)),
    ("t d n l th dh rr", (0.55, 0.25, 0.6, 2)),
    ("k g ng h", (0.3, 0.15, 0.3, 0.3)),
    ("uw ow uy oe uh", (1.2, 1.8, 1, 0.4)),
    ("w", (3, 2.5, 1, 0.3)),
    ("ax", (0.5, 0.3, 0.5, 0.2)),
    ("r", (0.8, 0.9, 0.6, 0.8)),
    ("aa ae ao ah eh", (1.2, 0.7, 1.2, 0.3)),
)
_STRENGTHS = {phone: value for names, value in _STRENGTH_GROUPS for phone in names.split()}

_SHAPES = {line.split()[0]: line.split()[1:] for line in _SHAPE_TABLE.strip().splitlines()}
SHAPES = np.array([_SHAPES[phone] for phone in PHONES], np.float64)
"""The hand-made shapes, (40, 4): aperture, width (-1 pucker to +1 spread), jaw, tongue tip."""
_STRENGTH = np.array([_STRENGTHS[phone] for phone in PHONES], np.float64)


def _is_one_of(phones: npt.NDArray[np.int64], names: str) -> npt.NDArray[np.bool_]:
    return np.isin(phones, [PHONE_INDEX[name] for name in names.split()])


def label_rows(
    times: npt.NDArray[np.float32], phones: npt.NDArray[np.int64], n_rows: int
) -> npt.NDArray[np.int8]:
    """Give the phone that sounds in each row of 10 ms; silence where none does.

    Args:
        times: (S, 2) start and end of each phone, s.
        phones: (S,) columns of `PHONES`.
        n_rows: Rows wanted.
    """
    labels = np.full(n_rows, SILENCE, np.int8)
    centres = (np.arange(n_rows) + 0.5) / FRAME_RATE
    for (start, end), phone in zip(times, phones, strict=True):
        first, last = np.searchsorted(centres, (start, end))
        labels[first:last] = phone
    return labels


@dataclass(frozen=True, eq=False)
class MouthTable:
    """Phone shapes and their place in time.

    Attributes:
        shapes: (40, 4) aperture, width, jaw, tongue tip of each phone.
        lead_s: Seconds by which the mouth leads the sound.
    """

    shapes: npt.NDArray[np.float64] = field(default_factory=lambda: SHAPES)
    lead_s: float = LEAD_S


class _Timing:
    """Distances in time between rows (T, 1) and phones (1, S)."""

    def __init__(
        self,
        times: npt.NDArray[np.float32],
        phones: npt.NDArray[np.int64],
        n_rows: int,
        lead_s: float,
    ) -> None:
        clock = ((np.arange(n_rows) + 0.5) / FRAME_RATE + lead_s)[:, None]
        start, end = times[:, 0][None].astype(np.float64), times[:, 1][None].astype(np.float64)
        self.phones = phones
        self.ahead = np.maximum(start - clock, 0)
        self.behind = np.maximum(clock - end, 0)
        self.inside = np.minimum(np.maximum(clock - start, 0), np.maximum(end - clock, 0))
        self.weight = np.clip((end - start) / 0.06, 0.3, 1.5)

    def pulls(self) -> list[npt.NDArray[np.float64]]:
        """Give the normalised pull of every phone class for each shape, four times (T, 40)."""
        vowels = np.isin(self.phones, [PHONE_INDEX[name] for name in VOWELS])
        extent = np.where(vowels, 0.055, 0.035)
        extent[_is_one_of(self.phones, "p b m f v")] = 0.022
        rounded = _is_one_of(self.phones, "uw ow uy oe w sh zh")
        ramp = 0.35 + 0.65 * np.minimum(self.inside / 0.03, 1)
        pull = np.exp(-(self.ahead + self.behind) / extent) * self.weight * ramp
        spread = np.where(rounded, 0.10, 0.06)
        wide_pull = np.exp(-self.ahead / spread - self.behind / 0.06) * self.weight
        members = np.eye(len(PHONES))[self.phones]
        shares = []
        for column in range(_STRENGTH.shape[1]):
            strength = _STRENGTH[self.phones, column]
            dominance = (wide_pull if column == 1 else pull) * strength + 1e-6
            shares.append((dominance / dominance.sum(1, keepdims=True)) @ members)
        return shares

    def certainty(self, names: str) -> npt.NDArray[np.float64]:
        """Give 1 while one of the named phones sounds, with edges of 12 ms, (T,)."""
        edges = np.exp(-(self.ahead + self.behind) / 0.012)
        return np.asarray((edges * _is_one_of(self.phones, names)).max(1), np.float64)


def pull_rows(
    times: npt.NDArray[np.float32], phones: npt.NDArray[np.int64], n_rows: int, lead_s: float
) -> list[npt.NDArray[np.float64]]:
    """Give the share of each phone class in each shape: aperture, width, jaw, tongue, (T, 40) each.

    Args:
        times: (S, 2) start and end of each phone, s.
        phones: (S,) columns of `PHONES`.
        n_rows: Rows wanted, 100 a second.
        lead_s: Seconds by which the mouth leads the sound.
    """
    return _Timing(times, phones, n_rows, lead_s).pulls()


def mouth_targets(
    times: npt.NDArray[np.float32],
    phones: npt.NDArray[np.int64],
    n_rows: int,
    table: MouthTable | None = None,
) -> npt.NDArray[np.float32]:
    """Compute the mouth that goes with timed phones.

    Args:
        times: (S, 2) start and end of each phone, s.
        phones: (S,) columns of `PHONES`.
        n_rows: Rows wanted, 100 a second.
        table: Shapes of the phones; the hand-made ones where none is given.

    Returns:
        (n_rows, 6) float32, columns as in `TARGETS`; all in 0 to 1 but the width, -1 to 1.
    """
    table = table or MouthTable()
    timing = _Timing(times, phones, n_rows, table.lead_s)
    shares = timing.pulls()
    columns = [share @ table.shapes[:, place] for place, share in enumerate(shares)]
    padded = np.pad(columns[0], 1, "edge")
    columns[0] = np.clip((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4, 0, 1)
    columns += [timing.certainty(names) for names in ("p b m", "f v")]
    return np.stack(columns, axis=1).astype(np.float32)


def measure_effort(
    mel: npt.NDArray[np.float16], labels: npt.NDArray[np.int8]
) -> npt.NDArray[np.float32]:
    """Measure how much wider the mouth opens where the voice is louder than around it.

    Louder syllables are spoken with a lower jaw (Schulman, "Articulatory dynamics of loud and
    normal speech", JASA 85, 1989).

    Args:
        mel: (T, 64) log-mel.
        labels: (T,) phone of each row.

    Returns:
        (T,) factor of the aperture, 0.75 to 1.35.
    """
    from scipy.ndimage import gaussian_filter1d  # of the training extra; tracking needs none

    level = mel.mean(1, dtype=np.float32)
    spoken = (labels != SILENCE).astype(np.float32)
    share = gaussian_filter1d(spoken, _PHRASE_ROWS) + 1e-3
    around = gaussian_filter1d(level * spoken, _PHRASE_ROWS) / share
    syllable = gaussian_filter1d(level, _SYLLABLE_ROWS)
    effort = np.clip(np.exp(_EFFORT * (syllable - around)), 0.75, 1.35)
    return np.asarray(np.where(spoken > 0, effort, 1), np.float32)


def relabel_rows(labels: npt.NDArray[np.int8], table: MouthTable) -> npt.NDArray[np.float32]:
    """Compute the mouth of a long file of phone labels anew, with another table.

    Args:
        labels: (T,) phone of each row, as `label_rows` gives them.
        table: Shapes of the phones.

    Returns:
        (T, 6) float32 as `mouth_targets` gives them.
    """
    parts = []
    for start in range(0, len(labels), _RELABEL_ROWS):
        first = max(0, start - _RELABEL_CONTEXT)
        part = labels[first : start + _RELABEL_ROWS + _RELABEL_CONTEXT]
        edges = np.flatnonzero(np.diff(part)) + 1
        bounds = np.concatenate([[0], edges, [len(part)]])
        times = (np.stack([bounds[:-1], bounds[1:]], axis=1) / FRAME_RATE).astype(np.float32)
        phones = part[bounds[:-1]].astype(np.int64)
        mouth = mouth_targets(times, phones, len(part), table)
        parts.append(mouth[start - first : start - first + _RELABEL_ROWS])
    return np.concatenate(parts)
