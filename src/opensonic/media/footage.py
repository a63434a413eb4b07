"""Video in: the pictures of any video one after the other, each with its time in the sound.

Whatever FFmpeg decodes is taken: any container, codec, size, orientation and frame rate, also a
varying one. Times are those at which a player shows a picture while it plays the sound: edit lists,
the delay of the sound's encoder and tracks that begin apart are all counted. Memory holds a few
pictures, for any length.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import Flag
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation

from opensonic.errors import InputError
from opensonic.media.files import check_file

ACCEPTED = "a video such as MP4, MOV, MKV or WebM"
"""What messages say was expected."""
MAX_SIDE = 1280
"""Long side to which larger pictures are reduced unless told otherwise, px."""

_PICTURE_FORMATS = ("image2", "_pipe", "gif", "apng", "webp", "ico")
_USUAL_RATE = Fraction(25)
_ACCURATE = 0x40000 | 0x2000
"""FFmpeg's SWS_ACCURATE_RND and SWS_FULL_CHR_H_INT: without them pictures get a level darker."""
_SCALING = (
    Interpolation(Interpolation.AREA | _ACCURATE)
    if isinstance(Interpolation.AREA, Flag)  # in older PyAV they cannot be asked for
    else Interpolation.AREA
)
_AHEAD = 4
_ENTER_S = 0.5


class Picture(NamedTuple):
    """One picture of a video.

    Attributes:
        time_s: Middle of the time for which a picture is shown, in seconds since the sound's first
            sample; since the first picture begins where there is no sound.
        image: (H, W, 3) uint8 RGB, upright, with square pixels.
    """

    time_s: float
    image: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Footage:
    """What a video file says of itself, and where its streams begin.

    Attributes:
        path: Where it lies.
        fps: Pictures per second on average.
        n_frames: Pictures as the file states them, or None where it does not.
        size: Width and height as a player shows them, px.
        duration_s: Length, seconds; 0 where the file does not state it.
        picture_start_s: When its first picture begins, seconds of the file's clock.
        sound_start_s: When its first sample is heard, the same; None without sound.
    """

    path: Path
    fps: Fraction
    n_frames: int | None
    size: tuple[int, int]
    duration_s: float
    picture_start_s: float
    sound_start_s: float | None

    @property
    def has_sound(self) -> bool:
        """Whether it holds sound that can be decoded."""
        return self.sound_start_s is not None


def open_footage(path: Path) -> av.container.InputContainer:
    """Open a video for reading, by the file protocol alone: a playlist must not reach the network.

    Raises:
        InputError: It is missing, may not be read, or FFmpeg does not know it.
    """
    check_file(path, str(path), ACCEPTED)
    try:
        return av.open(f"file:{path}", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            f"{path}: no video that can be read ({_reason(error)}); expected {ACCEPTED}"
        ) from error


def picture_stream(container: av.container.InputContainer) -> av.VideoStream:
    """Give the stream of moving pictures that a player shows; covers of songs are none.

    Raises:
        InputError: There is none.
    """
    kind = container.format.name
    stream = container.streams.best("video")
    still = any(part in kind for part in _PICTURE_FORMATS)
    if not isinstance(stream, av.VideoStream) or still or _is_cover(stream):
        name = container.name.removeprefix("file:")
        raise InputError(f"{name}: no video: holds no moving picture; expected {ACCEPTED}")
    return stream


def probe(path: str | Path) -> Footage:
    """Look into a video: its first picture and its first sound are decoded, no more.

    Args:
        path: The file.

    Raises:
        InputError: It is no video that can be read.
    """
    path = Path(path)
    with open_footage(path) as container:
        stream = picture_stream(container)
        first = next(_decoded(container, stream), None)
        if first is None:
            raise InputError(
                f"{path}: none of its pictures can be decoded; expected {ACCEPTED} that plays"
            )
        width, height = _shown_size(first, _stretch(stream))
        if _quarter_turns(first) % 2:
            width, height = height, width
        return Footage(
            path=path,
            fps=_rate(stream),
            n_frames=stream.frames or None,
            size=(round(width), round(height)),
            duration_s=float(Fraction(container.duration or 0, av.time_base)),
            picture_start_s=float(first.time or 0),
            sound_start_s=_sound_start(path),
        )


def read_pictures(
    source: str | Path | Footage,
    *,
    max_side: int | None = MAX_SIDE,
    max_rate: float | None = None,
    begin_s: float | None = None,
) -> Iterator[Picture]:
    """Decode the pictures of a video one after the other, some ahead in a thread of their own.

    Args:
        source: The file, or what `probe` said of it.
        max_side: Larger pictures are reduced to this long side, px; None keeps all as they are.
        max_rate: Pictures per second above which some are left out; None keeps all.
        begin_s: Time from which on pictures are given, on their own scale; the file is entered
            shortly before it. None begins at the beginning.

    Yields:
        The pictures by ascending time, all of one size: where it changes within the video, they are
        brought to that of the first. What cannot be decoded is left out.

    Raises:
        InputError: The file cannot be opened, or holds no moving picture.
    """
    footage = source if isinstance(source, Footage) else probe(source)
    pictures = _pictures(footage, max_side, max_rate, -np.inf if begin_s is None else begin_s)
    with ThreadPoolExecutor(1, "decode") as worker:
        coming: list[Future[Picture | None]] = []
        try:
            while True:
                while len(coming) < _AHEAD:
                    coming.append(worker.submit(next, pictures, None))
                picture = coming.pop(0).result()
                if picture is None:
                    return
                yield picture
        finally:
            worker.shutdown(cancel_futures=True)
            pictures.close()


def _pictures(
    footage: Footage, max_side: int | None, max_rate: float | None, begin_s: float
) -> Generator[Picture, None, None]:
    start_s = footage.picture_start_s if footage.sound_start_s is None else footage.sound_start_s
    with open_footage(footage.path) as container:
        stream = picture_stream(container)
        stream.thread_type = "AUTO"
        size, step_s = _reduced(footage.size, max_side), float(1 / footage.fps)
        last_s = taken_s = -np.inf
        if begin_s > 0:
            with suppress(av.error.FFmpegError):  # it cannot be entered there: from the beginning
                container.seek(int((start_s + begin_s - _ENTER_S) * av.time_base))
        for frame in _decoded(container, stream):
            time_s = max(last_s + step_s, footage.picture_start_s)  # bare streams tell no times
            if frame.time is not None:
                time_s = float(frame.time)
            if not time_s > last_s:
                continue
            last_s = time_s
            if last_s + 0.5 * step_s - start_s < begin_s:
                continue
            if max_rate is not None and last_s - taken_s < 0.9 / max_rate:
                continue
            taken_s = last_s
            yield Picture(last_s + 0.5 * step_s - start_s, _upright(frame, size))


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


def _sound_start(path: Path) -> float | None:
    """Give the time of the first sample that is heard, seconds of the file's clock."""
    with open_footage(path) as container:
        stream = container.streams.best("audio")
        if stream is None:
            return None
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                frames = [] if packet is None else packet.decode()
            except av.error.EOFError:
                return None
            except av.error.FFmpegError:
                continue
            for frame in frames:
                if isinstance(frame, av.AudioFrame) and frame.samples:
                    return float(frame.time or 0)
            if packet is None:
                return None


def _is_cover(stream: av.VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _rate(stream: av.VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate:
            return Fraction(rate)
    return _USUAL_RATE


def _stretch(stream: av.VideoStream) -> float:
    return float(stream.sample_aspect_ratio or 1)


def _shown_size(frame: av.VideoFrame, stretch: float) -> tuple[float, float]:
    return frame.width * stretch, float(frame.height)


def _quarter_turns(frame: av.VideoFrame) -> int:
    return round(getattr(frame, "rotation", 0) / 90) % 4  # not in PyAV 14.0


def _reduced(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """Give width and height that are not too large, px."""
    scale = 1.0 if max_side is None else min(1.0, max_side / max(size))
    return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))


def _upright(frame: av.VideoFrame, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Give the picture as a player shows it, upright, with the width and height of all, px."""
    turns = _quarter_turns(frame)
    width, height = size[::-1] if turns % 2 else size
    image = frame.to_ndarray(format="rgb24", interpolation=_SCALING, width=width, height=height)
    return np.ascontiguousarray(np.rot90(image, turns), np.uint8)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
