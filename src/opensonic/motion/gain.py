"""The two strength settings, applied to motion: `dynamic_scale` and `motion_scale`."""

from __future__ import annotations

import numpy as np

from opensonic.channels import EYES, HEAD, HIGH, INDEX, LOW, MOUTH
from opensonic.values import Motion

_BLINKS = [INDEX["blink_left"], INDEX["blink_right"]]
_FULL_BLINKS_FROM = 0.5


def scale_motion(motion: Motion, dynamic_scale: float, motion_scale: float) -> Motion:
    """Scale the mouth and the rest of a motion, and hold every channel in its range.

    Lips that touch stay together at any scale, since opening and closing channels grow alike.
    Blinks close the eye fully from half the usual strength on: half a blink looks drowsy.

    Args:
        motion: What the face does.
        dynamic_scale: Gain of the mouth channels; 1 leaves them as they are.
        motion_scale: Gain of eyes, brows and head; 0 keeps them at rest.

    Returns:
        The scaled motion; the given one is unchanged.
    """
    values = motion.values.copy()
    values[:, MOUTH] *= dynamic_scale
    blinks = values[:, _BLINKS] * min(1.0, motion_scale / _FULL_BLINKS_FROM)
    values[:, EYES] *= motion_scale
    values[:, _BLINKS] = blinks
    values[:, HEAD] *= motion_scale
    return Motion(np.clip(values, LOW, HIGH), motion.fps)
