"""Sound in: any recording that FFmpeg decodes becomes a `Speech`, read as a stream.

A file is decoded once when it is opened: that counts its samples exactly (headers lie), finds its
peak and shows whether it can be read at all. Every later pass decodes again, so that three hours
of sound need no more memory than a second. Encoder delay is skipped as FFmpeg does it.

Left out: timestamps. Sound starts at its first sample, also where the video that carries it shows
some frames before, and gaps that a live recording left are closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError
from opensonic.media.decoding import (
    ACCEPTED,
    BLOCK_SAMPLES,
    LAYOUTS,
    Block,
    decode,
    first_format,
    stated_duration,
    without_nan,
)
from opensonic.media.files import check_file
from opensonic.values import Speech

_FULL_SCALE = {"int8": 128, "uint8": 128, "int16": 32768, "int32": 1 << 31}
_DOWNMIX = {"FC": 1.0, "FL": 0.707, "FR": 0.707, "LFE": 0.0, "LFE2": 0.0}
_OTHER_CHANNEL = 0.5
_CANCELLED = 0.01
_MISSING_BELOW = 0.9
"""Share of the stated length below which a file counts as cut off."""
_Warn = Callable[[str], None]


def read_speech(
    source: str | Path | tuple[npt.NDArray[Any], int], *, name: str | None = None
) -> Speech:
    """Open a recording of speech.

    Samples that are not numbers (a fault of some float WAV files) are heard as silence. Where the
    sample rate or the channels change in mid-file, the rest is brought to those of the beginning.
    Of a damaged file the part that can be decoded is taken, and `warnings` says so.

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
    rate, layout = check_recording(path, name)
    speech = _survey(label, rate, layout, lambda warn: decode(path, label, rate, layout, warn))
    stated_s = stated_duration(path, label)
    if speech.warnings or speech.duration > _MISSING_BELOW * stated_s:
        return speech
    warning = (
        f"{label}: the file ends early: it should hold {stated_s:.1f} s of sound, "
        f"{float(speech.duration):.1f} s could be read; copy or download it anew"
    )
    return replace(speech, warnings=(warning,))


def check_recording(path: Path, name: str | None = None) -> tuple[int, str]:
    """Look at the beginning of a recording only, which takes no time however long it is.

    Args:
        path: Of a sound or video file.
        name: What messages call the recording; by default the file's name.

    Returns:
        Its sample rate in Hz and its channels, as FFmpeg calls them.

    Raises:
        InputError: There is no such file, or no sound at its beginning.
    """
    check_file(path, name or str(path), ACCEPTED)
    return first_format(path, name or path.name)


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


def _from_samples(samples: npt.NDArray[Any], rate: int, name: str) -> Speech:
    samples = np.asarray(samples)
    if samples.ndim == 1:
        samples = samples[None]
    if samples.ndim == 2 and samples.shape[1] <= len(LAYOUTS):
        samples = samples.T
    kind = samples.dtype.name
    if kind not in _FULL_SCALE and samples.dtype.kind != "f":
        raise InputError(
            f"{name}: samples are {kind}; expected float in [-1, 1], int16, int32, int8 or uint8"
        )
    if samples.ndim != 2 or samples.size == 0 or len(samples) > len(LAYOUTS):
        raise InputError(
            f"{name}: samples have shape {samples.shape}; expected (N,), (N, channels) or "
            f"(channels, N) with N > 0 and at most {len(LAYOUTS)} channels"
        )
    if isinstance(rate, bool) or int(rate) != rate or rate <= 0:
        raise InputError(f"{name}: sample rate {rate}; expected a whole number of Hz above 0")
    offset = 128 if kind == "uint8" else 0
    scale = np.float32(1 / _FULL_SCALE.get(kind, 1))

    def sound() -> Iterator[Block]:
        for start in range(0, samples.shape[1], BLOCK_SAMPLES):
            part = samples[:, start : start + BLOCK_SAMPLES].astype(np.float32)
            yield without_nan((part - offset) * scale)

    return _survey(name, int(rate), LAYOUTS[len(samples) - 1], lambda warn: sound())


def _survey(
    name: str, rate: int, layout: str, start: Callable[[_Warn | None], Iterator[Block]]
) -> Speech:
    # Decode once: count the samples, find the peak, choose how the channels are mixed.
    weights = _downmix_weights(layout)
    n_samples, peak = 0, 0.0
    energy, mixed_energy = np.zeros(len(weights)), 0.0
    warnings: list[str] = []
    for block in start(warnings.append):
        n_samples += block.shape[1]
        peak = max(peak, float(np.abs(block).max()))
        energy += np.einsum("cn,cn->c", block, block, dtype=np.float64)
        mixed_energy += float(np.square(weights @ block, dtype=np.float64).sum())
    if n_samples == 0:
        raise InputError(f"{name}: holds no sound that can be decoded; expected {ACCEPTED}")
    if mixed_energy < _CANCELLED * float(weights @ energy):
        # Channels in antiphase (one wire swapped) would cancel: listen to the loudest alone.
        weights = np.eye(len(weights), dtype=np.float32)[int(energy.argmax())]

    def sound() -> Iterator[Block]:
        return _exactly(n_samples, start(None))

    def blocks(wanted: int) -> Iterator[Block]:
        mono = (np.clip(weights @ block, -1, 1) for block in sound())
        if wanted == rate:
            return mono
        return _exactly(
            max(1, round(Fraction(n_samples, rate) * wanted)), _resampled(mono, rate, wanted)
        )

    return Speech(name, rate, layout, n_samples, peak, sound, blocks, tuple(warnings))


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
