"""The shares in which the kinds of training pictures are drawn, phase by phase."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mix:
    """What the training pictures consist of.

    Attributes:
        shares: Of scenes, close-ups, mosaics and negatives.
        smallest_px: Smallest face that is pasted.
        tilt_deg: Standard deviation of the tilt of those faces that are tilted.
        elsewhere: Share of backgrounds cut from labelled scenes at any place.
        blended: Share of backgrounds that are two backgrounds laid over each other.
    """

    shares: tuple[float, float, float, float] = (0.25, 0.20, 0.35, 0.20)
    smallest_px: float = 10.0
    tilt_deg: float = 16.0
    elsewhere: float = 0.0
    blended: float = 0.0


BROAD = Mix()
"""For the first phase: everything."""
STRICT = Mix(
    shares=(0.24, 0.16, 0.32, 0.28), smallest_px=12.0, tilt_deg=20.0, elsewhere=0.25, blended=0.25
)
"""For the second phase: more that could be mistaken for a face."""
