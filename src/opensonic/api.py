"""The public verb: `animate` joins the stages; the video is made while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensonic.clock import frame_count
from opensonic.engines.base import Engine
from opensonic.engines.registry import build_engine
from opensonic.errors import EncodeError, InputError
from opensonic.face.portrait import prepare_portrait
from opensonic.media.audio import cut_speech, read_speech
from opensonic.media.image import read_image
from opensonic.media.video import check_target, encode_video
from opensonic.progress import Progress, Report, ignore
from opensonic.settings import Settings, choose
from opensonic.speech.network import open_network
from opensonic.values import Chunk, Portrait, Speech

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    PortraitSource = str | Path | npt.NDArray[np.generic] | Image
    SpeechSource = str | Path | Speech | tuple[npt.NDArray[np.generic], int]

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
    """

    portrait: Portrait
    speech: Speech
    settings: Settings
    engine: Engine
    engine_reason: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()

    @property
    def fps(self) -> Fraction:
        """Frames per second, exact."""
        return self.settings.fps

    @property
    def n_frames(self) -> int:
        """Number of frames: as many as cover the sound."""
        return frame_count(self.speech.duration, self.fps)

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

    def _draw(self) -> Iterator[Chunk]:
        return self.engine.animate(self.portrait, self.speech, self.settings)

    def save(self, path: str | Path, progress: Progress = ignore) -> Saved:
        """Draw the frames and write them with the sound as H.264 and AAC.

        The file appears under its name only when it is whole.

        Args:
            path: Target, ending in .mp4, .m4v or .mov.
            progress: Told about every few frames.

        Raises:
            EncodeError: The file cannot be written, or is the picture or the recording itself.
        """
        target = Path(path)
        _check_not_source(target, self.sources)
        encode_video(
            self._draw(),
            target,
            fps=self.fps,
            size=self.size,
            n_frames=self.n_frames,
            speech=self.speech,
            label=self.settings.label,
            progress=progress,
        )
        duration = float(self.n_frames / self.fps)
        return Saved(target, self.n_frames, duration, target.stat().st_size)


def animate(
    portrait: PortraitSource,
    speech: SpeechSource,
    *,
    output: str | Path | None = None,
    progress: Progress = ignore,
    **settings: Any,  # noqa: ANN401 - each setting has its own type
) -> Video:
    """Make a portrait speak a recording.

    The picture is analysed and the sound measured at once, so that wrong input is refused here;
    the frames are drawn when the video is iterated or saved.

    Args:
        portrait: Path of a picture, (H, W), (H, W, 3) or (H, W, 4) array, or PIL image.
        speech: Path of anything that holds sound, or an array of samples and its rate in Hz.
        output: Where the video will be saved, if that is known: a target that cannot be written
            is then refused before any work.
        progress: Told about the stages.
        **settings: Fields of `Settings` by name, for example `preset="publish"`.

    Returns:
        The video, not yet made.

    Raises:
        InputError: The picture or the sound cannot be used.
        NoFaceError: The picture holds no usable face.
        SettingsError: A setting is unknown or out of range.
        WeightsError: A weight file of the package is damaged, or `lips` is none.
        EncodeError: `output` cannot be written.

    Example:
        >>> import opensonic
        >>> opensonic.animate("portrait.jpg", "speech.mp3").save("talk.mp4")  # doctest: +SKIP
    """
    chosen, advice = choose(**settings)
    sources = tuple(Path(part) for part in (portrait, speech) if isinstance(part, (str, Path)))
    if output is not None:
        check_target(Path(output))
        _check_not_source(Path(output), sources)
    if chosen.lips is not None:
        open_network(chosen.lips_path())
    engine, reason = build_engine(chosen.engine)
    progress(Report("reading the sound", 0, 1))
    sound, sound_notes = _prepare_speech(speech, chosen)
    progress(Report("finding the face", 0, 1))
    name = str(portrait) if isinstance(portrait, (str, Path)) else "portrait"
    prepared = prepare_portrait(read_image(portrait), name, chosen)
    return Video(
        portrait=prepared.portrait,
        speech=sound,
        settings=chosen,
        engine=engine,
        engine_reason=reason,
        notes=(*sound_notes, *prepared.notes),
        warnings=(*advice, *sound.warnings, *prepared.warnings),
        sources=sources,
    )


def _check_not_source(target: Path, sources: tuple[Path, ...]) -> None:
    for source in sources:
        with suppress(OSError):  # one of them is not there: they are not the same
            if target.samefile(source):
                raise EncodeError(
                    f"{target}: is the file that the video is made of and would be lost; "
                    "choose another name"
                )


def _prepare_speech(source: SpeechSource, settings: Settings) -> tuple[Speech, list[str]]:
    speech = source if isinstance(source, Speech) else read_speech(source)
    notes = []
    if settings.duration is not None:
        if settings.duration > speech.duration:
            raise InputError(
                f"{speech.name}: the sound lasts {float(speech.duration):.6g} s, but duration "
                f"{float(settings.duration):.6g} s was asked for; expected at most that, "
                "or no duration at all"
            )
        if settings.duration < speech.duration:
            notes.append(
                f"sound cut from {float(speech.duration):.2f} s to {float(settings.duration):g} s"
            )
            speech = cut_speech(speech, settings.duration)
    if speech.peak < SILENT_PEAK:
        notes.append("the sound is silent: the mouth stays closed")
    return speech, notes
