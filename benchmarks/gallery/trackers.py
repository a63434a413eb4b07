"""Where the landmarks of a render are, by a tracker that does not know how it was made."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError
from opensonic.face.detect import FaceDetector
from opensonic.face.mesh import FaceMesh

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]

_WORKER = Path(__file__).with_name("mediapipe_worker.py")


class Tracker(Protocol):
    """Places 478 landmarks.

    Attributes:
        name: What tables call it.
    """

    name: str

    def track(self, pictures: Iterable[Image]) -> Points:
        """Look at pictures of one size and one face.

        Args:
            pictures: (H, W, 3) uint8 RGB.

        Returns:
            (T, 478, 2) float32, px; not-a-number where no face is seen.
        """
        ...


class OwnMesh:
    """The face mesh of the package: always there, but the one that the engine itself relies on."""

    name = "our own mesh"

    def track(self, pictures: Iterable[Image]) -> Points:
        """See `Tracker.track`."""
        detector, mesh = FaceDetector(), FaceMesh()
        first = None
        points = []
        for picture in pictures:
            if first is None and (found := detector.detect(picture)):
                first = mesh.find(picture, found[0])
            if first is None:
                points.append(np.full((478, 2), np.nan, np.float32))
            else:
                points.append(mesh.follow(picture, first).landmarks[:, :2])
        return np.array(points, np.float32)


class MediaPipe:
    """MediaPipe's face mesh, in an interpreter that has it.

    Args:
        python: Path of the interpreter.
    """

    name = "MediaPipe"

    def __init__(self, python: str) -> None:
        self._python = python

    def track(self, pictures: Iterable[Image]) -> Points:
        """See `Tracker.track`.

        Raises:
            InputError: The interpreter has no MediaPipe that works.
        """
        pending = iter(pictures)
        first = next(pending)
        with tempfile.TemporaryDirectory() as folder:
            out, log = Path(folder) / "points.npz", Path(folder) / "log.txt"
            size = [str(side) for side in first.shape[:2]]
            command = [self._python, str(_WORKER), *size, str(out)]
            with log.open("wb") as messages:
                worker = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=messages)
                assert worker.stdin is not None
                try:
                    worker.stdin.write(first.tobytes())
                    for picture in pending:
                        worker.stdin.write(picture.tobytes())
                    worker.stdin.close()
                except BrokenPipeError:
                    pass  # the exit code tells
                code = worker.wait()
            if code:
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise InputError(
                    f"{self._python}: MediaPipe failed ({' '.join(last)}); expected an "
                    "interpreter with mediapipe 0.10; leave --mediapipe out to use our own mesh"
                )
            with np.load(out, allow_pickle=False) as data:
                return np.asarray(data["points"], np.float32)


def find_tracker(python: str | None) -> Tracker:
    """Give MediaPipe where there is one, else our own mesh.

    Args:
        python: An interpreter that has MediaPipe; None looks into this one.
    """
    if python is None and importlib.util.find_spec("mediapipe"):
        python = sys.executable
    return OwnMesh() if python is None else MediaPipe(python)
