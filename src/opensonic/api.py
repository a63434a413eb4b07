"""The public verbs: `animate` joins the stages; the video is made while it is read.

`hear_motion` is the same road, left half-way: at the motion.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensonic.clock import frame_count
from opensonic.engines.base import Engine
from opensonic.engines.registry import build_engine
from opensonic.errors import InputError
from opensonic.face.portrait import prepare_portrait
from opensonic.media.audio import check_recording, cut_speech, read_speech
from opensonic.media.image import read_image
from opensonic.media.video import check_target
from opensonic.motion.director import perform
from opensonic.motion.exchange import read_track
from opensonic.motion.follow import follow
from opensonic.motion.gain import scale_motion
from opensonic.motion.track import Track, track_of
from opensonic.motion.writer import check_motion_target, unknown_motion
from opensonic.post.sync.given import align_track
from opensonic.progress import Progress, Report, ignore
from opensonic.settings import choose, without_effect
from opensonic.speech.network import open_network
from opensonic.values import Motion, Performance, Speech
from opensonic.video import Video, check_not_source

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    PortraitSource = str | Path | npt.NDArray[np.generic] | Image
    SpeechSource = str | Path | Speech | tuple[npt.NDArray[np.generic], int]
    MotionSource = str | Path | Motion

SILENT_PEAK = 1e-3
"""Peak (1.0 is full scale) under which a recording counts as silent: -60 dB."""


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
        check_not_source(Path(output), sources)
    if motion_output is not None:
        check_motion_target(Path(motion_output))
        check_not_source(Path(motion_output), sources)
    if chosen.lips is not None:
        open_network(chosen.lips_path())
    image = read_image(portrait)  # what is wrong with a file is told before an engine is loaded
    if isinstance(speech, (str, Path)):
        check_recording(Path(speech))
    with_motion = motion is not None or motion_output is not None
    engine, reason = build_engine(chosen.engine, chosen, with_motion=with_motion)
    if motion_output is not None and not engine.tells_motion:
        raise InputError(unknown_motion(engine.name))
    track = None if motion is None else _prepare_track(motion)
    progress(Report("reading the sound", 0, 1))
    sound, notes = _prepare_speech(speech, chosen.duration, engine.in_silence)
    performance = None
    if track is not None:
        if chosen.align_lips:
            progress(Report("hearing the sound", 0, 1))
            track = align_track(track, sound, chosen.lips_path())
        performance = follow(track, sound, chosen)
        notes += performance.notes
        advice += performance.warnings
    progress(Report("finding the face", 0, 1))
    name = str(portrait) if isinstance(portrait, (str, Path)) else "portrait"
    prepared = prepare_portrait(image, name, chosen, keep_original=engine.wants_original)
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
