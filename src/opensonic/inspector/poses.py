"""A fixed set of faces to look at: visemes, blinks, glances, brows and turns of the head.

The shapes are those that the speech network's targets reach in clear speech; they show a portrait
and its flaws, and drive nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from opensonic.channels import CHANNELS, INDEX
from opensonic.motion.gain import scale_motion
from opensonic.values import Motion

Floats = npt.NDArray[np.float32]
Shape = Mapping[str, float]
"""Channels by name; what is not named is at rest."""

CLOSED = "p b m"
"""The viseme whose lips touch."""
VISEMES: dict[str, Shape] = {
    CLOSED: {"jaw_open": 0.08, "mouth_close": 0.08, "lip_press": 1.0},
    "f v": {"jaw_open": 0.06, "upper_lip_raise": 0.4, "lower_lip_tuck": 0.9},
    "th": {"jaw_open": 0.16, "upper_lip_raise": 0.3, "lower_lip_drop": 0.4, "tongue_up": 0.9},
    "t d n l": {
        "jaw_open": 0.2,
        "upper_lip_raise": 0.35,
        "lower_lip_drop": 0.5,
        "lip_stretch": 0.1,
        "tongue_up": 1.0,
    },
    "s z": {
        "jaw_open": 0.05,
        "upper_lip_raise": 0.35,
        "lower_lip_drop": 0.5,
        "lip_stretch": 0.35,
    },
    "sh ch": {
        "jaw_open": 0.1,
        "upper_lip_raise": 0.5,
        "lower_lip_drop": 0.6,
        "lip_pucker": 0.5,
    },
    "r": {"jaw_open": 0.14, "upper_lip_raise": 0.25, "lower_lip_drop": 0.4, "lip_pucker": 0.35},
    "ee": {"jaw_open": 0.12, "upper_lip_raise": 0.4, "lower_lip_drop": 0.5, "lip_stretch": 0.6},
    "eh": {"jaw_open": 0.36, "upper_lip_raise": 0.4, "lower_lip_drop": 0.5, "lip_stretch": 0.3},
    "ah": {"jaw_open": 0.62, "upper_lip_raise": 0.45, "lower_lip_drop": 0.6},
    "oh": {"jaw_open": 0.4, "upper_lip_raise": 0.25, "lower_lip_drop": 0.35, "lip_pucker": 0.55},
    "oo": {"jaw_open": 0.1, "upper_lip_raise": 0.15, "lower_lip_drop": 0.25, "lip_pucker": 0.95},
}
"""The mouth of each class of sounds that look alike."""

STRENGTHS = (0.5, 1.0, 1.5)
"""How strongly visemes are shown, as `dynamic_scale` means it."""

EYES: dict[str, Shape] = {
    **{f"blink {share:g}": {"blink_left": share, "blink_right": share} for share in (0.25, 0.5)},
    **{f"blink {share:g}": {"blink_left": share, "blink_right": share} for share in (0.75, 1.0)},
    "left eye closed": {"blink_left": 1.0},
    "gaze left": {"gaze_x": -0.4},
    "gaze right": {"gaze_x": 0.4},
    "gaze up": {"gaze_y": -0.4},
    "gaze down": {"gaze_y": 0.4},
    "brows up": {"brow_raise": 0.7},
    "brows down": {"brow_raise": -0.5},
}
"""What eyes and brows do; left and right are the picture's for the gaze, the person's for lids."""

HEADS: dict[str, Shape] = {
    f"{turn} {sign * size:+g}": {f"head_{turn}": sign * size}
    for turn, sizes in (("yaw", (4.0, 10.0)), ("pitch", (3.0, 7.0)), ("roll", (2.5, 6.0)))
    for size in sizes
    for sign in (-1, 1)
}
"""Turns of the head in degrees: as in lively speech, and more than that."""


def pose_values(shape: Shape, strength: float = 1.0) -> Floats:
    """Write a shape down as channels.

    Args:
        shape: Channels by name.
        strength: Gain of the mouth; lips that touch stay together.

    Returns:
        (21,) float32 channels within their ranges.
    """
    values = np.zeros((1, len(CHANNELS)), np.float32)
    for name, value in shape.items():
        values[0, INDEX[name]] = value
    return np.asarray(scale_motion(Motion(values, Fraction(25)), strength, 1.0).values[0])
