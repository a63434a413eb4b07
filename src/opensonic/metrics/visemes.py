"""Fourteen classes of sounds that look alike.

MPEG-4's fourteen visemes (ISO/IEC 14496-2, table of facial animation parameters), with what cannot
be told apart from outside joined (t d n l: Fisher, "Confusions among visually perceived
consonants", Journal of Speech and Hearing Research 11, 1968), close and half-open vowels told apart
by rounding, and silence as a class of its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensonic.speech.phones import PHONE_INDEX, PHONES

VISEMES = (
    "sil",
    "p b m",
    "f v",
    "th dh",
    "t d n l rr",
    "s z",
    "sh zh",
    "k g ng h",
    "r er",
    "j iy ih ix",
    "ey eh ae ax",
    "aa ah",
    "ao ow oe",
    "w uh uw uy",
)
"""The phones of each class."""


def _classes() -> npt.NDArray[np.int64]:
    classes = np.full(len(PHONES), -1)
    for place, names in enumerate(VISEMES):
        classes[[PHONE_INDEX[name] for name in names.split()]] = place
    return classes


VISEME_OF = _classes()
"""(40,) class of each phone."""
