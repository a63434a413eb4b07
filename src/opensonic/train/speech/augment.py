"""What rooms, microphones, lines and other people do to speech, for training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from opensonic.speech.mel import SAMPLE_RATE

Sound = npt.NDArray[np.float32]
"""(N,) float32 at 16 kHz."""
_EQ_POINTS_HZ = (0, 150, 400, 1000, 2500, 5000, 8000)


def _shape_spectrum(sound: Sound, gains_db: npt.NDArray[np.float64]) -> Sound:
    n_fft = next_fast_len(len(sound), real=True)
    spectrum = rfft(sound, n_fft)
    frequencies = np.linspace(0, SAMPLE_RATE / 2, len(spectrum))
    gain = 10 ** (np.interp(frequencies, _EQ_POINTS_HZ, gains_db) / 20)
    return np.asarray(irfft(spectrum * gain.astype(np.float32), n_fft)[: len(sound)], np.float32)


def make_music(rng: np.random.Generator, n_samples: int) -> Sound:
    """Make simple music: chords of decaying harmonic tones, sometimes with percussion."""
    music = np.zeros(n_samples, np.float32)
    root = 110 * 2 ** (rng.integers(12) / 12)
    step = int(SAMPLE_RATE * 30 / rng.uniform(70, 150))
    scale = (0, 2, 4, 5, 7, 9, 11) if rng.random() < 0.5 else (0, 2, 3, 5, 7, 8, 10)
    for start in range(0, n_samples, step):
        for _ in range(rng.integers(1, 4)):
            pitch = root * 2 ** (scale[rng.integers(7)] / 12 + rng.integers(3))
            clock = np.arange(min(n_samples - start, int(step * rng.uniform(0.8, 3)))) / SAMPLE_RATE
            envelope = np.exp(-clock * rng.uniform(0.5, 6)) * np.minimum(clock / 0.01, 1)
            slope = rng.uniform(0.8, 2)
            for harmonic in range(1, rng.integers(3, 9)):
                angle = 2 * np.pi * pitch * harmonic * clock + rng.uniform(0, 6)
                music[start : start + len(clock)] += envelope * np.sin(angle) / harmonic**slope
        if rng.random() < 0.5:
            beat = np.arange(min(n_samples - start, 1600))
            hit = rng.standard_normal(len(beat)) * np.exp(-beat / 300) * rng.uniform(0.3, 2)
            music[start : start + len(beat)] += hit
    if rng.random() < 0.5:
        music += _make_lead(rng, n_samples, step, root) * np.float32(rng.uniform(0.5, 3))
    return music


def _make_lead(rng: np.random.Generator, n_samples: int, step: int, root: float) -> Sound:
    """Make a melody of held notes as strings and winds play it: glides, vibrato, a fixed body."""
    steps = -(-n_samples // step) + 1
    notes = np.repeat(rng.integers(-5, 20, steps), rng.integers(1, 5, steps))[:steps]
    clock = np.arange(n_samples) / SAMPLE_RATE
    semitones = np.interp(clock * SAMPLE_RATE / step, np.arange(steps, dtype=float), notes)
    held = np.round(semitones) * 0.8 + semitones * 0.2
    held += rng.uniform(0, 0.5) * np.sin(2 * np.pi * rng.uniform(4, 7) * clock)
    angle = 2 * np.pi * np.cumsum(root * 2 ** (1 + held / 12)) / SAMPLE_RATE
    slope = rng.uniform(0.5, 1.5)
    tone = np.zeros(n_samples)
    for harmonic in range(1, 12):
        tone += np.sin(harmonic * angle) / harmonic**slope
    moments = np.arange(0, clock[-1] + 1, rng.uniform(0.1, 0.6))
    bow = np.interp(clock, moments, rng.uniform(0, 1, len(moments)))
    body = rng.normal(0, 8, len(_EQ_POINTS_HZ))
    return _shape_spectrum((tone * bow).astype(np.float32), body)


def make_noise(rng: np.random.Generator, n_samples: int, speech: npt.NDArray[np.int16]) -> Sound:
    """Make noise of unit power: white, pink, brown, babble, music or hum.

    Args:
        rng: Source of chance.
        n_samples: Length.
        speech: Sound from which babble is mixed, longer than `n_samples`.
    """
    kind = rng.integers(6)
    noise = rng.standard_normal(n_samples).astype(np.float32)
    if kind in {1, 2}:
        n_fft = next_fast_len(n_samples, real=True)
        spectrum = rfft(noise, n_fft)
        bins = np.arange(len(spectrum), dtype=np.float32)
        spectrum /= np.sqrt(bins + 20) if kind == 1 else bins + 50
        noise = irfft(spectrum, n_fft)[:n_samples]
    elif kind == 3:
        noise = np.zeros(n_samples, np.float32)
        for _ in range(rng.integers(1, 7)):
            start = rng.integers(len(speech) - n_samples)
            noise += speech[start : start + n_samples] * np.float32(rng.uniform(0.3, 1))
    elif kind == 4:
        noise = make_music(rng, n_samples)
    elif kind == 5:
        clock = np.arange(n_samples, dtype=np.float32) / SAMPLE_RATE
        noise *= np.float32(0.1)
        for harmonic in range(1, 9):
            angle = 2 * np.pi * 50 * harmonic * clock + rng.uniform(0, 6)
            noise += np.sin(angle) * np.float32(rng.uniform(0, 1) / harmonic)
    return np.asarray(noise / (np.sqrt(np.mean(noise**2)) + 1e-9), np.float32)


def make_din(rng: np.random.Generator, n_samples: int) -> Sound:
    """Make sound in which nobody speaks: noise, gusts, clicks, beeps and sweeps, music, silence."""
    clock = np.arange(n_samples) / SAMPLE_RATE
    kind = rng.integers(4)
    din = make_noise(rng, n_samples, np.zeros(n_samples + 1, np.int16))
    if kind == 1:
        times = np.arange(0, clock[-1] + 1, rng.uniform(0.05, 0.4))
        din = din * np.exp(np.interp(clock, times, rng.normal(0, 1.2, len(times))))
    elif kind == 2:
        din = din * 10 ** -rng.uniform(0.5, 3)
        for start in rng.integers(0, n_samples - 1000, rng.integers(3, 30)):
            click = rng.standard_normal(1000) * np.exp(-np.arange(1000) / rng.uniform(20, 300))
            din[start : start + 1000] += click * rng.uniform(0.2, 3)
    elif kind == 3:
        din = din * 10 ** -rng.uniform(0.5, 3)
        for _ in range(rng.integers(1, 4)):
            start = 10 ** rng.uniform(2, 3.6)
            sweep = start * np.exp(rng.normal(0, 0.3) * (rng.random() < 0.5) * clock)
            gate = (clock % rng.uniform(0.2, 2) > 0.1) if rng.random() < 0.5 else 1
            din = din + gate * np.sin(2 * np.pi * np.cumsum(sweep) / SAMPLE_RATE)
    return np.asarray(din * 10 ** rng.uniform(-2.5, -0.5), np.float32)


def _reverberate(rng: np.random.Generator, sound: Sound) -> Sound:
    length = int(SAMPLE_RATE * rng.uniform(0.08, 0.7))
    room = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    room[: int(rng.uniform(0.001, 0.02) * SAMPLE_RATE)] = 0
    room *= rng.uniform(0.1, 0.9) / np.sqrt((room**2).sum() + 1e-9)
    room[0] = 1
    n_fft = next_fast_len(len(sound) + length, real=True)
    wet = irfft(rfft(sound, n_fft) * rfft(room.astype(np.float32), n_fft), n_fft)
    return np.asarray(wet[: len(sound)], np.float32)


def _squeeze(rng: np.random.Generator, sound: Sound) -> Sound:
    """Pass the sound through 6-bit mu-law or hard clipping, sometimes."""
    peak = float(np.abs(sound).max()) + 1e-6
    chance = rng.random()
    if chance < 0.12:
        coded = np.sign(sound) * np.log1p(255 * np.abs(sound) / peak) / np.log(256)
        coded = np.round(coded * 32) / 32
        return np.asarray(np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255 * peak)
    if chance < 0.22:
        limit = peak * rng.uniform(0.3, 0.8)
        return np.clip(sound, -limit, limit)
    return sound


def degrade(
    rng: np.random.Generator, sound: Sound, speech: npt.NDArray[np.int16], snr_db: float | None
) -> Sound:
    """Play speech through a random room, microphone, noise, line and level.

    Args:
        rng: Source of chance.
        sound: Clean speech.
        speech: Sound from which babble is mixed.
        snr_db: Ratio of speech to noise, dB; None leaves a faint hiss only.
    """
    sound = sound / np.float32(np.sqrt(np.mean(sound**2)) + 1e-6)
    if rng.random() < 0.8:
        gains = rng.normal(0, 4, len(_EQ_POINTS_HZ))
        if rng.random() < 0.15:  # telephone
            gains[0] -= 25
        if rng.random() < 0.2:  # narrow band
            gains[-1] -= 30
            gains[-2] -= rng.uniform(0, 20)
        sound = _shape_spectrum(sound, gains)
    if rng.random() < 0.5:
        sound = _reverberate(rng, sound)
    power = np.sqrt(np.mean(sound**2))
    if snr_db is None:
        sound = sound + rng.standard_normal(len(sound)).astype(np.float32) * power * 1e-3
    else:
        noise = make_noise(rng, len(sound), speech)
        sound = sound + noise * np.float32(power * 10 ** (-snr_db / 20))
    sound = _squeeze(rng, sound)
    level = 10 ** (-rng.uniform(0, 26) / 20) / (np.abs(sound).max() + 1e-6)
    return np.asarray(sound * level, np.float32)


def change_pace(sound: Sound, factor: float) -> Sound:
    """Play sound `factor` times as fast: pace, pitch and vocal tract change together."""
    places = np.arange(int(len(sound) / factor)) * factor
    return np.asarray(np.interp(places, np.arange(len(sound)), sound), np.float32)
