"""The mesh engine: speech becomes motion, and motion moves the portrait's own pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from opensonic.engines.mesh.render import MeshRenderer
from opensonic.motion.director import perform
from opensonic.motion.gain import scale_motion
from opensonic.settings import Settings
from opensonic.values import Chunk, Motion, Portrait, Speech

CHUNK_FRAMES = 8
"""Frames per chunk: 25 MB at 1024 px."""


class MeshEngine:
    """Warps one picture by a rig fitted to it; needs a CPU and the weights of the package."""

    name = "mesh"

    def animate(
        self, portrait: Portrait, source: Speech | Motion, settings: Settings
    ) -> Iterator[Chunk]:
        """See `Engine.animate`."""
        renderer = MeshRenderer(portrait)
        for part in _parts(source, settings):
            motion = scale_motion(part, settings.dynamic_scale, settings.motion_scale)
            for start in range(0, len(motion.values), CHUNK_FRAMES):
                piece = Motion(motion.values[start : start + CHUNK_FRAMES], motion.fps)
                yield Chunk(
                    np.stack([renderer.render(values) for values in piece.values]),
                    piece,
                    np.stack([renderer.landmarks(values) for values in piece.values]),
                )


def _parts(source: Speech | Motion, settings: Settings) -> Iterator[Motion]:
    if isinstance(source, Motion):
        yield source
    else:
        yield from perform(source, settings.fps, settings.seed)
