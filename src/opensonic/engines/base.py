"""The one seam that every engine meets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from opensonic.clock import frame_count
from opensonic.post.interpolate.stream import Between
from opensonic.progress import Progress, ignore
from opensonic.settings import Settings
from opensonic.values import Chunk, Motion, Performance, Portrait, Speech


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is around one pass of an engine.

    Attributes:
        progress: Told how far an engine is that works long before its first frame.
        state: File in which such an engine keeps what is finished, to go on from there when the
            same is asked for again; None keeps nothing.
        jumped: Told the number of each frame that jumped and that an engine which mends its own
            frames made anew; of its own frames, be their rate another. The same may be told twice.
    """

    progress: Progress = ignore
    state: Path | None = None
    jumped: Callable[[int], None] = lambda _: None


PLAIN_RUN = Run()
"""A pass that nobody watches and of which nothing is kept."""


class Engine(Protocol):
    """Turns a portrait and speech, or motion, into frames.

    Attributes:
        name: Its word in the `engine` setting.
        follows_motion: Whether it takes motion.
        tells_motion: Whether it says what motion its frames show.
        wants_original: Whether it reads `Portrait.original`, to resize the picture only once.
        may_jump: Whether its frames may jump, so that they are smoothed unless the user says not.
        mends_jumps: Whether it does that itself, where `smooths` says so.
        in_step: Whether its lips cannot be out of step with the sound: they are made from it moment
            by moment, or stand still.
        in_silence: What the mouth does in it when nothing is said, in a few words.
    """

    name: str
    follows_motion: bool = True
    tells_motion: bool = True
    wants_original: bool = False
    may_jump: bool = False
    mends_jumps: bool = False
    in_step: bool = False
    in_silence: str = "the mouth stays closed"

    def count_frames(self, source: Speech | Motion | Performance, settings: Settings) -> int:
        """Count the frames that `animate` yields; by default those that cover the sound."""
        return n_frames(source, settings.fps)

    def smooths(self, settings: Settings) -> bool:
        """Say whether frames that jump are made anew: as the user wishes, else where they may jump.

        What the published program gives (`compat`) is left as it is, unless the user wishes.
        """
        if settings.smooth_motion is not None:
            return settings.smooth_motion
        return self.may_jump and not settings.compat

    def between(self) -> Between | None:
        """Give what makes a frame between two of its frames; None where optical flow does.

        Asked for while it draws.
        """
        return None

    def check(
        self, portrait: Portrait, source: Speech | Motion | Performance, settings: Settings
    ) -> tuple[str, ...]:
        """Refuse what cannot be done, before any work.

        Returns:
            What the user should know beforehand, one line each.

        Raises:
            InputError: The engine cannot do it.
        """
        return ()

    def animate(
        self,
        portrait: Portrait,
        source: Speech | Motion | Performance,
        settings: Settings,
        run: Run = PLAIN_RUN,
    ) -> Iterator[Chunk]:
        """Yield the video in order, in chunks of any length, as they are asked for.

        Args:
            portrait: The picture; its size is the size of the frames, both sides even.
            source: What is said, or the motion itself, whole or as a stream.
            settings: What the user chose. Motion has a frame rate of its own.
            run: Who watches, and where finished work may be kept.

        Yields:
            Chunks whose lengths add up to `count_frames(source, settings)`.
        """
        ...


def n_frames(source: Speech | Motion | Performance, fps: Fraction) -> int:
    """Count the frames that cover `source` at `fps` frames per second; motion has its own."""
    if isinstance(source, Motion):
        return len(source.values)
    if isinstance(source, Performance):
        return source.n_frames
    return frame_count(source.duration, fps)
