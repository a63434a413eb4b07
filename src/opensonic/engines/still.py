"""The engine that does nothing: every frame is the portrait. For tests and dry runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from opensonic.engines.base import PLAIN_RUN, Engine, Run
from opensonic.settings import Settings
from opensonic.values import Chunk, Motion, Performance, Portrait, Speech

CHUNK_FRAMES = 8
"""Frames per chunk."""


class StillEngine(Engine):
    """Repeats the portrait for as long as the sound lasts."""

    name = "still"
    tells_motion = False
    in_step = True

    def animate(
        self,
        portrait: Portrait,
        source: Speech | Motion | Performance,
        settings: Settings,
        run: Run = PLAIN_RUN,
    ) -> Iterator[Chunk]:
        """See `Engine.animate`."""
        left = self.count_frames(source, settings)
        while left:
            n = min(left, CHUNK_FRAMES)
            frames = np.broadcast_to(portrait.image, (n, *portrait.image.shape))
            landmarks = np.broadcast_to(
                portrait.face.landmarks, (n, *portrait.face.landmarks.shape)
            )
            yield Chunk(frames, None, landmarks)
            left -= n
