"""The mesh engine: speech becomes motion, and motion moves the portrait's own pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from opensonic.engines.base import PLAIN_RUN, Engine, Run
from opensonic.engines.mesh.render import MeshRenderer
from opensonic.motion.director import perform
from opensonic.motion.gain import scale_motion
from opensonic.settings import Settings
from opensonic.values import Chunk, Motion, Performance, Portrait, Speech

CHUNK_FRAMES = 8
"""Frames per chunk: 25 MB at 1024 px."""


class MeshEngine(Engine):
    """Warps one picture by a rig fitted to it; needs a CPU and the weights of the package."""

    name = "mesh"
    in_step = True

    def animate(
        self,
        portrait: Portrait,
        source: Speech | Motion | Performance,
        settings: Settings,
        run: Run = PLAIN_RUN,
    ) -> Iterator[Chunk]:
        """See `Engine.animate`."""
        parts = iter(_parts(source, settings))
        with ThreadPoolExecutor(1, "motion") as worker:  # hears ahead while frames are drawn
            coming = worker.submit(next, parts, None)
            renderer = MeshRenderer(portrait)
            frames = np.empty((CHUNK_FRAMES, *portrait.image.shape), np.uint8)
            while (part := coming.result()) is not None:
                coming = worker.submit(next, parts, None)
                for piece in _pieces(part, settings):
                    for frame, values in zip(frames, piece.values, strict=False):
                        renderer.render(values, frame)
                    landmarks = np.stack([renderer.landmarks(values) for values in piece.values])
                    yield Chunk(frames[: len(piece.values)], piece, landmarks)


def _pieces(part: Motion, settings: Settings) -> Iterator[Motion]:
    """Scale the motion and cut it into pieces of a chunk's length."""
    motion = scale_motion(part, settings.dynamic_scale, settings.motion_scale)
    for start in range(0, len(motion.values), CHUNK_FRAMES):
        yield Motion(motion.values[start : start + CHUNK_FRAMES], motion.fps)


def _parts(source: Speech | Motion | Performance, settings: Settings) -> Iterable[Motion]:
    if isinstance(source, Motion):
        return [source]
    if isinstance(source, Performance):
        return source.parts()
    return perform(source, settings.fps, settings.seed, settings.lips_path())
