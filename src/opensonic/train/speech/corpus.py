"""The corpus: shards of synthetic speech with phone times, made again from nothing by one call.

A shard is `NAME.npz`: `sound` (N,) int16 at 16 kHz, `offsets` (U + 1,) first sample of each
utterance, `labels` (U,) voices, `times` (S, 2) float32 s, `phones` (S,) int8, `counts` (U,)
segments of each utterance.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError
from opensonic.speech.phones import PHONE_INDEX
from opensonic.train.speech.synthesis import (
    SAMPLE_RATE,
    EspeakVoices,
    Utterance,
    speak_festival,
    speak_flite,
)
from opensonic.train.speech.voices import draw_espeak_voice, festival_voices, flite_voices

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class CorpusPlan:
    """How much of each synthesiser to make.

    Attributes:
        espeak_s: Seconds of espeak-ng.
        flite_s: Seconds of flite.
        festival_s: Seconds of festival.
        seed: Everything is drawn from it.
    """

    espeak_s: float = 15000
    flite_s: float = 9000
    festival_s: float = 12000
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Labelled:
    """One utterance of a shard as training reads it.

    Attributes:
        label: Program and voice.
        sound: (N,) float32 at 16 kHz.
        times: (S, 2) float32, start and end of each phone in s.
        phones: (S,) int, columns of `PHONES`.
    """

    label: str
    sound: npt.NDArray[np.float32]
    times: npt.NDArray[np.float32]
    phones: npt.NDArray[np.int64]


def _draw_espeak(rng: random.Random, seconds: float) -> Iterator[Utterance]:
    made = 0.0
    with EspeakVoices() as espeak:
        while made < seconds:
            try:
                utterance = espeak.speak(draw_espeak_voice(rng), rng)
            except InputError:
                continue
            made += len(utterance.sound) / SAMPLE_RATE
            yield utterance


def _draw_flite(rng: random.Random, seconds: float) -> Iterator[Utterance]:
    voices = flite_voices()
    made = 0.0
    while made < seconds:
        voice = rng.choices(voices, [voice.share for voice in voices])[0]
        try:
            utterance = speak_flite(voice, rng)
        except InputError:
            continue
        made += len(utterance.sound) / SAMPLE_RATE
        yield utterance


def _draw_festival(rng: random.Random, seconds: float) -> Iterator[Utterance]:
    voices = festival_voices()
    total = sum(voice.share for voice in voices)
    for voice in voices:
        made, barren = 0.0, 0
        while made < seconds * voice.share / total and barren < 5:
            before = made
            for utterance in speak_festival(voice, rng):
                made += len(utterance.sound) / SAMPLE_RATE
                yield utterance
            barren += made == before
        _LOG.info("%s: %.0f s", voice.label, made)


def _write_shard(path: Path, utterances: list[Utterance]) -> None:
    sounds = [np.round(utterance.sound * 32767).astype(np.int16) for utterance in utterances]
    segments = [segment for utterance in utterances for segment in utterance.segments]
    np.savez(
        path,
        sound=np.concatenate(sounds),
        offsets=np.cumsum([0, *(len(sound) for sound in sounds)]),
        labels=np.array([utterance.label for utterance in utterances]),
        times=np.array([segment[:2] for segment in segments], np.float32),
        phones=np.array([PHONE_INDEX[segment[2]] for segment in segments], np.int8),
        counts=np.array([len(utterance.segments) for utterance in utterances]),
    )


def make_corpus(folder: Path, plan: CorpusPlan) -> None:
    """Synthesise the corpus; a shard that is there already is kept, one of no length left out.

    Args:
        folder: Where the shards go.
        plan: Amounts and seed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    makers = (
        ("flite", _draw_flite, plan.flite_s),
        ("espeak", _draw_espeak, plan.espeak_s),
        ("festival", _draw_festival, plan.festival_s),
    )
    for number, (name, draw, seconds) in enumerate(makers):
        path = folder / f"{name}.npz"
        if path.is_file() or seconds <= 0:
            continue
        utterances = list(draw(random.Random(plan.seed * 100 + number), seconds))
        _write_shard(path, utterances)
        _LOG.info("%s: %d utterances, %.0f s", path, len(utterances), seconds)


def read_corpus(folder: Path) -> Iterator[Labelled]:
    """Read every utterance of every shard, in order.

    Raises:
        InputError: The folder holds no shard.
    """
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise InputError(f"{folder}: holds no corpus shard (*.npz); run the step `corpus` first")
    for path in paths:
        with np.load(path) as shard:
            sound, offsets, labels = shard["sound"], shard["offsets"], shard["labels"]
            times, phones, counts = shard["times"], shard["phones"], shard["counts"]
        ends = np.cumsum(counts)
        for place, label in enumerate(labels):
            part = slice(ends[place] - counts[place], ends[place])
            samples = sound[offsets[place] : offsets[place + 1]].astype(np.float32) / 32768
            yield Labelled(str(label), samples, times[part], phones[part].astype(np.int64))
