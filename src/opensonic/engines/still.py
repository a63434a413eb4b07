"""The engine that does nothing: every frame is the portrait. For tests and dry runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from opensonic.engines.base import n_frames
from opensonic.settings import Settings
from opensonic.values import Chunk, Motion, Performance, Portrait, Speech

CHUNK_FRAMES = 8
"""Frames per chunk."""


class StillEngine:
    """Repeats the portrait for as long as the sound lasts."""

    name = "still"

    def animate(
        self, portrait: Portrait, source: Speech | Motion | Performance, settings: Settings
    ) -> Iterator[Chunk]:
        """See `Engine.animate`."""
        left = n_frames(source, settings.fps)
        while left:
            n = min(left, CHUNK_FRAMES)
            frames = np.broadcast_to(portrait.image, (n, *portrait.image.shape))
            landmarks = np.broadcast_to(
                portrait.face.landmarks, (n, *portrait.face.landmarks.shape)
            )
            yield Chunk(frames, None, landmarks)
            left -= n
