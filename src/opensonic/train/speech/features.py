"""Training rows: the corpus, degraded at random, as log-mel with phone labels and mouth targets.

A file of rows is `NAME.npz`: `mel` (T, 64) float16 natural logarithm, `mouth` (T, 6) float16,
`phones` (T,) int8, all utterances one behind the other.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.speech.mel import SAMPLE_RATE, log_mel
from opensonic.speech.phones import SILENCE
from opensonic.train.speech.augment import degrade, make_noise
from opensonic.train.speech.codecs import pass_codec
from opensonic.train.speech.corpus import Labelled, read_corpus
from opensonic.train.speech.delivery import add_breaths, vary_delivery
from opensonic.train.speech.targets import label_rows, mouth_targets
from opensonic.train.speech.voices import is_held_out

_LOG = logging.getLogger(__name__)
_NOISE_SHARE = 0.05
_NOISE_S = 4
_PAUSE_S, _LONG_PAUSE_S, _LONG_PAUSE_SHARE = 0.8, 3.0, 0.15
_SNR_DB, _NOISY_SHARE = (0.0, 30.0), 0.8
_CODED_SHARE = 0.08
_BREATHING_SHARE = 0.5
_PARTS = 6


def _disturb(
    rng: np.random.Generator, utterance: Labelled, speech: npt.NDArray[np.int16]
) -> Labelled:
    """Give a random variant of an utterance, or noise without speech in its place."""
    if rng.random() < _NOISE_SHARE:
        level = 0.1 * 10 ** (-rng.uniform(0, 26) / 20)
        sound = make_noise(rng, _NOISE_S * SAMPLE_RATE, speech) * np.float32(level)
        times = np.array([[0, _NOISE_S]], np.float32)
        return Labelled("noise", sound, times, np.zeros(1, np.int64))
    item = vary_delivery(rng, utterance)
    longest = _LONG_PAUSE_S if rng.random() < _LONG_PAUSE_SHARE else _PAUSE_S
    before, after = rng.uniform(0.05, _PAUSE_S), rng.uniform(0.1, longest)
    pads = (int(before * SAMPLE_RATE), int(after * SAMPLE_RATE))
    snr_db = rng.uniform(*_SNR_DB) if rng.random() < _NOISY_SHARE else None
    item = _pad(item, pads)
    if rng.random() < _BREATHING_SHARE:
        item = add_breaths(rng, item)
    sound = degrade(rng, item.sound, speech, snr_db)
    if rng.random() < _CODED_SHARE:
        sound = pass_codec(rng, sound)
    return replace(item, sound=sound)


def _pad(item: Labelled, pads: tuple[int, int]) -> Labelled:
    """Put silence ahead of an utterance and behind it; silences that meet become one."""
    before, after = pads[0] / SAMPLE_RATE, pads[1] / SAMPLE_RATE
    times, phones = item.times + np.float32(before), item.phones
    length = len(item.sound) / SAMPLE_RATE + before + after
    for place, edge in ((0, 0.0), (-1, length)):
        if phones[place] == SILENCE:
            times[place, place] = edge
        elif place == 0:
            times, phones = (
                np.insert(times, 0, (edge, times[0, 0]), 0),
                np.insert(phones, 0, SILENCE),
            )
        else:
            times = np.append(times, np.array([(times[-1, 1], edge)], np.float32), 0)
            phones = np.append(phones, SILENCE)
    return Labelled(item.label, np.pad(item.sound, pads), times.astype(np.float32), phones)


def _write_rows(path: Path, items: Iterable[Labelled]) -> float:
    mel, mouth, phones = [], [], []
    for item in items:
        rows = np.concatenate(list(log_mel([item.sound])))
        mel.append(rows.astype(np.float16))
        mouth.append(mouth_targets(item.times, item.phones, len(rows)).astype(np.float16))
        phones.append(label_rows(item.times, item.phones, len(rows)))
    partial = path.with_name("part.npz")
    np.savez(
        partial, mel=np.concatenate(mel), mouth=np.concatenate(mouth), phones=np.concatenate(phones)
    )
    partial.rename(path)
    return sum(map(len, mel)) / 360_000


def make_features(corpus: Path, folder: Path, variants: int, seed: int) -> None:
    """Write the files of training rows; one that is there already is kept.

    Args:
        corpus: Folder of corpus shards.
        folder: Where the files go.
        variants: How often each utterance is degraded anew; six files hold one variant.
        seed: Everything is drawn from it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    utterances = [item for item in read_corpus(corpus) if not is_held_out(item.label)]
    order = np.random.default_rng(seed).permutation(len(utterances))
    babble = np.concatenate([utterances[place].sound for place in order[:400]])
    speech = np.round(babble * 32767).astype(np.int16)
    for variant in range(variants):
        rng = np.random.default_rng((seed, variant))
        for part, places in enumerate(np.array_split(rng.permutation(len(utterances)), _PARTS)):
            path = folder / f"rows_{variant}_{part}.npz"
            if path.is_file():
                continue
            chance = np.random.default_rng((seed, variant, part))
            items = (_disturb(chance, utterances[place], speech) for place in places)
            _LOG.info("%s: %.2f h", path, _write_rows(path, items))
