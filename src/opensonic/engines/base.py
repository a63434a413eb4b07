"""The one seam that every engine meets."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

from opensonic.clock import frame_count
from opensonic.settings import Settings
from opensonic.values import Chunk, Motion, Portrait, Speech


class Engine(Protocol):
    """Turns a portrait and speech, or motion, into frames.

    Attributes:
        name: Its word in the `engine` setting.
    """

    name: str

    def animate(
        self, portrait: Portrait, source: Speech | Motion, settings: Settings
    ) -> Iterator[Chunk]:
        """Yield the video in order, in chunks of any length, as they are asked for.

        Args:
            portrait: The picture; its size is the size of the frames, both sides even.
            source: What is said, or the motion itself.
            settings: What the user chose. For a `Motion` the frame rate is the motion's own.

        Yields:
            Chunks whose lengths add up to `n_frames(source, settings.fps)`.
        """
        ...


def n_frames(source: Speech | Motion, fps: Fraction) -> int:
    """Count the frames that an engine makes of `source` at `fps` frames per second."""
    if isinstance(source, Motion):
        return len(source.values)
    return frame_count(source.duration, fps)
