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
        turned: Share of the faces that are drawn among those turned far to the side.
        blended: Share of backgrounds that are two backgrounds laid over each other.
    """

    shares: tuple[float, float, float, float] = (0.25, 0.20, 0.35, 0.20)
    smallest_px: float = 10.0
    tilt_deg: float = 16.0
    turned: float = 0.0
    elsewhere: float = 0.0
    blended: float = 0.0


BROAD = Mix()
"""For the first phase: everything."""
STRICT = Mix(
    shares=(0.26, 0.16, 0.32, 0.26),
    smallest_px=12.0,
    tilt_deg=20.0,
    turned=0.15,
    elsewhere=0.25,
    blended=0.25,
)
"""For the second phase: more profiles, more that could be mistaken for a face."""
