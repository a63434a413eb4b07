"""The one seam that every engine meets."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

from opensonic.clock import frame_count
from opensonic.settings import Settings
from opensonic.values import Chunk, Motion, Performance, Portrait, Speech


class Engine(Protocol):
    """Turns a portrait and speech, or motion, into frames.

    Attributes:
        name: Its word in the `engine` setting.
    """

    name: str

    def animate(
        self, portrait: Portrait, source: Speech | Motion | Performance, settings: Settings
    ) -> Iterator[Chunk]:
        """Yield the video in order, in chunks of any length, as they are asked for.

        Args:
            portrait: The picture; its size is the size of the frames, both sides even.
            source: What is said, or the motion itself, whole or as a stream.
            settings: What the user chose. Motion has a frame rate of its own.

        Yields:
            Chunks whose lengths add up to `n_frames(source, settings.fps)`.
        """
        ...


def n_frames(source: Speech | Motion | Performance, fps: Fraction) -> int:
    """Count the frames that an engine makes of `source` at `fps` frames per second."""
    if isinstance(source, Motion):
        return len(source.values)
    if isinstance(source, Performance):
        return source.n_frames
    return frame_count(source.duration, fps)
