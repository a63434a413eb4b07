"""Ways of speaking that no synthesiser has: slower and faster, sung, whispered, by a small child.

Phone times move with the sound, so that the labels stay exact.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.signal import istft, lfilter, stft

from opensonic.speech.mel import SAMPLE_RATE
from opensonic.speech.phones import PHONE_INDEX, SILENCE, VOWELS
from opensonic.train.speech.augment import Sound, change_pace
from opensonic.train.speech.corpus import Labelled

_GRAIN, _HOP, _SEARCH = 640, 320, 160
_STFT, _LIFTER = 512, 28
_VOWELS = [PHONE_INDEX[name] for name in VOWELS]
_SUNG, _WHISPERED, _CHILD = 0.05, 0.09, 0.2
"""Shares of the ways to speak, summed up."""
_SHORTEST_PAUSE_S = 0.3


def stretch_sound(sound: Sound, places: npt.NDArray[np.float64]) -> Sound:
    """Change the pace of sound but not its pitch, grain by grain.

    Source: Verhelst & Roelands, "An overlap-add technique based on waveform similarity (WSOLA)",
    ICASSP 1993.

    Args:
        sound: (N,) float32.
        places: (K,) sample of the input that stands at each 20 ms of the output, rising.

    Returns:
        (K x 320,) float32.
    """
    padded = np.pad(sound, (_SEARCH, _GRAIN + _HOP + 2 * _SEARCH))
    window = np.hanning(_GRAIN + 1)[:-1].astype(np.float32)
    stretched = np.zeros(len(places) * _HOP + _GRAIN, np.float32)
    follower = padded[_SEARCH : _SEARCH + _GRAIN]
    for number, place in enumerate(np.clip(places, 0, len(sound)).astype(int)):
        region = padded[place : place + 2 * _SEARCH + _GRAIN]
        found = place + int(np.argmax(np.correlate(region, follower, "valid")))
        stretched[number * _HOP : number * _HOP + _GRAIN] += window * padded[found : found + _GRAIN]
        follower = padded[found + _HOP : found + _HOP + _GRAIN]
    return stretched[: len(places) * _HOP]


def change_tempo(item: Labelled, slowness: npt.NDArray[np.float64]) -> Labelled:
    """Say each phone `slowness` (S,) times as long; what lies between phones keeps its length."""
    starts, ends = item.times[:, 0].astype(np.float64), item.times[:, 1].astype(np.float64)
    knots = np.stack([starts, ends], axis=1).ravel()
    lengths = np.diff(knots, prepend=0.0)
    lengths[1::2] *= slowness
    moved = np.cumsum(lengths)
    rest = max(0.0, len(item.sound) / SAMPLE_RATE - knots[-1])
    length = moved[-1] + rest
    clock = np.arange(0, length, _HOP / SAMPLE_RATE)
    origins = np.append(knots, knots[-1] + rest + 1e-3)
    places = np.interp(clock, np.append(moved, length + 1e-3), origins) * SAMPLE_RATE
    times = np.stack([moved[0::2], moved[1::2]], axis=1).astype(np.float32)
    return replace(item, sound=stretch_sound(item.sound, places), times=times)


def sing(rng: np.random.Generator, item: Labelled) -> Labelled:
    """Hold the vowels, with vibrato and notes."""
    held = np.isin(item.phones, _VOWELS)
    slowness = np.where(held, rng.uniform(1.5, 5, len(held)), rng.uniform(0.9, 1.4))
    sung = change_tempo(item, slowness)
    seconds = np.arange(len(sung.sound)) / SAMPLE_RATE
    depth, rate = rng.uniform(0.005, 0.03), rng.uniform(4.5, 6.5)
    places = np.arange(len(seconds)) + depth * SAMPLE_RATE / (2 * np.pi * rate) * np.sin(
        2 * np.pi * rate * seconds
    )
    sound = np.interp(places, np.arange(len(seconds)), sung.sound).astype(np.float32)
    return replace(sung, sound=sound)


def whisper_sound(rng: np.random.Generator, sound: Sound) -> Sound:
    """Give breath the spectral envelope of speech: no voice, little bass."""
    _, _, spectrum = stft(sound, SAMPLE_RATE, nperseg=_STFT, noverlap=3 * _STFT // 4)
    cepstrum = np.fft.irfft(np.log(np.abs(spectrum) + 1e-5), axis=0)
    cepstrum[_LIFTER:-_LIFTER] = 0
    envelope = np.exp(np.fft.rfft(cepstrum, axis=0).real)
    breath = rng.standard_normal(len(sound))
    _, _, noise = stft(breath, SAMPLE_RATE, nperseg=_STFT, noverlap=3 * _STFT // 4)
    bins = np.linspace(0, SAMPLE_RATE / 2, len(envelope))
    tilt = 1 / (1 + (rng.uniform(300, 900) / (bins + 1)) ** 2)
    _, whispered = istft(
        noise * envelope * tilt[:, None], SAMPLE_RATE, nperseg=_STFT, noverlap=3 * _STFT // 4
    )
    fitted = np.pad(whispered[: len(sound)], (0, max(0, len(sound) - len(whispered))))
    return np.asarray(fitted, np.float32)


def resize_tract(item: Labelled, factor: float) -> Labelled:
    """Make vocal tract, pitch and pace `factor` times as small, high and fast."""
    times = (item.times / factor).astype(np.float32)
    return replace(item, sound=change_pace(item.sound, factor), times=times)


def _make_breath(rng: np.random.Generator, n_samples: int) -> Sound:
    """Make an intake of breath: noise through an open tract, swelling and ebbing."""
    clock = np.linspace(0, 1, n_samples)
    noise = rng.standard_normal(n_samples)
    tract = np.zeros(n_samples)
    first = rng.uniform(500, 1100)
    for place, formant in enumerate((first, rng.uniform(1300, 2100), *rng.uniform(2300, 6500, 3))):
        width = rng.uniform(120, 500)
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        angle = 2 * np.pi * formant / SAMPLE_RATE
        tract += lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], noise) * (
            rng.uniform(0.3, 1) * width * 0.8**place
        )
    peak = rng.uniform(0.3, 0.85)
    swell = np.interp(clock, (0, peak, min(0.98, peak + 0.1), 1), (0, 1, rng.uniform(0.5, 1), 0))
    breath = tract / (tract.std() + 1e-9) + noise * rng.uniform(0.05, 0.5)
    return np.asarray(breath * swell, np.float32)


def add_breaths(rng: np.random.Generator, item: Labelled) -> Labelled:
    """Let the speaker take breath audibly in pauses of 0.3 s or more: the mouth opens as for h.

    Args:
        rng: Source of chance.
        item: An utterance whose phones leave no gaps.
    """
    sound = item.sound.copy()
    power = float(np.sqrt(np.mean(sound**2))) + 1e-6
    times: list[tuple[float, float]] = []
    phones: list[int] = []
    for (start, end), phone in zip(item.times.tolist(), item.phones.tolist(), strict=True):
        if phone != SILENCE or end - start < _SHORTEST_PAUSE_S or rng.random() < 0.3:
            times.append((start, end))
            phones.append(phone)
            continue
        length = rng.uniform(0.15, min(0.7, end - start - 0.05))
        last = end - rng.uniform(0, min(0.2, end - start - length))
        first, count = int((last - length) * SAMPLE_RATE), int(length * SAMPLE_RATE)
        breath = _make_breath(rng, count) * np.float32(power * 10 ** (-rng.uniform(8, 36) / 20))
        sound[first : first + count] += breath[: len(sound) - first]
        times += [(start, last - length), (last - length, end)]
        phones += [SILENCE, PHONE_INDEX["h"]]
    return replace(
        item, sound=sound, times=np.array(times, np.float32), phones=np.array(phones, np.int64)
    )


def vary_delivery(rng: np.random.Generator, item: Labelled) -> Labelled:
    """Say an utterance at a random pace and pitch; now and then as a child, sung or whispered."""
    way = rng.random()
    if _WHISPERED < way < _CHILD:
        factor = float(rng.uniform(1.18, 1.42))
        slowness = factor * rng.uniform(0.9, 1.2)
        return change_tempo(resize_tract(item, factor), np.full(len(item.times), slowness))
    item = resize_tract(item, float(rng.uniform(0.84, 1.19)))
    if way < _SUNG:
        return sing(rng, item)
    if way < _WHISPERED:
        return replace(item, sound=whisper_sound(rng, item.sound))
    if rng.random() < 0.5:
        local = np.exp(rng.normal(0, 0.12, len(item.times)))
        return change_tempo(item, np.exp(rng.uniform(-0.3, 0.35)) * local)
    return item
