"""The values that travel between the stages. All frozen, all checked once, on construction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from opensonic.channels import CHANNELS
from opensonic.errors import InputError

N_LANDMARKS = 478
"""Points of the face mesh (MediaPipe's public topology: 468 of the face, 10 of the irises)."""


def _require(
    array: npt.NDArray[np.generic], shape: tuple[int | None, ...], dtype: str, name: str
) -> None:
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != np.dtype(dtype):
        want = "x".join("any" if side is None else str(side) for side in shape)
        raise InputError(f"{name}: expected {want} {dtype}, got {array.shape} {array.dtype}")


@dataclass(frozen=True, eq=False)
class Face:
    """One face found in a picture.

    Attributes:
        box: (4,) float32, x0 y0 x1 y1 of the landmarks, px.
        landmarks: (478, 3) float32; x to the right and y down in px, the centre of the first pixel
            at 0.5; z in the same scale, smaller is nearer to the camera.
        score: Certainty of the detector, 0 to 1.
    """

    box: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]
    score: float

    def __post_init__(self) -> None:
        _require(self.box, (4,), "float32", "face box")
        _require(self.landmarks, (N_LANDMARKS, 3), "float32", "landmarks")

    @property
    def eye_distance(self) -> float:
        """Distance of the outer eye corners in three dimensions, px: the unit `e` of a face."""
        return float(np.linalg.norm(self.landmarks[33] - self.landmarks[263]))


@dataclass(frozen=True, eq=False)
class Portrait:
    """One still picture and the face in it that shall speak.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        face: The face, in pixels of `image`.
        name: What messages call the picture.
        original: The same picture before it was resized, where an engine wants it.
    """

    image: npt.NDArray[np.uint8]
    face: Face
    name: str = "portrait"
    original: Portrait | None = None

    def __post_init__(self) -> None:
        _require(self.image, (None, None, 3), "uint8", self.name)


@dataclass(frozen=True, eq=False)
class Speech:
    """One recording, read as a stream: it is never in memory as a whole.

    Attributes:
        name: What messages call the recording.
        sample_rate: Samples per second of the original, Hz.
        layout: Channel layout of the original as FFmpeg names it (`mono`, `stereo`, `5.1` ...).
        n_samples: Length in samples at `sample_rate`, counted by decoding.
        peak: Largest absolute sample, 1.0 being full scale.
        sound: Starts a pass over the original: (C, N) float32 blocks at `sample_rate`.
        blocks: Starts a pass over the mono sound at the sample rate given in Hz: (N,) float32.
        warnings: What the user should know of the recording, such as damage.
    """

    name: str
    sample_rate: int
    layout: str
    n_samples: int
    peak: float
    sound: Callable[[], Iterator[npt.NDArray[np.float32]]]
    blocks: Callable[[int], Iterator[npt.NDArray[np.float32]]]
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.sample_rate <= 0 or self.n_samples <= 0:
            raise InputError(
                f"{self.name}: holds {self.n_samples} samples at {self.sample_rate} Hz; "
                "expected at least one sample of sound"
            )

    @property
    def duration(self) -> Fraction:
        """Length in seconds, exact."""
        return Fraction(self.n_samples, self.sample_rate)


@dataclass(frozen=True, eq=False)
class Motion:
    """Named channels over time: what the face does, frame by frame.

    Attributes:
        values: (T, C) float32, columns as in `channels.CHANNELS`.
        fps: Frames per second, exact.
    """

    values: npt.NDArray[np.float32]
    fps: Fraction

    def __post_init__(self) -> None:
        _require(self.values, (None, len(CHANNELS)), "float32", "motion")


@dataclass(frozen=True, eq=False)
class Performance:
    """The motion of a whole video, made as a stream: it is never in memory as a whole.

    Attributes:
        fps: Frames per second, exact.
        n_frames: Frames of all parts together.
        parts: Starts a pass: consecutive parts of the motion.
        notes: Facts that the user should know.
        warnings: What may look wrong, and why.
    """

    fps: Fraction
    n_frames: int
    parts: Callable[[], Iterator[Motion]]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some consecutive frames and what the engine knows of them.

    Attributes:
        frames: (T, H, W, 3) uint8, RGB. From an engine, valid until its next chunk is asked for.
        motion: The motion that the frames show, or None.
        landmarks: (T, 478, 3) float32 landmarks in the frames, px, or None.
    """

    frames: npt.NDArray[np.uint8]
    motion: Motion | None = None
    landmarks: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        _require(self.frames, (None, None, None, 3), "uint8", "frames")
