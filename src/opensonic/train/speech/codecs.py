"""Sound through lossy codecs at low bit rates, aligned with what went in."""

from __future__ import annotations

import io
from typing import cast

import av
import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from opensonic.speech.mel import SAMPLE_RATE
from opensonic.train.speech.augment import Sound

_CODECS = (
    ("libopus", "ogg", 48_000, (6_000, 24_000)),
    ("libmp3lame", "mp3", 16_000, (16_000, 40_000)),
    ("aac", "adts", 16_000, (12_000, 40_000)),
)
"""Encoder, container, sample rate Hz, bits per second."""
_LONGEST_DELAY = 4800


def _resample(frames: list[av.AudioFrame], rate: int, sample_format: str) -> list[av.AudioFrame]:
    resampler = av.AudioResampler(sample_format, "mono", rate)
    return [part for frame in [*frames, None] for part in resampler.resample(frame)]


def _encode(sound: Sound, encoder: str, container: str, rate: int, bit_rate: int) -> io.BytesIO:
    target = io.BytesIO()
    with av.open(target, "w", container) as output:
        stream = cast(av.AudioStream, output.add_stream(encoder, rate, layout="mono"))
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(sound[None], "flt", "mono")
        frame.sample_rate = SAMPLE_RATE
        for part in _resample([frame], rate, stream.format.name):
            part.pts = None
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    target.seek(0)
    return target


def pass_codec(rng: np.random.Generator, sound: Sound) -> Sound:
    """Encode and decode sound with a random codec and bit rate.

    Args:
        rng: Source of chance.
        sound: (N,) float32 at 16 kHz within [-1, 1].

    Returns:
        (N,) float32, freed of the codec's delay.
    """
    encoder, container, rate, (lowest, highest) = _CODECS[rng.integers(len(_CODECS))]
    coded = _encode(sound, encoder, container, rate, int(rng.integers(lowest, highest)))
    with av.open(coded, "r") as source:
        frames = list(source.decode(audio=0))
    parts = [part.to_ndarray()[0] for part in _resample(frames, SAMPLE_RATE, "flt")]
    decoded = np.concatenate(parts).astype(np.float32)
    n_fft = next_fast_len(len(sound) + len(decoded), real=True)
    product = rfft(decoded, n_fft) * np.conj(rfft(sound, n_fft))
    delay = int(np.argmax(irfft(product, n_fft)[:_LONGEST_DELAY]))
    moved = decoded[delay : delay + len(sound)]
    return np.pad(moved, (0, len(sound) - len(moved)))
