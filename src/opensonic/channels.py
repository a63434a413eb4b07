"""The motion channels: their names, ranges and geometric meaning.

All channels are 0 at rest, and a rig moves the picture linearly in them. Lengths are in units of
`e`, the distance of the outer eye corners (landmarks 33 and 263). The words follow ARKit's
blendshapes where ARKit has one for the movement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Channel:
    """One named degree of freedom of the face.

    Attributes:
        name: Column name in motion files.
        low: Smallest value that a rig must render.
        high: Largest value that a rig must render.
        meaning: What the value 1 (or a degree, or one `e`) does.
    """

    name: str
    low: float
    high: float
    meaning: str


JAW_GAP = 0.30
"""Inner-lip gap made by jaw_open = 1, in e."""
RAISE_GAP = 0.06
"""Inner-lip gap made by upper_lip_raise = 1, in e."""
DROP_GAP = 0.08
"""Inner-lip gap made by lower_lip_drop = 1, in e."""
STRETCH = 0.20
"""Share by which lip_stretch = 1 widens the mouth."""
PUCKER = 0.38
"""Share by which lip_pucker = 1 narrows the mouth."""

_MOUTH = (
    Channel("jaw_open", 0, 1, "the jaw drops; alone it parts the inner lips by 0.30 e"),
    Channel("mouth_close", 0, 1, "the lips meet over an open jaw: takes 0.30 e of gap away"),
    Channel("lip_pucker", 0, 1, "the mouth narrows to 0.62 of its width, lips forward"),
    Channel("lip_stretch", 0, 1, "the mouth widens to 1.20 of its width"),
    Channel("lip_press", 0, 1, "lips pressed together and rolled in"),
    Channel("upper_lip_raise", 0, 1, "the upper lip rises by 0.06 e"),
    Channel("lower_lip_drop", 0, 1, "the lower lip drops by 0.08 e"),
    Channel("lower_lip_tuck", 0, 1, "the lower lip goes in under the upper teeth, which show"),
    Channel("corner_up", -1, 1, "the corners rise (smile) or fall"),
    Channel("tongue_up", 0, 1, "the tip of the tongue touches the upper teeth"),
)
_EYES = (
    Channel("blink_left", 0, 1, "the person's left eye is closed"),
    Channel("blink_right", 0, 1, "the person's right eye is closed"),
    Channel("brow_raise", -1, 1, "the brows rise or fall"),
    Channel("gaze_x", -1, 1, "the eyes look towards the picture's right"),
    Channel("gaze_y", -1, 1, "the eyes look down"),
)
_HEAD = (
    Channel("head_yaw", -30, 30, "degrees; the nose turns towards the picture's right"),
    Channel("head_pitch", -30, 30, "degrees; the nose goes down"),
    Channel("head_roll", -30, 30, "degrees; clockwise in the picture"),
    Channel("head_x", -0.5, 0.5, "the head moves to the picture's right, in e"),
    Channel("head_y", -0.5, 0.5, "the head moves down, in e"),
    Channel("breath", 0, 1, "the chest is full of air"),
)

ALL = (*_MOUTH, *_EYES, *_HEAD)
"""Every channel with its range and meaning, in column order."""
CHANNELS = tuple(channel.name for channel in ALL)
"""Every channel name, in column order."""
INDEX = {name: column for column, name in enumerate(CHANNELS)}
"""Column of each channel."""
MOUTH = slice(0, len(_MOUTH))
"""Columns of the mouth channels."""
EYES = slice(MOUTH.stop, MOUTH.stop + len(_EYES))
"""Columns of the eye and brow channels."""
HEAD = slice(EYES.stop, EYES.stop + len(_HEAD))
"""Columns of the head and breath channels."""
LOW = np.array([channel.low for channel in ALL], np.float32)
"""Lower ends of the ranges, (C,) float32."""
HIGH = np.array([channel.high for channel in ALL], np.float32)
"""Upper ends of the ranges, (C,) float32."""


def inner_lip_gap(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Compute the height of the mouth opening that the channels ask for.

    Args:
        values: (..., C) channels in column order; the mouth columns alone are enough.

    Returns:
        (...) gap between the inner lips at the mouth's centre in e; 0 where the lips touch.
    """
    gap = (
        JAW_GAP * (values[..., INDEX["jaw_open"]] - values[..., INDEX["mouth_close"]])
        + RAISE_GAP * values[..., INDEX["upper_lip_raise"]]
        + DROP_GAP * values[..., INDEX["lower_lip_drop"]]
    )
    return np.asarray(np.maximum(gap, 0), np.float32)


def lip_width_factor(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Compute the width of the mouth that the channels ask for, as a multiple of its rest width.

    Args:
        values: (..., C) channels in column order; the mouth columns alone are enough.

    Returns:
        (...) width factor, 1 at rest.
    """
    stretch = STRETCH * values[..., INDEX["lip_stretch"]]
    pucker = PUCKER * values[..., INDEX["lip_pucker"]]
    return np.asarray(1 + stretch - pucker, np.float32)
