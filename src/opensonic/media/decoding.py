"""From a sound or video file to blocks of samples, by FFmpeg's decoders (PyAV).

Packets that are damaged are left out, encoder delay is skipped, and whatever the file changes to on
its way (rate, channels, sample format) is brought to what it began with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError

Block = npt.NDArray[np.float32]

ACCEPTED = "a recording such as WAV, MP3, M4A, FLAC, OGG, OPUS, or a video with sound"
"""What messages say was expected."""
BLOCK_SAMPLES = 1 << 15
"""Samples per channel that are gathered before they are handed on."""
LAYOUTS = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
"""The usual layout of 1, 2 ... channels, as FFmpeg spells it."""

_MAX_PLANES = 8
_HEAD_BYTES = 1 << 18
_MP3_LENGTHS = (b"Xing", b"Info", b"VBRI")
"""Marks of an MP3 that states its length; FFmpeg guesses that of others from their bit rate."""
_RIFF_UNKNOWN = 0x7FFF0000
"""Sizes from here on are written by programs that do not know the length beforehand."""


def _open(path: Path, name: str) -> av.container.InputContainer:
    # By the file protocol alone: a playlist must not reach the network.
    try:
        return av.open(f"file:{path}", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            f"{name}: is not a recording, or is damaged ({_reason(error)}); expected {ACCEPTED}"
        ) from error


def first_format(path: Path, name: str) -> tuple[int, str]:
    """Decode the beginning of a file to learn its sample rate, Hz, and its channel layout.

    Args:
        path: The file.
        name: What messages call it.

    Raises:
        InputError: The file is no recording, or no sound in it can be decoded.
    """
    for frame in _frames(path, name):
        return frame.sample_rate, _known_layout(frame)
    raise InputError(f"{name}: holds no sound that can be decoded; expected {ACCEPTED}")


def stated_duration(path: Path, name: str) -> float:
    """Read from a file's own head how much sound it should hold, in seconds; 0 if it does not say.

    Args:
        path: The file.
        name: What messages call it.

    Raises:
        InputError: The file is no recording.
    """
    with _open(path, name) as container:
        stream = container.streams.audio[0]
        kind, ticks, tick = container.format.name, stream.duration, stream.time_base
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not ticks or not tick or (kind == "mp3" and not any(mark in head for mark in _MP3_LENGTHS)):
        return 0.0
    seconds = float(ticks * Fraction(str(tick)))
    size = int.from_bytes(head[4:8], "little") + 8
    if head[:4] == b"RIFF" and size < _RIFF_UNKNOWN:  # FFmpeg counts what is there, not this
        seconds *= max(1.0, size / path.stat().st_size)
    return seconds


def _known_layout(frame: av.AudioFrame) -> str:
    layout = frame.layout
    if layout.name.endswith("channels") and layout.nb_channels <= len(LAYOUTS):
        return LAYOUTS[layout.nb_channels - 1]
    return layout.name


def _frames(
    path: Path, name: str, warn: Callable[[str], None] | None = None
) -> Iterator[av.AudioFrame]:
    damage = ""
    with _open(path, name) as container:
        stream = container.streams.best("audio")
        if stream is None:
            raise InputError(f"{name}: holds no sound; expected {ACCEPTED}")
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                damage = _reason(error)
                break
            if packet is None:
                break
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                damage = _reason(error)
                continue
            yield from (frame for frame in frames if isinstance(frame, av.AudioFrame))
    if damage and warn is not None:
        warn(f"{name}: the file is damaged ({damage}); what can be decoded is used")


def decode(
    path: Path, name: str, rate: int, layout: str, warn: Callable[[str], None] | None = None
) -> Iterator[Block]:
    """Decode a file from its first sample on.

    Args:
        path: The file.
        name: What messages call it.
        rate: Sample rate to give, Hz.
        layout: Channel layout to give.
        warn: Told, at the end, that the file is damaged.

    Yields:
        (C, N) float32 blocks, finite, of about `BLOCK_SAMPLES`.

    Raises:
        InputError: The file is no recording, or holds no sound.
    """
    gathered: list[Block] = []
    for part in _converted(_frames(path, name, warn), rate, layout):
        gathered.append(part)
        if sum(piece.shape[1] for piece in gathered) >= BLOCK_SAMPLES:
            yield without_nan(np.concatenate(gathered, axis=1))
            gathered.clear()
    if any(piece.shape[1] for piece in gathered):
        yield without_nan(np.concatenate(gathered, axis=1))


def _converted(frames: Iterator[av.AudioFrame], rate: int, layout: str) -> Iterator[Block]:
    """Bring frames to (C, N) float32 at one rate and layout, whatever they change to on the way."""
    resampler: av.AudioResampler | None = None
    current: tuple[str, str, int] | None = None
    for frame in frames:
        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        if found != current:
            if resampler is not None:
                yield from map(_unpacked, resampler.resample(None))
            # PyAV reads past the planes of a planar frame with eight channels: never touch those.
            fits = found == ("fltp", layout, rate) and frame.layout.nb_channels < _MAX_PLANES
            resampler = None if fits else av.AudioResampler(format="flt", layout=layout, rate=rate)
            current = found
        if resampler is None:
            yield np.asarray(frame.to_ndarray(), np.float32)
            continue
        frame.pts = None
        yield from map(_unpacked, resampler.resample(frame))
    if resampler is not None:
        yield from map(_unpacked, resampler.resample(None))


def _unpacked(frame: av.AudioFrame) -> Block:
    return np.asarray(frame.to_ndarray().reshape(-1, frame.layout.nb_channels).T, np.float32)


def without_nan(block: Block) -> Block:
    """Hear samples that are not finite numbers as silence."""
    if not np.isfinite(block).all():
        return np.nan_to_num(block, nan=0, posinf=0, neginf=0)
    return block


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
