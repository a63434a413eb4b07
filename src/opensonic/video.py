"""A talking video that is not made yet, and what makes it a file.

The frames come from an engine as they are asked for and go to the encoder; `api.animate` prepares
it all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from opensonic.engines.base import PLAIN_RUN, Engine, Run
from opensonic.errors import EncodeError, OpenSonicError
from opensonic.media.video import encode_video
from opensonic.metrics.evaluate import evaluate
from opensonic.metrics.networks.observers import FieldMeasures
from opensonic.metrics.report import check_report_target, write_report
from opensonic.motion.writer import motion_file, note_motion
from opensonic.post.interpolate.flow import FlowBetween
from opensonic.post.interpolate.stream import Between
from opensonic.post.smooth.stream import smooth_chunks
from opensonic.post.sync.align import Alignment, align_chunks
from opensonic.progress import Progress, ignore
from opensonic.settings import Settings
from opensonic.values import Chunk, Motion, Performance, Portrait, Speech


@dataclass(frozen=True)
class Saved:
    """A video file that is whole.

    Attributes:
        path: Where it lies.
        n_frames: Its frames.
        duration_s: Length of its picture, seconds.
        size_bytes: Size of the file, bytes.
        report: The report on it, or None where none was asked for.
        notes: What was found while it was made, such as a lag of the lips that was corrected.
        warnings: What was found and looks wrong.
    """

    path: Path
    n_frames: int
    duration_s: float
    size_bytes: int
    report: Path | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Video:
    """A talking video that is not made yet: frames are drawn while it is iterated or saved.

    Every pass starts anew and gives the same frames.

    Attributes:
        portrait: The picture at the size of the video, and the face in it.
        speech: The sound.
        settings: What was chosen.
        engine: What draws the frames.
        engine_reason: Why that engine was taken.
        notes: Facts that the user should know (which face, which size).
        warnings: What may look wrong, and what to do about it.
        sources: The files that the video is made of; it never takes their place.
        performance: The motion, where it was given; else it is heard in the speech.
    """

    portrait: Portrait
    speech: Speech
    settings: Settings
    engine: Engine
    engine_reason: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()
    performance: Performance | None = None

    @property
    def fps(self) -> Fraction:
        """Frames per second, exact."""
        return self.settings.fps

    @property
    def n_frames(self) -> int:
        """Number of frames: as many as cover the sound, unless `compat` leaves some out."""
        return self.engine.count_frames(self.speech, self.settings)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames, px; both even."""
        height, width = self.portrait.image.shape[:2]
        return width, height

    def __iter__(self) -> Iterator[Chunk]:
        """Draw the frames in order.

        Yields:
            Chunks of (T, H, W, 3) uint8 RGB frames, yours to keep, whose lengths add up to
            `n_frames`.
        """
        for chunk in self._finished(self._draw(PLAIN_RUN), Alignment()):
            yield replace(chunk, frames=chunk.frames.copy())

    def _draw(self, run: Run) -> Iterator[Chunk]:
        """Draw the frames and mend their jumps, unless the engine does that itself."""
        source = self.performance or self.speech
        frames = self.engine.animate(self.portrait, source, self.settings, run)
        if self.engine.mends_jumps or not self.engine.smooths(self.settings):
            return frames
        return smooth_chunks(frames, self._make_between(), run.jumped)

    def _make_between(self) -> Between:
        """Give what makes a frame between two: the engine is asked only when one is wanted."""
        flow = FlowBetween()
        return lambda first, second, share: (self.engine.between() or flow)(first, second, share)

    def _finished(self, frames: Iterator[Chunk], told: Alignment) -> Iterator[Chunk]:
        """Put the finishing touches to frames while they stream.

        Args:
            frames: As the engine gives them.
            told: Is told what was found of the lag of the lips.
        """
        if not self.settings.align_lips or self.settings.compat or self.engine.in_step:
            return frames
        return align_chunks(
            frames,
            self.speech,
            fps=float(self.fps),
            n_frames=self.n_frames,
            told=told,
            between=self._make_between(),
        )

    def save(
        self,
        path: str | Path,
        progress: Progress = ignore,
        *,
        motion: str | Path | None = None,
        report: str | Path | None = None,
    ) -> Saved:
        """Draw the frames and write them with the sound as H.264 and AAC.

        The file appears under its name only when it is whole. With `resume`, an engine that works
        long keeps what is finished in `state_path(path)` until then.

        Args:
            path: Target, ending in .mp4, .m4v or .mov.
            progress: Told about every few frames, and about what comes before the first.
            motion: Where to write the motion that the frames show: .csv or .json. Neither file
                appears if the other cannot be written.
            report: Where to write a report on the finished video: .html. The video stays, whatever
                comes of the report.

        Raises:
            EncodeError: A file cannot be written, or is one that the video is made of.
            InputError: The engine does not know the motion of its frames.
        """
        target = Path(path)
        check_not_source(target, self.sources)
        if report is not None:
            check_not_source(Path(report), self.sources)
            check_report_target(Path(report))
        alignment = Alignment()
        jumps: set[int] = set()
        state = state_path(target) if self.settings.resume else None
        run = Run(progress=progress, state=state, jumped=jumps.add)
        frames = self._finished(self._draw(run), alignment)
        beside: AbstractContextManager[Callable[[Motion], None] | None] = nullcontext()
        if motion is not None:
            check_not_source(Path(motion), self.sources)
            beside = motion_file(Path(motion), self.fps)
        with beside as write:
            encode_video(
                note_motion(frames, write, self.engine.name) if write else frames,
                target,
                fps=self.fps,
                size=self.size,
                n_frames=self.n_frames,
                speech=self.speech,
                label=self.settings.label,
                progress=progress,
            )
        if run.state is not None:
            run.state.unlink(missing_ok=True)
        if report is not None:
            self._report(target, Path(report), progress)
        return Saved(
            path=target,
            n_frames=self.n_frames,
            duration_s=float(self.n_frames / self.fps),
            size_bytes=target.stat().st_size,
            report=None if report is None else Path(report),
            notes=(*_jump_notes(jumps), *alignment.notes),
            warnings=alignment.warnings,
        )

    def _report(self, video: Path, report: Path, progress: Progress) -> None:
        """Measure the finished file as any other video, and write what comes of it.

        Raises:
            EncodeError: The file could not be measured, or the report not be written.
        """
        made = f"made by OpenSonic's {self.engine.name} engine, seed {self.settings.seed}"
        try:
            measures = FieldMeasures(portrait=self.portrait)
            found = evaluate(video, observers=measures.observers(), progress=progress)
            notes = (made, *self.warnings, *found.notes)
            write_report(replace(found, notes=notes), report, progress=progress)
        except OpenSonicError as error:
            raise EncodeError(
                f"{report}: the report could not be written: {error}; the video {video} is whole"
            ) from error


def _jump_notes(jumps: set[int]) -> tuple[str, ...]:
    if not jumps:
        return ()
    frames = "1 frame" if len(jumps) == 1 else f"{len(jumps)} frames"
    return (f"{frames} jumped and came anew from those around",)


def state_path(output: Path) -> Path:
    """Give the file in which finished work waits while a video with `resume` is not whole yet."""
    return output.with_name(f"{output.name}.resume")


def check_not_source(target: Path, sources: tuple[Path, ...]) -> None:
    """Refuse a target that is one of the files which the video is made of.

    Raises:
        EncodeError: It is.
    """
    for source in sources:
        with suppress(OSError):  # one of them is not there: they are not the same
            if target.samefile(source):
                raise EncodeError(
                    f"{target}: is the file that the video is made of and would be lost; "
                    "choose another name"
                )
