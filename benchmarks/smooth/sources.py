"""Videos to plant faults in: real clips, and videos of the mesh engine at twice their rate."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from benchmarks.smooth.harms import Frames

import opensonic
from opensonic.media.footage import read_pictures

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm")
_RATES = (25, 30)


@dataclass(frozen=True, eq=False)
class Source:
    """A video without planted faults.

    Attributes:
        name: What tables call it.
        is_real: Whether it was filmed.
        fps: Frames per second.
        frames: (T, H, W, 3) uint8 RGB.
        between: The same, half-way from each frame to the next; None where nobody knows it.
    """

    name: str
    is_real: bool
    fps: int
    frames: Frames
    between: Frames | None = None


def read_clips(folder: Path) -> Iterator[Source]:
    """Read the real clips of a folder.

    Args:
        folder: Where they lie.
    """
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            frames = np.stack([picture.image for picture in read_pictures(path)])
            yield Source(path.stem, True, 25, frames)


def render(portraits: list[Path], sounds: list[Path], size_px: int) -> Iterator[Source]:
    """Make videos with the mesh engine, at 25 and 30 frames per second in turn.

    Args:
        portraits: Pictures.
        sounds: Recordings; they are taken in turn.
        size_px: Short side of the videos.
    """
    for number, portrait in enumerate(portraits):
        fps = _RATES[number % len(_RATES)]
        video = opensonic.animate(
            str(portrait),
            str(sounds[number % len(sounds)]),
            engine="mesh",
            min_resolution=size_px,
            fps=2 * fps,
            seed=number,
        )
        frames = np.concatenate([chunk.frames for chunk in video])
        frames = frames[: len(frames) // 2 * 2]
        name = f"{portrait.stem}, {fps} fps"
        yield Source(name, False, fps, frames[::2].copy(), frames[1::2].copy())


def encoded(frames: Frames, fps: int, crf: int) -> Frames:
    """Encode frames as H.264 and decode them again.

    Args:
        frames: (T, H, W, 3) uint8 RGB, even sides.
        fps: Frames per second.
        crf: Constant rate factor of x264.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=Fraction(fps))
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt, stream.options = "yuv420p", {"crf": str(crf)}
            for frame in frames:
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        return np.stack([picture.image for picture in read_pictures(path)])
