"""The voices that were kept out of training: read or spoken anew, clean or with noise.

Noise is added at a ratio to the *active* speech level: the mean power of the samples in which a
phone sounds, silence left out.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from opensonic.errors import InputError
from opensonic.speech.mel import FRAME_RATE, SAMPLE_RATE
from opensonic.speech.phones import PHONE_INDEX, SILENCE
from opensonic.train.speech.augment import make_music
from opensonic.train.speech.corpus import Labelled, read_corpus
from opensonic.train.speech.delivery import change_tempo, resize_tract, sing, whisper_sound
from opensonic.train.speech.synthesis import EspeakVoices, Utterance, speak_festival, speak_flite
from opensonic.train.speech.targets import label_rows
from opensonic.train.speech.voices import (
    Voice,
    draw_espeak_voice,
    festival_voices,
    flite_voices,
    is_held_out,
)

NOISES = ("white", "pink", "babble")
"""Kinds of noise that `add_noise` makes."""
WAYS = ("child", "sung", "whispered", "telephone", "second voice", "music")
"""Ways in which `say_otherwise` has speech said or heard."""

_BESIDE_DB = 10.0
"""Speech over a second voice or music, dB."""
_CHILD_FACTOR = 1.3
_TELEPHONE_HZ = (300, 3400)
_SEED = 7
_TALKERS = 6
_VARIANTS = ("+f3", "+m6")
_MAX_TRIES = 400

Sound = npt.NDArray[np.float32]


def name_voice(label: str) -> str:
    """Give the name under which a voice is reported; variants of espeak-ng in all languages."""
    return f"espeak-ng +{label.split('+')[-1]}" if label.startswith("espeak") else label


def read_held_out(corpus: Path) -> list[Labelled]:
    """Read the held-out voices of a corpus, in an order drawn once and for all.

    Raises:
        InputError: The folder holds no shard.
    """
    items = [item for item in read_corpus(corpus) if is_held_out(item.label)]
    random.Random(0).shuffle(items)
    return items


def _labelled(utterance: Utterance) -> Labelled:
    times = np.array([segment[:2] for segment in utterance.segments], np.float32)
    phones = np.array([PHONE_INDEX[segment[2]] for segment in utterance.segments], np.int64)
    return Labelled(utterance.label, utterance.sound, times, phones)


def _speak_espeak(rng: random.Random, variant: str, seconds: float) -> list[Labelled]:
    items: list[Labelled] = []
    with EspeakVoices() as espeak:
        for _ in range(_MAX_TRIES):
            if _length(items) >= seconds:
                break
            drawn = draw_espeak_voice(rng)
            name = drawn.name.split("+")[0] + variant
            voice = Voice(drawn.program, name, drawn.language, drawn.alphabet, 1)
            try:
                items.append(_labelled(espeak.speak(voice, rng)))
            except InputError:
                continue
    return items


def _speak_other(rng: random.Random, voice: Voice, seconds: float) -> list[Labelled]:
    items: list[Labelled] = []
    for _ in range(_MAX_TRIES):
        if _length(items) >= seconds:
            break
        try:
            batch = (
                speak_festival(voice, rng)
                if voice.program == "festival"
                else [speak_flite(voice, rng)]
            )
            items += [_labelled(utterance) for utterance in batch]
        except InputError:
            continue
    return items


def _length(items: Iterable[Labelled]) -> float:
    return sum(len(item.sound) for item in items) / SAMPLE_RATE


def speak_held_out(seconds: float, programs: Sequence[str]) -> list[Labelled]:
    """Synthesise the held-out voices.

    Args:
        seconds: Of each voice.
        programs: Which of `espeak-ng`, `flite` and `festival` are installed.
    """
    rng = random.Random(_SEED)
    items: list[Labelled] = []
    if "espeak-ng" in programs:
        for variant in _VARIANTS:
            items += _speak_espeak(rng, variant, seconds)
    for voice in (*flite_voices(), *festival_voices()):
        if voice.program in programs and is_held_out(voice.label):
            items += _speak_other(rng, voice, seconds)
    return items


def _babble(rng: np.random.Generator, items: Sequence[Labelled], n_samples: int) -> Sound:
    mixed = np.zeros(n_samples, np.float32)
    for _ in range(_TALKERS):
        sound = items[int(rng.integers(len(items)))].sound
        mixed += np.resize(
            np.roll(sound / (sound.std() + 1e-9), rng.integers(len(sound))), n_samples
        )
    return mixed


def make_steady_noise(rng: np.random.Generator, kind: str, n_samples: int) -> Sound:
    """Make white, pink (1/f above 20 bins) or room noise (steeper, with faint hum), of power 1.

    Raises:
        InputError: The kind is unknown.
    """
    noise = rng.standard_normal(n_samples)
    if kind in {"pink", "room"}:
        frequency = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
        slope = 0.5 if kind == "pink" else 0.9
        noise = np.fft.irfft(np.fft.rfft(noise) / (frequency + 20) ** slope, n_samples)
        noise /= noise.std()
    elif kind != "white":
        raise InputError(f"noise {kind!r}: expected white, pink or room")
    if kind == "room":
        noise += 0.3 * np.sin(2 * np.pi * 50 * np.arange(n_samples) / SAMPLE_RATE)
    return np.asarray(noise / noise.std(), np.float32)


def add_noise(
    rng: np.random.Generator, item: Labelled, kind: str, snr_db: float, items: Sequence[Labelled]
) -> Sound:
    """Add noise so much below the active speech level.

    Args:
        rng: Source of chance.
        item: Clean speech and its labels.
        kind: One of `NOISES`.
        snr_db: Mean power of the samples in which a phone sounds over that of the noise, dB.
        items: Speech from which babble is mixed.

    Raises:
        InputError: The kind is unknown.
    """
    n_samples = len(item.sound)
    if kind == "babble":
        noise = _babble(rng, items, n_samples)
        noise /= noise.std() + 1e-9
    else:
        noise = make_steady_noise(rng, kind, n_samples)
    n_rows = -(-n_samples * FRAME_RATE // SAMPLE_RATE)
    speaking = label_rows(item.times, item.phones, n_rows) != SILENCE
    active = np.repeat(speaking, SAMPLE_RATE // FRAME_RATE)[:n_samples]
    level = np.sqrt(np.mean(item.sound[active] ** 2)) if active.any() else item.sound.std()
    return np.asarray(item.sound + noise * level * 10 ** (-snr_db / 20), np.float32)


def say_otherwise(
    rng: np.random.Generator, item: Labelled, way: str, items: Sequence[Labelled]
) -> Labelled:
    """Have speech said or heard in another way.

    Args:
        rng: Source of chance.
        item: Clean speech and its labels.
        way: One of `WAYS`: as by a child (tract and pitch x1.3 at the same pace), sung (vowels
            held), whispered, over a telephone (300 to 3400 Hz, 8-bit mu-law), with one other voice
            or made-up music 10 dB below.
        items: Speech from which the second voice is taken.

    Raises:
        InputError: The way is unknown.
    """
    if way == "child":
        return change_tempo(
            resize_tract(item, _CHILD_FACTOR), np.full(len(item.times), _CHILD_FACTOR)
        )
    if way == "sung":
        return sing(rng, item)
    if way == "whispered":
        return replace(item, sound=whisper_sound(rng, item.sound))
    if way == "telephone":
        band = butter(4, _TELEPHONE_HZ, "bandpass", fs=SAMPLE_RATE, output="sos")
        narrow = sosfilt(band, item.sound)
        peak = np.abs(narrow).max() + 1e-9
        coded = np.sign(narrow) * np.log1p(255 * np.abs(narrow) / peak) / np.log(256)
        coded = np.round(coded * 127) / 127
        heard = np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255 * peak
        return replace(item, sound=heard.astype(np.float32))
    if way not in WAYS:
        raise InputError(f"way {way!r}: expected one of {', '.join(WAYS)}")
    other = (
        make_music(rng, len(item.sound))
        if way == "music"
        else np.resize(items[int(rng.integers(len(items)))].sound, len(item.sound))
    )
    level = item.sound.std() / (other.std() + 1e-9) * 10 ** (-_BESIDE_DB / 20)
    return replace(item, sound=(item.sound + other * level).astype(np.float32))
