"""The public verbs: `animate` joins the stages; the video is made while it is read.

`hear_motion` is the same road, left half-way: at the motion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensonic.clock import frame_count
from opensonic.engines.base import PLAIN_RUN, Engine, Run
from opensonic.engines.registry import build_engine
from opensonic.errors import EncodeError, InputError
from opensonic.face.portrait import prepare_portrait
from opensonic.media.audio import cut_speech, read_speech
from opensonic.media.image import read_image
from opensonic.media.video import check_target, encode_video
from opensonic.motion.director import perform
from opensonic.motion.exchange import read_track
from opensonic.motion.follow import follow
from opensonic.motion.gain import scale_motion
from opensonic.motion.track import Track, track_of
from opensonic.motion.writer import check_motion_target, motion_file, note_motion, unknown_motion
from opensonic.progress import Progress, Report, ignore
from opensonic.settings import Settings, choose, without_effect
from opensonic.speech.network import open_network
from opensonic.values import Chunk, Motion, Performance, Portrait, Speech

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    PortraitSource = str | Path | npt.NDArray[np.generic] | Image
    SpeechSource = str | Path | Speech | tuple[npt.NDArray[np.generic], int]
    MotionSource = str | Path | Motion

SILENT_PEAK = 1e-3
"""Peak (1.0 is full scale) under which a recording counts as silent: -60 dB."""


@dataclass(frozen=True)
class Saved:
    """A video file that is whole.

    Attributes:
        path: Where it lies.
        n_frames: Its frames.
        duration_s: Length of its picture, seconds.
        size_bytes: Size of the file, bytes.
    """

    path: Path
    n_frames: int
    duration_s: float
    size_bytes: int


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
        for chunk in self._draw():
            yield replace(chunk, frames=chunk.frames.copy())

    def _draw(self, run: Run = PLAIN_RUN) -> Iterator[Chunk]:
        source = self.performance or self.speech
        return self.engine.animate(self.portrait, source, self.settings, run)

    def save(
        self, path: str | Path, progress: Progress = ignore, *, motion: str | Path | None = None
    ) -> Saved:
        """Draw the frames and write them with the sound as H.264 and AAC.

        The file appears under its name only when it is whole. With `resume`, an engine that works
        long keeps what is finished in `state_path(path)` until then.

        Args:
            path: Target, ending in .mp4, .m4v or .mov.
            progress: Told about every few frames, and about what comes before the first.
            motion: Where to write the motion that the frames show: .csv or .json. Neither file
                appears if the other cannot be written.

        Raises:
            EncodeError: A file cannot be written, or is one that the video is made of.
            InputError: The engine does not know the motion of its frames.
        """
        target = Path(path)
        _check_not_source(target, self.sources)
        run = Run(progress=progress, state=state_path(target) if self.settings.resume else None)
        frames = self._draw(run)
        beside: AbstractContextManager[Callable[[Motion], None] | None] = nullcontext()
        if motion is not None:
            _check_not_source(Path(motion), self.sources)
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
        duration = float(self.n_frames / self.fps)
        return Saved(target, self.n_frames, duration, target.stat().st_size)


def state_path(output: Path) -> Path:
    """Give the file in which finished work waits while a video with `resume` is not whole yet."""
    return output.with_name(f"{output.name}.resume")


def animate(
    portrait: PortraitSource,
    speech: SpeechSource,
    *,
    motion: MotionSource | None = None,
    output: str | Path | None = None,
    motion_output: str | Path | None = None,
    progress: Progress = ignore,
    **settings: Any,  # noqa: ANN401 - each setting has its own type
) -> Video:
    """Make a portrait speak a recording.

    The picture is analysed and the sound measured at once, so that wrong input is refused here;
    the frames are drawn when the video is iterated or saved.

    Args:
        portrait: Path of a picture, (H, W), (H, W, 3) or (H, W, 4) array, or PIL image.
        speech: Path of anything that holds sound, or an array of samples and its rate in Hz.
        motion: What the face does, instead of what is heard in the speech: a motion file
            (docs/motion.md) or a `Motion`. What a file lacks, such as the head, is added. It starts
            with the sound.
        output: Where the video will be saved, if that is known: a target that cannot be written
            is then refused before any work.
        motion_output: Where its motion will be saved, the same.
        progress: Told about the stages.
        **settings: Fields of `Settings` by name, for example `preset="publish"`.

    Returns:
        The video, not yet made.

    Raises:
        InputError: The picture, the sound or the motion cannot be used.
        NoFaceError: The picture holds no usable face.
        SettingsError: A setting is unknown or out of range.
        WeightsError: A weight file is missing or damaged, or `lips` is none.
        EncodeError: `output` or `motion_output` cannot be written.

    Example:
        >>> import opensonic
        >>> opensonic.animate("portrait.jpg", "speech.mp3").save("talk.mp4")  # doctest: +SKIP
    """
    chosen, advice = choose(**settings)
    given = (portrait, speech, motion)
    sources = tuple(Path(part) for part in given if isinstance(part, (str, Path)))
    if output is not None:
        check_target(Path(output))
        _check_not_source(Path(output), sources)
    if motion_output is not None:
        check_motion_target(Path(motion_output))
        _check_not_source(Path(motion_output), sources)
    if chosen.lips is not None:
        open_network(chosen.lips_path())
    with_motion = motion is not None or motion_output is not None
    engine, reason = build_engine(chosen.engine, chosen, with_motion=with_motion)
    if motion_output is not None and not engine.tells_motion:
        raise InputError(unknown_motion(engine.name))
    track = None if motion is None else _prepare_track(motion)
    progress(Report("reading the sound", 0, 1))
    sound, notes = _prepare_speech(speech, chosen.duration, engine.in_silence)
    performance = None
    if track is not None:
        performance = follow(track, sound, chosen)
        notes += performance.notes
        advice += performance.warnings
    progress(Report("finding the face", 0, 1))
    name = str(portrait) if isinstance(portrait, (str, Path)) else "portrait"
    prepared = prepare_portrait(
        read_image(portrait), name, chosen, keep_original=engine.wants_original
    )
    notes += prepared.notes
    notes += engine.check(prepared.portrait, performance or sound, chosen)
    if idle := without_effect(engine.name, settings):
        notes.append(f"no effect with the {engine.name} engine: {', '.join(idle)}")
    return Video(
        portrait=prepared.portrait,
        speech=sound,
        settings=chosen,
        engine=engine,
        engine_reason=reason,
        notes=tuple(notes),
        warnings=(*advice, *sound.warnings, *prepared.warnings),
        sources=sources,
        performance=performance,
    )


def hear_motion(speech: SpeechSource, **settings: Any) -> Performance:  # noqa: ANN401
    """Turn a recording into motion: what a video of it would show.

    Args:
        speech: Path of anything that holds sound, or an array of samples and its rate in Hz.
        **settings: `fps`, `seed`, `duration`, `lips`, `dynamic_scale` and `motion_scale` matter.

    Returns:
        The motion, heard when its parts are asked for.

    Raises:
        InputError: The sound cannot be used.
        SettingsError: A setting is unknown or out of range.
        WeightsError: `lips` is no file of lips.
    """
    chosen, advice = choose(**settings)
    if chosen.lips is not None:
        open_network(chosen.lips_path())
    sound, notes = _prepare_speech(speech, chosen.duration)

    def parts() -> Iterator[Motion]:
        for part in perform(sound, chosen.fps, chosen.seed, chosen.lips_path()):
            yield scale_motion(part, chosen.dynamic_scale, chosen.motion_scale)

    return Performance(
        chosen.fps,
        frame_count(sound.duration, chosen.fps),
        parts,
        notes=tuple(notes),
        warnings=(*advice, *sound.warnings),
    )


def _prepare_track(motion: MotionSource) -> Track:
    return track_of(motion) if isinstance(motion, Motion) else read_track(motion)


def _check_not_source(target: Path, sources: tuple[Path, ...]) -> None:
    for source in sources:
        with suppress(OSError):  # one of them is not there: they are not the same
            if target.samefile(source):
                raise EncodeError(
                    f"{target}: is the file that the video is made of and would be lost; "
                    "choose another name"
                )


def _prepare_speech(
    source: SpeechSource, duration: Fraction | None, in_silence: str = Engine.in_silence
) -> tuple[Speech, list[str]]:
    speech = source if isinstance(source, Speech) else read_speech(source)
    notes = []
    if duration is not None:
        if duration > speech.duration:
            raise InputError(
                f"{speech.name}: the sound lasts {float(speech.duration):.6g} s, but duration "
                f"{float(duration):.6g} s was asked for; expected at most that, "
                "or no duration at all"
            )
        if duration < speech.duration:
            notes.append(f"sound cut from {float(speech.duration):.2f} s to {float(duration):g} s")
            speech = cut_speech(speech, duration)
    if speech.peak < SILENT_PEAK:
        notes.append(f"the sound is silent: {in_silence}")
    return speech, notes
