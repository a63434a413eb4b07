"""A folder of talking videos: whose they are, and their pictures and sound as streams.

Everything is taken as FFmpeg decodes it: any size, orientation and frame rate, also a varying one.
Pictures carry the time at which they are seen in the sound, so that nothing hangs on a frame rate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError

SPEAKERS = ("folders", "files", "one")
"""How videos are told apart: sub-folders are speakers, each file is one, or all are one person."""
MAX_SIDE = 1280
"""Long side to which larger pictures are reduced, px."""
MAX_RATE = 31
"""Pictures per second above which some are left out."""

SUFFIXES = frozenset(
    [
        ".3g2",
        ".3gp",
        ".asf",
        ".avi",
        ".divx",
        ".dv",
        ".f4v",
        ".flv",
        ".m2t",
        ".m2ts",
        ".m2v",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpe",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".nut",
        ".ogm",
        ".ogv",
        ".qt",
        ".rm",
        ".rmvb",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
        ".y4m",
    ]
)
"""Ends of the names of videos, in small letters; other files are passed over."""

_PICTURE_FORMATS = ("image2", "_pipe", "gif", "apng", "webp", "ico")


class Video(NamedTuple):
    """One file of the folder.

    Attributes:
        path: Where it lies.
        name: Path within the folder, as reports show it.
        speaker: Who speaks in it.
    """

    path: Path
    name: str
    speaker: str

    def key(self) -> str:
        """Give a name for what is kept of this file; another once the file changes."""
        facts = self.path.stat()
        text = f"{self.path.resolve()}|{facts.st_size}|{facts.st_mtime_ns}"
        return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a video.

    Attributes:
        time_s: Middle of the time for which it is shown, in seconds of the sound.
        image: (H, W, 3) uint8 RGB, upright, at most `MAX_SIDE` long.
    """

    time_s: float
    image: npt.NDArray[np.uint8]


def find_videos(folder: Path, speakers: str = "folders") -> tuple[list[Video], int]:
    """List the videos of a folder and of all folders in it, hidden ones left out.

    Args:
        folder: The folder.
        speakers: Word of `SPEAKERS`. With "folders", the speaker is the first folder on the way to
            the file; a file that lies in none is a speaker of its own.

    Returns:
        The videos, and how many files are none by their names.

    Raises:
        InputError: There is no such folder, it holds no video, or the word is unknown.
    """
    if speakers not in SPEAKERS:
        raise InputError(f"speakers: {speakers!r} is not known; expected {', '.join(SPEAKERS)}")
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        raise InputError(f"{folder}: {what}; expected a folder of talking videos")
    videos, others = [], 0
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if any(part.startswith(".") for part in inner.parts) or not path.is_file():
            continue
        if path.suffix.lower() not in SUFFIXES:
            others += 1
            continue
        if speakers == "one":
            speaker = folder.resolve().name
        elif speakers == "folders" and len(inner.parts) > 1:
            speaker = inner.parts[0]
        else:
            speaker = inner.as_posix()
        videos.append(Video(path, inner.as_posix(), speaker))
    if not videos:
        raise InputError(
            f"{folder}: holds no video, other files: {others}; "
            "expected talking videos with sound, named .mp4, .mov, .mkv or the like"
        )
    return videos, others


def _open(video: Video) -> av.container.InputContainer:
    # By the file protocol alone: a playlist must not reach the network.
    try:
        return av.open(f"file:{video.path}", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError("no video that can be read") from error


def check_video(video: Video) -> tuple[float, float]:
    """Look into a file before it is read.

    Returns:
        Its length and the time of its first sound, both in seconds of the file's clock.

    Raises:
        InputError: It holds no moving picture or no sound; the message is the bare reason.
    """
    with _open(video) as container:
        kind = container.format.name
        if not container.streams.video or any(part in kind for part in _PICTURE_FORMATS):
            raise InputError("no video: holds no moving picture")
        if not container.streams.audio:
            raise InputError("no sound")
        length_s = float(Fraction(container.duration or 0, av.time_base))
        try:
            for frame in container.decode(audio=0):
                return length_s, float(frame.time or 0)
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(f"its sound cannot be decoded ({error})") from error
    raise InputError("no sound: its sound track is empty")


def read_pictures(video: Video, sound_start_s: float) -> Iterator[Picture]:
    """Decode the pictures of a video one after the other.

    Args:
        video: The file.
        sound_start_s: Time of its first sound on the file's clock, s.

    Yields:
        At most `MAX_RATE` pictures a second. What cannot be decoded is left out.

    Raises:
        InputError: The file cannot be opened.
    """
    with _open(video) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        rate = float(stream.average_rate or 25)
        stretch = float(stream.sample_aspect_ratio or 1)
        last_s, taken_s = -np.inf, -np.inf
        for frame in _decoded(container, stream):
            time_s = last_s + 1 / rate if frame.time is None else float(frame.time)
            if not time_s > last_s:
                continue
            last_s = time_s if np.isfinite(time_s) else 0.0
            if last_s - taken_s < 0.9 / MAX_RATE:
                continue
            taken_s = last_s
            yield Picture(last_s + 0.5 / rate - sound_start_s, _upright(frame, stretch))


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.VideoFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            continue
        yield from (frame for frame in frames if isinstance(frame, av.VideoFrame))


def _upright(frame: av.VideoFrame, stretch: float) -> npt.NDArray[np.uint8]:
    """Give the picture as a player shows it: square pixels, turned upright, not too large."""
    width, height = frame.width * stretch, float(frame.height)
    scale = min(1.0, MAX_SIDE / max(width, height))
    image = frame.to_ndarray(
        format="rgb24",
        interpolation="AREA",
        width=max(2, round(width * scale)),
        height=max(2, round(height * scale)),
    )
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns), np.uint8)
