"""What training hears: true mouth tracks and synthetic speech, degraded and heard by several ears.

Written to the work folder: `tracks.npz` (`features` (N, T, F) at 25 a second, `heard` (V, N, R, C)
at 100 Hz in V ways, `speaker`, `whole`) and `speech.npz` (`heard` (N, R, C), `phones` (N, R)).

The speech network was fine-tuned on the man of the tracks and hears him better than strangers. An
ear that was only pre-trained, and degraded sound, keep the matcher from relying on that.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError
from opensonic.media.audio import read_speech
from opensonic.post.sync.heard import coarse_bands
from opensonic.post.sync.lips import features_of
from opensonic.post.sync.match import N_INPUTS
from opensonic.speech.mel import (
    FRAME_RATE,
    N_MELS,
    QUIETEST,
    SAMPLE_RATE,
    level_rows,
    log_mel,
)
from opensonic.speech.network import CONTEXT, N_HEARD, hear_rows, open_network
from opensonic.train.speech.tracks import TRACK_FPS
from opensonic.values import N_LANDMARKS

_LOG = logging.getLogger(__name__)
_SCALE = 32
_CROP_ROWS, _CROPS_PER_FILE = 2000, 150
_DEGRADED_SHARE = 0.4
_OWN_EAR_SHARE = 0.75
_KNOTS = 5

Mel = npt.NDArray[np.float32]
"""(T, 64) natural logarithm of mel power at 100 Hz."""


class Ear:
    """A speech network, and what the matcher sees of it.

    Args:
        lips: ONNX file of a speech network; None takes the package's own.
    """

    def __init__(self, lips: Path | None = None) -> None:
        self._session = open_network(lips)

    def hear(self, mel: npt.NDArray[np.floating]) -> npt.NDArray[np.float16]:
        """Give the (T, C) columns of a log-mel (T, 64) that stands alone."""
        levelled = np.concatenate(list(level_rows(iter([mel.astype(np.float32)]))))[:, :N_MELS]
        n_rows = len(levelled)
        pad = np.full((CONTEXT, N_MELS), QUIETEST, np.float32)
        window = np.concatenate([pad, levelled, pad, pad[: n_rows % 2]])
        heard = hear_rows(self._session, window)[CONTEXT : CONTEXT + n_rows, :N_HEARD]
        return np.concatenate([heard, coarse_bands(levelled)], axis=1).astype(np.float16)


def degrade_mel(
    rng: np.random.Generator,
    mel: npt.NDArray[np.floating],
    other: npt.NDArray[np.floating],
    strength: float = 1.0,
) -> Mel:
    """Give a spectrogram as another vocal tract, tone, room and noise would make it.

    Args:
        rng: Source of chance.
        mel: (T, 64) log-mel.
        other: (T, 64) log-mel of another voice, of which some may be heard.
        strength: Share of the usual chances of reverberation and noise.
    """
    rows = mel.astype(np.float32)
    if rng.random() < 0.6:
        bands = np.arange(N_MELS) * rng.uniform(0.88, 1.14)
        rows = np.stack([np.interp(bands, np.arange(N_MELS), row) for row in rows])
    power = np.exp(rows + _wavy(rng, 1.0))
    if rng.random() < 0.5 * strength:
        power = _reverberate(rng, power)
    loud = np.percentile(power.mean(1), 90)
    if rng.random() < 0.7 * strength:
        colour = np.exp(_wavy(rng, 1.2))
        level = loud * 10 ** (-rng.uniform(0, 25) / 10)
        power = power + level * colour / colour.mean() * rng.gamma(3, 1 / 3, power.shape)
    if rng.random() < 0.25 * strength:
        voice = np.exp(other.astype(np.float32))
        level = loud / np.percentile(voice.mean(1), 90) * 10 ** (-rng.uniform(5, 25) / 10)
        power = power + level * voice
    return np.log(power + 1e-10).astype(np.float32)


def _wavy(rng: np.random.Generator, spread: float) -> npt.NDArray[np.float64]:
    """Give a smooth random curve over the bands, (64,) nepers."""
    knots = np.linspace(0, N_MELS - 1, _KNOTS)
    return np.interp(np.arange(N_MELS), knots, rng.normal(0, spread, _KNOTS))


def _reverberate(
    rng: np.random.Generator, power: npt.NDArray[np.floating]
) -> npt.NDArray[np.floating]:
    keep = 10 ** (-6 / (rng.uniform(0.15, 0.7) * FRAME_RATE))
    amount = 4 * 10 ** (-rng.uniform(3, 15) / 10)
    tail, wet = np.zeros(N_MELS), np.empty_like(power)
    for row, now in enumerate(power):
        wet[row] = now + amount * tail
        tail = keep * tail + (1 - keep) * now
    return wet


def make_track_rows(folder: Path, ears: Sequence[Ear], out: Path, seed: int) -> None:
    """Hear the sound of true mouth tracks, clean and degraded, with every ear.

    Args:
        folder: Tracks as in `train.speech.tracks`.
        ears: Speech networks, the package's own first.
        out: The file to write.
        seed: Everything is drawn from it.

    Raises:
        InputError: There are no tracks in the folder.
    """
    path = folder / "tracks.npz"
    if not path.is_file():
        raise InputError(f"{folder}: holds no tracks.npz; expected a folder of mouth tracks")
    rng = np.random.default_rng(seed)
    with np.load(path) as data:
        index, names, delta = data["index"], data["names"], data["delta"]
        speaker, whole = data["speaker"], data["ok"].all(1)
    n_frames = delta.shape[1]
    n_rows = n_frames * FRAME_RATE // TRACK_FPS
    features, mels = [], []
    for name, steps in zip(names, delta, strict=True):
        landmarks = np.zeros((n_frames, N_LANDMARKS, 3), np.float32)
        landmarks[:, index] = np.cumsum(steps.astype(np.int32), 0) / _SCALE
        features.append(features_of(landmarks))
        sound = read_speech(folder / "audio" / f"{name}.opus")
        mel = np.concatenate(list(log_mel(sound.blocks(SAMPLE_RATE))))[:n_rows]
        mels.append(np.pad(mel, ((0, n_rows - len(mel)), (0, 0)), "edge").astype(np.float16))
    heard = np.zeros((2 * len(ears), len(mels), n_rows, N_INPUTS), np.float16)
    for place, mel in enumerate(mels):
        for number, ear in enumerate(ears):
            heard[2 * number, place] = ear.hear(mel)
            other = mels[rng.integers(len(mels))]
            heard[2 * number + 1, place] = ear.hear(degrade_mel(rng, mel, other))
    np.savez(out, features=np.array(features), heard=heard, speaker=speaker, whole=whole)
    _LOG.info("%s: %d clips heard in %d ways", out, len(mels), len(heard))


def make_speech_rows(folder: Path, ears: Sequence[Ear], out: Path, seed: int) -> None:
    """Hear crops of the rows that the speech training made, some degraded further.

    Args:
        folder: `rows_*.npz` of the step `features` of `opensonic.train.speech`.
        ears: Speech networks, the package's own first.
        out: The file to write.
        seed: Everything is drawn from it.

    Raises:
        InputError: There are no rows in the folder.
    """
    paths = sorted(folder.glob("rows_*.npz"))[::3][:4]
    if not paths:
        raise InputError(f"{folder}: holds no rows_*.npz; make them with opensonic.train.speech")
    rng = np.random.default_rng(seed)
    heard, phones = [], []
    for path in paths:
        with np.load(path) as data:
            mel, labels = data["mel"], data["phones"]
        for number in rng.permutation(len(mel) // _CROP_ROWS)[:_CROPS_PER_FILE]:
            rows = slice(number * _CROP_ROWS, (number + 1) * _CROP_ROWS)
            crop: npt.NDArray[np.floating] = mel[rows]
            if rng.random() < _DEGRADED_SHARE:
                start = rng.integers(len(mel) - _CROP_ROWS)
                crop = degrade_mel(rng, crop, mel[start : start + _CROP_ROWS], 0.6)
            own = len(ears) == 1 or rng.random() < _OWN_EAR_SHARE
            heard.append(ears[0 if own else 1].hear(crop))
            phones.append(labels[rows])
        _LOG.info("%s: %d crops", path, len(heard))
    np.savez(out, heard=np.array(heard), phones=np.array(phones))
