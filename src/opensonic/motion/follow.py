"""A video that follows a motion file: the file's channels, and the director's where it has none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from opensonic.channels import HIGH, INDEX, LOW
from opensonic.clock import frame_count
from opensonic.motion.director import GAZE_PER_PITCH, GAZE_PER_YAW, perform
from opensonic.motion.track import PARTS, RELAX_S, Floats, Track, sample_track
from opensonic.settings import Settings
from opensonic.values import Motion, Performance, Speech

_PART_FRAMES = 250
_EYES_AND_HEAD = (
    (INDEX["gaze_x"], INDEX["head_yaw"], np.float32(GAZE_PER_YAW)),
    (INDEX["gaze_y"], INDEX["head_pitch"], np.float32(GAZE_PER_PITCH)),
)


def follow(track: Track, speech: Speech, settings: Settings) -> Performance:
    """Make the motion of a video from a track, and from the speech what the track lacks.

    Args:
        track: What the face does; it starts with the sound.
        speech: The recording.
        settings: Frame rate; seed and lips for what is added. Strengths are the engine's matter.

    Returns:
        The motion, as many frames as cover the sound, with what the user should know of it.
    """
    fps = settings.fps
    n_frames = frame_count(speech.duration, fps)
    values = sample_track(track, fps, n_frames)

    def parts() -> Iterator[Motion]:
        if track.known.all():
            for start in range(0, n_frames, _PART_FRAMES):
                yield Motion(values[start : start + _PART_FRAMES], fps)
            return
        start = 0
        for part in perform(speech, fps, settings.seed, settings.lips_path()):
            end = start + len(part.values)
            yield Motion(_join(track, values[start:end], part.values), fps)
            start = end

    return Performance(
        fps,
        n_frames,
        parts,
        notes=(*track.notes, *_tell(track, speech)),
        warnings=track.warnings,
    )


def _join(track: Track, given: Floats, added: Floats) -> Floats:
    values = np.where(track.known, given, added).astype(np.float32)
    for gaze, turn, share in _EYES_AND_HEAD:
        if not track.known[gaze]:  # the eyes hold what they look at while this head turns
            values[:, gaze] += share * (added[:, turn] - values[:, turn])
    return np.clip(values, LOW, HIGH)


def _tell(track: Track, speech: Speech) -> Iterator[str]:
    length = float(speech.duration)
    lacks = [name for name, channels in PARTS.items() if not track.known[INDEX[channels[0]]]]
    if lacks:
        said = ", ".join(lacks[:-1]) + (" and " if len(lacks) > 1 else "") + lacks[-1]
        yield f"{track.name} has no {said}: added to the rhythm of the speech"
    if track.end_s < length - 1 / float(track.fps):
        yield (
            f"{track.name} ends at {track.end_s:.2f} s, the sound at {length:.2f} s: what it moves "
            f"comes to rest within {RELAX_S:g} s"
        )
    elif track.end_s > length + 1 / float(track.fps):
        yield f"{track.name} lasts {track.end_s:.2f} s and is cut to the sound's {length:.2f} s"
