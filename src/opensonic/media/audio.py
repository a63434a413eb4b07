"""Sound in: any recording that FFmpeg decodes becomes a `Speech`, read as a stream.

A file is decoded once when it is opened: that counts its samples exactly (headers lie), finds its
peak and shows whether it can be read at all. Every later pass decodes again, so that three hours
of sound need no more memory than a second. Encoder delay is skipped as FFmpeg does it.

Left out: timestamps. Sound starts at its first sample, also where the video that carries it shows
some frames before, and gaps that a live recording left are closed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError
from opensonic.values import Speech

Block = npt.NDArray[np.float32]

BLOCK_SAMPLES = 1 << 15
"""Samples per channel that a pass gathers before it hands them on."""

_log = logging.getLogger(__name__)
_LAYOUTS = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
_FULL_SCALE = {"int8": 128, "uint8": 128, "int16": 32768, "int32": 1 << 31}
_DOWNMIX = {"FC": 1.0, "FL": 0.707, "FR": 0.707, "LFE": 0.0, "LFE2": 0.0}
_OTHER_CHANNEL = 0.5
_CANCELLED = 0.01
_MAX_PLANES = 8
_ACCEPTED = "a recording such as WAV, MP3, M4A, FLAC, OGG, OPUS, or a video with sound"


def read_speech(
    source: str | Path | tuple[npt.NDArray[Any], int], *, name: str | None = None
) -> Speech:
    """Open a recording of speech.

    Samples that are not numbers (a fault of some float WAV files) are heard as silence. Where the
    sample rate or the channels change in mid-file, the rest is brought to those of the beginning.
    Of a damaged file the part that can be decoded is taken, and a warning is logged.

    Args:
        source: Path of a sound or video file, or samples with their rate in Hz: (N,), (N, C) or
            (C, N), C at most 8, float in [-1, 1] or int8, uint8, int16, int32 at full scale.
        name: What messages call the recording; by default the file's name.

    Returns:
        The recording; `blocks` gives mono sound clipped to [-1, 1] and exactly
        `round(duration * rate)` samples of it.

    Raises:
        InputError: There is no such file, or no sound in it that can be decoded.
    """
    if isinstance(source, tuple):
        return _from_samples(*source, name or "samples")
    path = Path(source)
    label = name or path.name
    _check_file(path, name or str(path))
    rate, layout = _first_format(path, label)
    return _survey(label, rate, layout, lambda note: _file_sound(path, label, rate, layout, note))


def cut_speech(speech: Speech, duration: Fraction) -> Speech:
    """Keep the first `duration` seconds of a recording.

    Args:
        speech: The recording.
        duration: Length to keep, seconds; at least one sample is kept.

    Returns:
        The shorter recording, streamed like the whole; its peak is that of the whole.

    Raises:
        InputError: The duration is not positive, or longer than the recording.
    """
    if duration <= 0 or duration > speech.duration:
        raise InputError(
            f"{speech.name}: a duration of {float(duration):.3f} s was asked for, the sound lasts "
            f"{float(speech.duration):.3f} s; ask for more than 0 s and at most that"
        )
    n_samples = max(1, round(duration * speech.sample_rate))
    seconds = Fraction(n_samples, speech.sample_rate)

    def sound() -> Iterator[Block]:
        return _exactly(n_samples, speech.sound())

    def blocks(rate: int) -> Iterator[Block]:
        return _exactly(max(1, round(seconds * rate)), speech.blocks(rate))

    return replace(speech, n_samples=n_samples, sound=sound, blocks=blocks)


def channel_layout(n_channels: int) -> str:
    """Name the usual layout of 1 to 8 channels, as FFmpeg spells it."""
    return _LAYOUTS[n_channels - 1]


def _from_samples(samples: npt.NDArray[Any], rate: int, name: str) -> Speech:
    samples = np.asarray(samples)
    if samples.ndim == 1:
        samples = samples[None]
    if samples.ndim == 2 and samples.shape[1] <= len(_LAYOUTS):
        samples = samples.T
    kind = samples.dtype.name
    if kind not in _FULL_SCALE and samples.dtype.kind != "f":
        raise InputError(
            f"{name}: samples are {kind}; expected float in [-1, 1], int16, int32, int8 or uint8"
        )
    if samples.ndim != 2 or samples.size == 0 or len(samples) > len(_LAYOUTS):
        raise InputError(
            f"{name}: samples have shape {samples.shape}; expected (N,), (N, channels) or "
            f"(channels, N) with N > 0 and at most {len(_LAYOUTS)} channels"
        )
    if isinstance(rate, bool) or int(rate) != rate or rate <= 0:
        raise InputError(f"{name}: sample rate {rate}; expected a whole number of Hz above 0")
    offset = 128 if kind == "uint8" else 0
    scale = np.float32(1 / _FULL_SCALE.get(kind, 1))

    def sound() -> Iterator[Block]:
        for start in range(0, samples.shape[1], BLOCK_SAMPLES):
            part = samples[:, start : start + BLOCK_SAMPLES].astype(np.float32)
            yield _without_nan((part - offset) * scale)

    return _survey(name, int(rate), channel_layout(len(samples)), lambda note: sound())


def _survey(name: str, rate: int, layout: str, start: Callable[[bool], Iterator[Block]]) -> Speech:
    # Decode once: count the samples, find the peak, choose how the channels are mixed.
    weights = _downmix_weights(layout)
    n_samples, peak = 0, 0.0
    energy, mixed_energy = np.zeros(len(weights)), 0.0
    for block in start(True):
        n_samples += block.shape[1]
        peak = max(peak, float(np.abs(block).max()))
        energy += np.einsum("cn,cn->c", block, block, dtype=np.float64)
        mixed_energy += float(np.square(weights @ block, dtype=np.float64).sum())
    if n_samples == 0:
        raise InputError(f"{name}: holds no sound that can be decoded; expected {_ACCEPTED}")
    if mixed_energy < _CANCELLED * float(weights @ energy):
        # Channels in antiphase (one wire swapped) would cancel: listen to the loudest alone.
        weights = np.eye(len(weights), dtype=np.float32)[int(energy.argmax())]

    def sound() -> Iterator[Block]:
        return _exactly(n_samples, start(False))

    def blocks(wanted: int) -> Iterator[Block]:
        mono = (np.clip(weights @ block, -1, 1) for block in sound())
        if wanted == rate:
            return mono
        return _exactly(
            max(1, round(Fraction(n_samples, rate) * wanted)), _resampled(mono, rate, wanted)
        )

    return Speech(name, rate, layout, n_samples, peak, sound, blocks)


def _downmix_weights(layout: str) -> Block:
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    weights = np.array([_DOWNMIX.get(name, _OTHER_CHANNEL) for name in names], np.float32)
    if not weights.any():
        weights[:] = 1
    return np.asarray(weights / weights.sum(), np.float32)


def _resampled(mono: Iterator[Block], rate: int, wanted: int) -> Iterator[Block]:
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=wanted)
    for block in mono:
        frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        yield from (part.to_ndarray()[0] for part in resampler.resample(frame))
    yield from (part.to_ndarray()[0] for part in resampler.resample(None))


def _exactly(n_samples: int, blocks: Iterator[Block]) -> Iterator[Block]:
    """Pass on exactly `n_samples` samples: cut what is too long, fill up with silence."""
    left = n_samples
    shape: tuple[int, ...] = ()
    for block in blocks:
        part = block[..., :left]
        left -= part.shape[-1]
        shape = part.shape[:-1]
        if part.shape[-1]:
            yield part
        if left == 0:
            return
    while left:
        part = np.zeros((*shape, min(left, BLOCK_SAMPLES)), np.float32)
        left -= part.shape[-1]
        yield part


def _check_file(path: Path, shown: str) -> None:
    try:
        if not path.exists():
            raise InputError(f"{shown}: no such file; expected {_ACCEPTED}")
        if not path.is_file():
            what = "a folder" if path.is_dir() else "not a regular file"
            raise InputError(f"{shown}: is {what}; expected {_ACCEPTED}")
        if path.stat().st_size == 0:
            raise InputError(f"{shown}: the file is empty; expected {_ACCEPTED}")
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(
            f"{shown}: cannot be opened ({error.strerror}); check the path and its permissions"
        ) from error


def _open(path: Path, name: str) -> av.container.InputContainer:
    # By the file protocol alone: a playlist must not reach the network.
    try:
        return av.open(f"file:{path}", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            f"{name}: is not a recording, or is damaged ({_reason(error)}); expected {_ACCEPTED}"
        ) from error


def _first_format(path: Path, name: str) -> tuple[int, str]:
    for frame in _frames(path, name):
        return frame.sample_rate, _known_layout(frame)
    raise InputError(f"{name}: holds no sound that can be decoded; expected {_ACCEPTED}")


def _known_layout(frame: av.AudioFrame) -> str:
    layout = frame.layout
    if layout.name.endswith("channels") and layout.nb_channels <= len(_LAYOUTS):
        return channel_layout(layout.nb_channels)
    return layout.name


def _frames(path: Path, name: str, *, note: bool = False) -> Iterator[av.AudioFrame]:
    damage = ""
    with _open(path, name) as container:
        stream = container.streams.best("audio")
        if stream is None:
            raise InputError(f"{name}: holds no sound; expected {_ACCEPTED}")
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                frames = packet.decode()
            except av.error.InvalidDataError as error:
                damage = _reason(error)
                continue
            except av.error.FFmpegError as error:
                damage = _reason(error)
                break
            yield from (frame for frame in frames if isinstance(frame, av.AudioFrame))
    if damage and note:
        _log.warning("%s: the file is damaged (%s); what can be decoded is used", name, damage)


def _file_sound(path: Path, name: str, rate: int, layout: str, note: bool) -> Iterator[Block]:
    """Decode a file to (C, N) float32 blocks of about `BLOCK_SAMPLES`."""
    gathered: list[Block] = []
    for part in _converted(_frames(path, name, note=note), rate, layout):
        gathered.append(part)
        if sum(piece.shape[1] for piece in gathered) >= BLOCK_SAMPLES:
            yield _without_nan(np.concatenate(gathered, axis=1))
            gathered.clear()
    if any(piece.shape[1] for piece in gathered):
        yield _without_nan(np.concatenate(gathered, axis=1))


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


def _without_nan(block: Block) -> Block:
    if not np.isfinite(block).all():
        return np.nan_to_num(block, nan=0, posinf=0, neginf=0)
    return block


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
