"""What lips really did: given tracks, or tracked here with MediaPipe or our own mesh."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError
from opensonic.face.detect import FaceDetector
from opensonic.face.mesh import FaceMesh
from opensonic.media.audio import read_speech
from opensonic.metrics.curves import Curve
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.train.speech.evaluate import TrueClip, read_clips, read_frame_rate
from opensonic.train.speech.tracks import measure_lips
from opensonic.values import N_LANDMARKS, Face

VIDEOS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg")
"""Endings of the files that are taken for clips."""
SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac")
"""Endings of the files that are taken for recordings."""
OWN_MESH = "our own face mesh"
"""Name of the tracker that is always there."""

_INDEX = np.arange(N_LANDMARKS)
_LEAST_SEEN = 0.95
_MAX_JUMP = 0.5
_WORKER = Path(__file__).with_name("mediapipe_worker.py")

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]


def read_mono(path: Path) -> Curve:
    """Read a file's sound as (N,) float32 mono at 16 kHz."""
    return np.concatenate(list(read_speech(path).blocks(SAMPLE_RATE)))


def find_sounds(folder: Path) -> list[Path]:
    """List the recordings below a folder, in the order of their names."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUNDS)


def find_mediapipe(python: str | None) -> str | None:
    """Give the Python interpreter that has MediaPipe, or None.

    Args:
        python: An interpreter that is said to have it; None looks into this one.
    """
    if python is not None:
        return python
    return sys.executable if importlib.util.find_spec("mediapipe") else None


def read_frames(path: Path) -> Iterator[Image]:
    """Decode the pictures of a video, (H, W, 3) uint8 RGB."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def follow_face(frames: Iterator[Image]) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Track the largest face with our own mesh.

    Args:
        frames: (H, W, 3) uint8 RGB pictures.

    Returns:
        (T, 478, 3) landmarks in px (the last ones where no face is seen), and (T,) whether one is.
    """
    detector, mesh = FaceDetector(), FaceMesh()
    face: Face | None = None
    points: list[Points] = []
    seen: list[bool] = []
    for frame in frames:
        if face is not None:
            before, face = face, mesh.follow(frame, face)
            jump = np.linalg.norm(face.landmarks[1, :2] - before.landmarks[1, :2])
            if jump > _MAX_JUMP * before.eye_distance:
                face = None
        if face is None and (found := detector.detect(frame)):
            face = mesh.find(frame, found[0])
        seen.append(face is not None)
        last = points[-1] if points else np.zeros((N_LANDMARKS, 3), np.float32)
        points.append(last if face is None else face.landmarks)
    return np.array(points, np.float32), np.array(seen, np.bool_)


def follow_with_mediapipe(path: Path, python: str) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Track the face of a video file with MediaPipe; see `follow_face`.

    Args:
        path: The video.
        python: Interpreter that has MediaPipe.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "points.npz"
        command = [python, str(_WORKER), str(path), str(out)]
        subprocess.run(command, check=True, capture_output=True)
        with np.load(out) as data:
            return data["points"], data["seen"]


def track_file(path: Path, python: str | None) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Track the face of a video file with MediaPipe where `python` has it, else with our mesh."""
    return follow_face(read_frames(path)) if python is None else follow_with_mediapipe(path, python)


def read_true_clips(folder: Path, python: str | None) -> tuple[list[TrueClip], list[str]]:
    """Read or track every clip of a folder.

    Args:
        folder: Holds videos, and their tracks in `tracks.npz` if there are any.
        python: Interpreter that has MediaPipe, or None.

    Returns:
        The clips, and notes: where the truth is from, and what was left out.

    Raises:
        InputError: There is no clip in the folder.
    """
    if (folder / "tracks.npz").is_file():
        return list(read_clips(folder)), ["Truth: the tracks given with the clips (`tracks.npz`)."]
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in VIDEOS)
    if not paths:
        raise InputError(f"{folder}: holds no clip; expected videos ({' '.join(VIDEOS)})")
    tracker = OWN_MESH if python is None else "MediaPipe's face mesh"
    clips, notes = [], [f"Truth: tracked here with {tracker}."]
    for path in paths:
        points, seen = track_file(path, python)
        if not len(seen) or seen.mean() < _LEAST_SEEN:
            share = 100 * seen.mean() if len(seen) else 0
            notes.append(f"{path.name} left out: a face is seen in {share:.0f} % of its frames.")
            continue
        gap, width = measure_lips(points, _INDEX)
        clips.append(TrueClip(path.stem, path.stem, path, read_frame_rate(path), gap, width))
    return clips, notes
