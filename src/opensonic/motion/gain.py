"""The two strength settings, applied to motion: `dynamic_scale` and `motion_scale`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensonic.channels import EYES, HEAD, HIGH, INDEX, LOW, MOUTH, inner_lip_gap
from opensonic.values import Motion

_BLINKS = [INDEX["blink_left"], INDEX["blink_right"]]
_FULL_BLINKS_FROM = 0.5
_LIPS = [INDEX[n] for n in ("jaw_open", "mouth_close", "upper_lip_raise", "lower_lip_drop")]
_LEAST_MOUTH = 0.1
"""Least gain of the mouth: whoever speaks moves the lips a little."""
_TOUCHING = 1e-4
"""Gap up to which lips count as touching, e."""

Floats = npt.NDArray[np.float32]


def scale_motion(motion: Motion, dynamic_scale: float, motion_scale: float) -> Motion:
    """Scale the mouth and the rest of a motion, and hold every channel in its range.

    Lips that touch stay together at any scale: opening and closing channels grow alike, and where
    one of them meets its limit the whole mouth grows no further.
    Blinks close the eye fully from half the usual strength on: half a blink looks drowsy.

    Args:
        motion: What the face does.
        dynamic_scale: Gain of the mouth channels; 1 leaves them as they are, at 0 they barely move.
        motion_scale: Gain of eyes, brows and head; 0 keeps them at rest.

    Returns:
        The scaled motion; the given one is unchanged.
    """
    values = motion.values.copy()
    values[:, MOUTH] *= _mouth_gain(motion.values, max(dynamic_scale, _LEAST_MOUTH))
    blinks = values[:, _BLINKS] * min(1.0, motion_scale / _FULL_BLINKS_FROM)
    values[:, EYES] *= motion_scale
    values[:, _BLINKS] = blinks
    values[:, HEAD] *= motion_scale
    return Motion(np.clip(values, LOW, HIGH), motion.fps)


def _mouth_gain(values: Floats, scale: float) -> Floats:
    """(T, 1) gain of the mouth: `scale`, less where touching lips would be torn by a limit."""
    room = np.max(np.abs(values[:, _LIPS]), axis=1, keepdims=True)
    touch = inner_lip_gap(values)[:, None] <= _TOUCHING
    return np.where(touch, np.minimum(scale, np.maximum(1 / np.maximum(room, 1e-6), 1)), scale)
