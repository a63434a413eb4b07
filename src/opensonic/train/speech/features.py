"""Training rows: the corpus, degraded at random, as log-mel with phone labels and mouth targets.

A file of rows is `NAME.npz`: `mel` (T, 64) float16 natural logarithm, `mouth` (T, 6) float16,
`phones` (T,) int8, all utterances one behind the other.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.speech.mel import SAMPLE_RATE, log_mel
from opensonic.train.speech.augment import change_pace, degrade, make_noise
from opensonic.train.speech.corpus import Labelled, read_corpus
from opensonic.train.speech.targets import label_rows, mouth_targets
from opensonic.train.speech.voices import is_held_out

_LOG = logging.getLogger(__name__)
_NOISE_SHARE = 0.05
_NOISE_S = 4


def _disturb(
    rng: np.random.Generator, utterance: Labelled, speech: npt.NDArray[np.int16]
) -> Labelled:
    """Give a random variant of an utterance, or noise without speech in its place."""
    if rng.random() < _NOISE_SHARE:
        level = 0.1 * 10 ** (-rng.uniform(0, 26) / 20)
        sound = make_noise(rng, _NOISE_S * SAMPLE_RATE, speech) * np.float32(level)
        times = np.array([[0, _NOISE_S]], np.float32)
        return Labelled("noise", sound, times, np.zeros(1, np.int64))
    pace = rng.uniform(0.84, 1.19)
    before, after = rng.uniform(0.05, 0.8), rng.uniform(0.1, 0.8)
    pads = (int(before * SAMPLE_RATE), int(after * SAMPLE_RATE))
    sound = np.pad(change_pace(utterance.sound, pace), pads)
    snr_db = rng.uniform(2, 32) if rng.random() < 0.75 else None
    times = (utterance.times / pace + before).astype(np.float32)
    return Labelled(utterance.label, degrade(rng, sound, speech, snr_db), times, utterance.phones)


def make_features(corpus: Path, folder: Path, variants: int, seed: int) -> None:
    """Write `variants` files of training rows; a file that is there already is kept.

    Args:
        corpus: Folder of corpus shards.
        folder: Where the files go.
        variants: How often each utterance is degraded anew.
        seed: Everything is drawn from it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    utterances = [item for item in read_corpus(corpus) if not is_held_out(item.label)]
    order = np.random.default_rng(seed).permutation(len(utterances))
    babble = np.concatenate([utterances[place].sound for place in order[:400]])
    speech = np.round(babble * 32767).astype(np.int16)
    for variant in range(variants):
        path = folder / f"rows_{variant}.npz"
        if path.is_file():
            continue
        rng = np.random.default_rng((seed, variant))
        mel, mouth, phones = [], [], []
        for place in rng.permutation(len(utterances)):
            item = _disturb(rng, utterances[place], speech)
            rows = np.concatenate(list(log_mel([item.sound])))
            mel.append(rows.astype(np.float16))
            mouth.append(mouth_targets(item.times, item.phones, len(rows)).astype(np.float16))
            phones.append(label_rows(item.times, item.phones, len(rows)))
        partial = path.with_name("part.npz")
        np.savez(
            partial,
            mel=np.concatenate(mel),
            mouth=np.concatenate(mouth),
            phones=np.concatenate(phones),
        )
        partial.rename(path)
        _LOG.info("%s: %.2f h", path, sum(map(len, mel)) / 360_000)
