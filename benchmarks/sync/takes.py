"""Talking videos, tracked once, and what is cut out of them or put together of them."""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import opensonic
from opensonic.face.tracker import NO_FACE, SEEN, FaceTracker
from opensonic.media.audio import read_speech
from opensonic.media.footage import read_pictures
from opensonic.post.sync.heard import HeardLips, hear_lips
from opensonic.post.sync.lag import Sync, measure_sync
from opensonic.post.sync.lips import N_FEATURES, LipTrack, features_of, lip_features
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.values import N_LANDMARKS, Speech

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm")
SOUNDS = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus")
_FPS = 25
_HEARD: dict[bytes, HeardLips] = {}


@dataclass(frozen=True, eq=False)
class Take:
    """One video.

    Attributes:
        name: What tables call it.
        sound: (N,) mono at 16 kHz.
        lips: What is seen.
    """

    name: str
    sound: npt.NDArray[np.float32]
    lips: LipTrack

    @property
    def seconds(self) -> float:
        """How long both picture and sound last."""
        step_s = float(np.median(np.diff(self.lips.time_s)))
        return min(float(self.lips.time_s[-1]) + step_s / 2, len(self.sound) / SAMPLE_RATE)

    def part(self, start_s: float, end_s: float) -> Take:
        """Cut a part out, which knows nothing of the rest."""
        inside = (self.lips.time_s >= start_s) & (self.lips.time_s < end_s)
        lips = LipTrack(
            self.lips.time_s[inside] - start_s,
            self.lips.features[inside],
            self.lips.seen[inside],
            self.lips.shot[inside],
        )
        samples = slice(round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE))
        return Take(f"{self.name} {start_s:g} s", self.sound[samples], lips)


def read_takes(folder: Path) -> list[Take]:
    """Track every video of a folder with our own face mesh."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    return [Take(path.stem, read_mono(path), track_video(path)) for path in paths]


def given_takes(takes: list[Take], tracks: Path) -> list[Take]:
    """Give the same videos with tracks that are given, at 25 frames a second.

    Args:
        takes: The videos.
        tracks: `tracks.npz`: per video (T, P, 3) landmarks, `NAME_ok`, and `index`.
    """
    given = []
    with np.load(tracks) as data:
        for take in takes:
            if take.name not in data:
                continue
            points, seen = data[take.name], data[f"{take.name}_ok"].astype(bool)
            landmarks = np.zeros((len(points), N_LANDMARKS, 3), np.float32)
            landmarks[:, data["index"]] = points
            time_s = (np.arange(len(points)) + 0.5) / _FPS
            near = np.abs(take.lips.time_s - time_s[:, None]).argmin(1)
            features = np.zeros((len(points), take.lips.features.shape[1]), np.float32)
            features[seen] = features_of(landmarks[seen])
            lips = LipTrack(time_s, features, seen, take.lips.shot[near])
            given.append(Take(take.name, take.sound, lips))
    return given


def find_sounds(folder: Path) -> list[Path]:
    """List the recordings of a folder."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SOUNDS)


def render_takes(portraits: list[Path], sounds: list[Path], size_px: int) -> Iterator[Take]:
    """Make a video of every sound, the portraits taking turns, and track it as any other."""
    with tempfile.TemporaryDirectory() as folder:
        for number, sound in enumerate(sounds):
            portrait = portraits[number % len(portraits)]
            path = Path(folder) / f"{portrait.stem}, {sound.stem}.mp4"
            video = opensonic.animate(
                str(portrait), str(sound), engine="mesh", min_resolution=size_px
            )
            video.save(path)
            yield Take(path.stem, read_mono(path), track_video(path))


def track_video(path: Path) -> LipTrack:
    """Track the lips of a video with our own face mesh."""
    tracker = FaceTracker()
    times, features, states, shots = [], [], [], []
    for picture in read_pictures(path):
        seen = tracker.look(picture.image, picture.time_s)
        for row in range(len(states) - seen.taken_back, len(states)):
            states[row] = NO_FACE
        times.append(picture.time_s)
        states.append(seen.state)
        shots.append(seen.shot)
        face = seen.face
        features.append(lip_features(face.landmarks) if face else np.zeros(N_FEATURES, np.float32))
    return LipTrack(
        time_s=np.array(times, np.float64),
        features=np.stack(features),
        seen=np.array(states) == SEEN,
        shot=np.array(shots, np.int32),
    )


def read_mono(path: Path) -> npt.NDArray[np.float32]:
    """Read a sound as (N,) mono at 16 kHz."""
    return np.concatenate(list(read_speech(path).blocks(SAMPLE_RATE)))


def delay(sound: npt.NDArray[np.float32], seconds: float) -> npt.NDArray[np.float32]:
    """Move a sound to later (above 0) or earlier; it keeps its length."""
    moved = np.zeros_like(sound)
    shift = round(seconds * SAMPLE_RATE)
    if shift >= 0:
        moved[shift:] = sound[: len(sound) - shift]
    else:
        moved[:shift] = sound[-shift:]
    return moved


def measure(lips: LipTrack, sound: npt.NDArray[np.float32]) -> Sync:
    """Measure lips against a sound, (N,) mono at 16 kHz; the same sound is heard only once."""
    key = hashlib.sha256(sound.tobytes()).digest()
    if key not in _HEARD:
        _HEARD[key] = hear_lips(_speech(sound))
    return measure_sync(lips, _HEARD[key])


def true_lags(manifest: Path) -> dict[str, float]:
    """Read the lags, in frames, from the column `sync_lag_frames` of a table."""
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {
            Path(row["path"]).stem: float(row["sync_lag_frames"])
            for row in rows
            if row.get("sync_lag_frames")
        }


def _speech(sound: npt.NDArray[np.float32]) -> Speech:
    return Speech(
        name="sound",
        sample_rate=SAMPLE_RATE,
        layout="mono",
        n_samples=len(sound),
        peak=float(np.abs(sound).max(initial=0)),
        sound=lambda: iter([sound[None]]),
        blocks=lambda _: iter([sound]),
    )
