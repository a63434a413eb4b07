"""What an evaluation of a talking video holds: rows of figures, curves over time, worst moments.

A row is one figure with its unit and what is good, in words. A measure that could not be taken has
a row as well, without a value: its note says why. `metrics.evaluate` fills them in, and a measure
that needs the pictures themselves, such as a network of the field, is an `Observer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from opensonic.values import Face, Speech

if TYPE_CHECKING:
    from opensonic.post.sync.lag import Sync

Curve = npt.NDArray[np.float32]
"""(N,) float32, one value per picture; NaN where it is not known."""

GROUPS = ("lips", "face", "picture", "reference")
"""What rows are about, in the order in which they are shown."""

Verdict = Literal["good", "fair", "poor", ""]
"""How a value is to be judged; empty where there is none, or no limit that would be honest."""


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        name: Stable key, for example "lag" or "lse_c".
        title: What people call it.
        value: The figure, or None where it could not be measured.
        unit: Its unit, empty where it has none.
        note: Why there is no value, or how to read it.
        good: What is good, in words.
        group: Word of `GROUPS`.
        verdict: How the value is to be judged.
        badness: Larger for worse values of the same row, for the worst of many videos; None where
            neither end is worse.
    """

    name: str
    title: str
    value: float | None
    unit: str = ""
    note: str = ""
    good: str = ""
    group: str = "lips"
    verdict: Verdict = ""
    badness: float | None = None


@dataclass(frozen=True)
class Moment:
    """A moment that went wrong.

    Attributes:
        time_s: When, in seconds from the start of the sound.
        what: What happened, for example "lips open in silence".
        severity: How bad it is; 1 is clearly visible. Comparable among all kinds.
        end_s: When it ends, in seconds from the start of the sound.
        name: Stable key of the kind, for example "open_in_silence".
    """

    time_s: float
    what: str
    severity: float
    end_s: float
    name: str


@dataclass(frozen=True, eq=False)
class Curves:
    """What was seen and heard, picture by picture: all (N,), NaN where it is not known.

    Lengths are in e, the distance of the outer eye corners.

    Attributes:
        time_s: float64, seconds from the start of the sound; ascending, any spacing.
        seen: bool, whether the one face that speaks is seen.
        shot: int32, another number after each cut or lost face.
        gap: Gap between the inner lips, e.
        width: Distance of the corners of the mouth, e.
        heard_gap: The gap that our speech network hears, e.
        silence: Probability of silence, 0 to 1.
        loudness_db: Level of the sound, dB of full scale.
        blink: How far the lids are shut, 0 to 1 (1 shut), against the person's own open eyes.
        yaw: Degrees; the nose turned towards the picture's right.
        pitch: Degrees; the nose down.
        roll: Degrees; clockwise in the picture.
        x: Place of the head across the picture, e from its mean.
        y: The same downwards.
        size_px: e itself, px of the picture as shown (`media.footage` may have reduced it).
        sharpness: Fine detail of the face, 0 and up.
        flicker: Mean difference from the picture before, away from the face, grey levels (0-255).
        drift: How far the face's proportions are from those of its beginning, % of e.
    """

    time_s: npt.NDArray[np.float64]
    seen: npt.NDArray[np.bool_]
    shot: npt.NDArray[np.int32]
    gap: Curve
    width: Curve
    heard_gap: Curve
    silence: Curve
    loudness_db: Curve
    blink: Curve
    yaw: Curve
    pitch: Curve
    roll: Curve
    x: Curve
    y: Curve
    size_px: Curve
    sharpness: Curve
    flicker: Curve
    drift: Curve


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All that was measured on one video.

    Attributes:
        video: The file.
        reference: The file that it was compared with, or None.
        rows: The figures, in the order in which they are shown.
        curves: What they come from.
        sync: Lag of the sound in all and in windows, or None where it cannot be measured.
        moments: What went wrong, worst first.
        notes: Facts about the file and about what could not be done.
    """

    video: Path
    reference: Path | None
    rows: tuple[Row, ...]
    curves: Curves
    sync: Sync | None
    moments: tuple[Moment, ...]
    notes: tuple[str, ...] = ()

    def row(self, name: str) -> Row:
        """Give a row by its name.

        Raises:
            KeyError: There is none of that name.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)


@dataclass(frozen=True, eq=False)
class Sight:
    """One picture as it goes by, and what was found in it.

    Attributes:
        time_s: Middle of the time for which it is shown, seconds from the start of the sound.
        image: (H, W, 3) uint8 RGB, upright.
        face: The one face that speaks, in pixels of `image`, or None.
        shot: Another number after each cut or lost face.
    """

    time_s: float
    image: npt.NDArray[np.uint8]
    face: Face | None
    shot: int


class Observer(Protocol):
    """A measure that looks at every picture as it goes by and keeps little of it.

    `rows` is asked for once, after the last picture. A measure that cannot run (no weights, a
    package is missing) gives its rows all the same, with the value None and the reason.
    """

    def look(self, sight: Sight, reference: Sight | None) -> None:
        """Look at the next picture.

        Args:
            sight: The picture.
            reference: The reference's picture at the same time, or None where there is none.
        """
        ...

    def rows(self, speech: Speech | None, lag_s: float | None) -> Sequence[Row]:
        """Give what was measured.

        Args:
            speech: The sound, or None where the video has none.
            lag_s: Seconds by which the sound comes later than the lips, where it is known.
        """
        ...
