"""The lag of a video file: its lips are tracked, its sound is heard, the two are compared."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError, NoFaceError
from opensonic.face.tracker import NO_FACE, SEEN, SEVERAL, FaceTracker
from opensonic.media.audio import read_speech
from opensonic.media.footage import Footage, probe, read_pictures
from opensonic.post.sync.heard import hear_lips
from opensonic.post.sync.lag import Sync, measure_sync
from opensonic.post.sync.lips import N_FEATURES, LipTrack, lip_features
from opensonic.progress import Progress, Report, ignore

MIN_S = 2.0
"""Shortest time for which a face must be seen, s."""

_MAX_SEVERAL = 0.5
_MAX_RATE = 31
_LONGEST_STEP_S = 0.2
_TOLD_EVERY = 10


@dataclass(frozen=True, eq=False)
class VideoSync:
    """The lag of one file.

    Attributes:
        footage: The file.
        sync: The lag.
        seen_s: How long one face was seen, s.
        several: Share of the pictures with more than one face of comparable size.
    """

    footage: Footage
    sync: Sync
    seen_s: float
    several: float


def measure_video(
    path: str | Path, *, max_lag_s: float | None = None, progress: Progress = ignore
) -> VideoSync:
    """Measure the lag between lips and sound of a video.

    Memory grows by some 50 MB per hour.

    Args:
        path: Any video of one talking face.
        max_lag_s: Largest lag that is looked at, s; None leaves that to the length.
        progress: Told about the pictures.

    Raises:
        InputError: It is no video with sound that can be read, too short, or shows several faces.
        NoFaceError: It shows no face for long enough.
        WeightsError: Weights of the package are missing or damaged.
    """
    footage = probe(path)
    if not footage.has_sound:
        raise InputError(f"{path}: holds no sound; expected a video in which somebody speaks")
    if 0 < footage.duration_s < MIN_S:
        raise InputError(
            f"{path}: lasts {footage.duration_s:.2f} s; expected at least {MIN_S:g} s of speech, "
            "better 5 s"
        )
    progress(Report("reading the sound", 0, 1))
    speech = read_speech(path)
    state, track = _watch(footage, progress)
    seen_s = time_seen(track)
    several = float((state == SEVERAL).mean()) if len(state) else 0.0
    _check(path, footage, seen_s, several, track)
    progress(Report("hearing the sound", 0, 1))
    sync = measure_sync(track, hear_lips(speech), max_lag_s=max_lag_s)
    return VideoSync(footage, sync, seen_s, several)


def time_seen(track: LipTrack) -> float:
    """Give how long one face is seen, s; a picture that stays for long counts for 0.2 s.

    Args:
        track: What was seen of the lips.
    """
    if len(track.time_s) < 2:
        return 0.0
    steps = np.diff(track.time_s)
    steps_s = np.minimum(np.append(steps, np.median(steps)), _LONGEST_STEP_S)
    return float(steps_s[track.seen].sum())


def _check(
    path: str | Path, footage: Footage, seen_s: float, several: float, track: LipTrack
) -> None:
    """Refuse a video whose lips cannot be compared.

    Raises:
        InputError: Several faces, any of which may be speaking.
        NoFaceError: No face, or not for long enough.
    """
    if several > _MAX_SEVERAL:
        raise InputError(
            f"{path}: shows several faces ({100 * several:.0f} % of the pictures), and any of them "
            "may be speaking; cut it to the one who speaks"
        )
    if seen_s < MIN_S:
        found = "no face" if seen_s == 0 else f"a face for only {seen_s:.1f} s"
        raise NoFaceError(
            f"{path}: shows {found} in {len(track.time_s)} pictures; expected the face of who "
            f"speaks, from the front or half turned, for at least {MIN_S:g} s"
        )


def _watch(footage: Footage, progress: Progress) -> tuple[npt.NDArray[np.int8], LipTrack]:
    """Track the lips; nothing of a picture is kept."""
    tracker = FaceTracker(eyes=False)
    times, features = array("d"), array("f")
    states, shots = array("b"), array("l")
    total = max(2, round(footage.duration_s))
    nothing = np.zeros(N_FEATURES, np.float32)
    for picture in read_pictures(footage, max_rate=_MAX_RATE):
        seen = tracker.look(picture.image, picture.time_s)
        for row in range(len(states) - seen.taken_back, len(states)):
            states[row] = NO_FACE
        times.append(picture.time_s)
        states.append(seen.state)
        shots.append(seen.shot)
        features.extend(nothing if seen.face is None else lip_features(seen.face.landmarks))
        if len(times) % _TOLD_EVERY == 0:
            progress(Report("watching the lips", round(picture.time_s), total, "s of video"))
    state = np.array(states, np.int8)
    track = LipTrack(
        time_s=np.array(times, np.float64),
        features=np.array(features, np.float32).reshape(-1, N_FEATURES),
        seen=state == SEEN,
        shot=np.array(shots, np.int32),
    )
    return state, track
