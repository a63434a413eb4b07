"""Pre-training on synthetic speech: phones and the mouth of the dominance table.

Loss: cross-entropy of the phones (label smoothing 0.05) + 3 x smooth L1 of aperture, width, jaw and
tongue + binary cross-entropy of closure and labiodental. AdamW, cosine schedule, running average
of the weights.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from opensonic.errors import InputError
from opensonic.speech.mel import LEVEL_LOOK_AHEAD, N_MELS, level_rows, log_mel
from opensonic.speech.phones import PHONE_INDEX
from opensonic.train.speech.model import N_SHAPES, SpeechNetwork
from opensonic.train.speech.music import read_music
from opensonic.train.speech.targets import MouthTable, measure_effort, relabel_rows

_LOG = logging.getLogger(__name__)
CROP = 300
"""Rows of one training crop."""
_HISTORY = 300
_LOOK_AHEAD = 60
_WARMUP = 100
_AVERAGING = 0.995
_LOG_EVERY = 50
_STOPS = tuple(PHONE_INDEX[name] for name in ("p", "b", "t", "d", "k", "g"))
_SWALLOWED = 0.3
_MUSIC_SHARE = 0.2
_OFFLINE_SHARE = 0.8
"""The rest of the crops is levelled with the short look-ahead of live use."""

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""(B, T, 64) levelled rows, (B, T, 6) mouth targets, (B, T) phones."""


@dataclass(frozen=True)
class TrainingPlan:
    """How much and how to train.

    Attributes:
        steps: Optimiser steps, which the cosine is spread over.
        batch: Crops per step.
        learning_rate: Peak of the cosine.
        seed: Everything is drawn from it.
    """

    steps: int = 9000
    batch: int = 16
    learning_rate: float = 1.5e-3
    seed: int = 1


def disturb_rows(rng: np.random.Generator, mel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Warp, tilt and drown log-mel rows (T, 64) at random; the level stays free."""
    bands = np.arange(N_MELS)
    if rng.random() < 0.3:
        places = np.clip(bands * rng.uniform(0.92, 1.08), 0, N_MELS - 1)
        below = places.astype(int)
        above = np.minimum(below + 1, N_MELS - 1)
        share = (places - below).astype(np.float32)
        mel = mel[:, below] * (1 - share) + mel[:, above] * share
    mel = mel + np.interp(bands, (0, 15, 30, 45, 63), rng.normal(0, 0.6, 5)).astype(np.float32)
    if rng.random() < 0.3:
        slope = np.interp(bands, (0, 20, 40, 63), rng.normal(0, 1, 4))
        mel = np.logaddexp(mel, np.quantile(mel, 0.9) - rng.uniform(2, 8) + slope)
    return np.asarray(mel, np.float32)


def mask_rows(rng: np.random.Generator, rows: npt.NDArray[np.float32]) -> None:
    """Blank a few bands and a few moments of levelled rows (T, 64), in place, sometimes."""
    if rng.random() < 0.5:
        band = rng.integers(56)
        rows[:, band : band + rng.integers(1, 9)] = rng.uniform(-3, 0)
    if rng.random() < 0.3:
        start = rng.integers(len(rows) - 20)
        rows[start : start + rng.integers(3, 14)] = -3


def swallow_bursts(
    rng: np.random.Generator, mel: npt.NDArray[np.float32], phones: npt.NDArray[np.int8]
) -> None:
    """Leave the burst of a stop away, in place, now and then, as people do and synthesisers do not.

    A silent gap alone is then no sign of p: the lips are heard in the sounds beside it.

    Args:
        rng: Source of chance.
        mel: (T, 64) log-mel.
        phones: (T,) phone of each row.
    """
    edges = np.flatnonzero(np.diff(phones)) + 1
    bounds = np.concatenate([[0], edges, [len(phones)]])
    for first, last in pairwise(bounds.tolist()):
        if phones[first] not in _STOPS or rng.random() > _SWALLOWED:
            continue
        quietest = mel[first + int(mel[first:last].mean(1).argmin())]
        noise = rng.normal(0, 0.3, (last - first, N_MELS)).astype(np.float32)
        mel[first:last] = np.minimum(mel[first:last], quietest + noise)


class MusicRows:
    """Music without voices, to speak over and to be silent in."""

    def __init__(self, sound: npt.NDArray[np.int16]) -> None:
        """Analyse (N,) sound at 16 kHz, at least 10 s."""
        scaled = (sound / 32768).astype(np.float32)
        self._mel = np.concatenate(list(log_mel([scaled]))).astype(np.float16)

    def cut(self, rng: np.random.Generator, n_rows: int) -> npt.NDArray[np.float32]:
        """Cut (n_rows, 64) log-mel at random."""
        start = int(rng.integers(len(self._mel) - n_rows))
        return self._mel[start : start + n_rows].astype(np.float32)

    def play_under(
        self, rng: np.random.Generator, mel: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Add music to speech (T, 64), 2 to 22 dB below its loud rows."""
        music = self.cut(rng, len(mel))
        level = np.quantile(mel.mean(1), 0.9) - np.quantile(music.mean(1), 0.9)
        return np.asarray(np.logaddexp(mel, music + level - rng.uniform(0.5, 5)), np.float32)


def crop_levelled(
    mel: npt.NDArray[np.float16],
    phones: npt.NDArray[np.int8],
    start: int,
    history: int,
    rng: np.random.Generator,
    music: MusicRows | None = None,
) -> npt.NDArray[np.float32]:
    """Cut a disturbed, levelled crop of `CROP` rows; the level has run along before it.

    Args:
        mel: (T, 64) log-mel of a whole file.
        phones: (T,) phone of each row.
        start: First row of the crop.
        history: Rows ahead of the crop from which the level is followed.
        rng: Source of chance.
        music: Played under some of the crops.
    """
    first = max(0, start - history)
    part = mel[first : start + CROP + _LOOK_AHEAD].astype(np.float32)
    swallow_bursts(rng, part, phones[first : first + len(part)])
    if music and rng.random() < _MUSIC_SHARE:
        part = music.play_under(rng, part)
    part = disturb_rows(rng, part)
    ahead = LEVEL_LOOK_AHEAD if rng.random() < _OFFLINE_SHARE else int(rng.integers(12, 30))
    rows = np.concatenate(list(level_rows(iter([part]), ahead)))[:, :N_MELS]
    rows = rows[start - first : start - first + CROP]
    mask_rows(rng, rows)
    return rows


class SyntheticRows:
    """The files of training rows, drawn from at random; new files are picked up as they appear."""

    def __init__(self, folder: Path, seed: int, music: MusicRows | None = None) -> None:
        self._folder = folder
        self._music = music
        self._rng = np.random.default_rng(seed)
        self._files: dict[Path, dict[str, npt.NDArray[Any]]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Load the files that have appeared.

        Raises:
            InputError: There is none.
        """
        for path in sorted(self._folder.glob("rows_*.npz")):
            if path not in self._files:
                with np.load(path) as data:
                    self._files[path] = {name: data[name] for name in ("mel", "mouth", "phones")}
        if not self._files:
            raise InputError(f"{self._folder}: no rows_*.npz; run the step `features` first")

    def relabel(self, table: MouthTable) -> None:
        """Compute the mouth of everything anew with other phone shapes and the voice's effort."""
        for data in self._files.values():
            mouth = relabel_rows(data["phones"], table)
            mouth[:, 0] *= measure_effort(data["mel"], data["phones"])
            data["mouth"] = mouth.astype(np.float16)

    def draw(self, batch: int) -> Batch:
        """Draw a batch of crops."""
        files = list(self._files.values())
        rows, mouth, phones = [], [], []
        for _ in range(batch):
            data = files[self._rng.integers(len(files))]
            start = int(self._rng.integers(len(data["mel"]) - CROP - _LOOK_AHEAD))
            history = 0 if self._rng.random() < 0.25 else _HISTORY
            rows.append(
                crop_levelled(data["mel"], data["phones"], start, history, self._rng, self._music)
            )
            mouth.append(data["mouth"][start : start + CROP].astype(np.float32))
            phones.append(data["phones"][start : start + CROP].astype(np.int64))
        return (
            torch.from_numpy(np.stack(rows)),
            torch.from_numpy(np.stack(mouth)),
            torch.from_numpy(np.stack(phones)),
        )


def synthetic_loss(
    phones: torch.Tensor,
    mouth: torch.Tensor,
    batch: Batch,
    shape_weights: tuple[float, ...],
    sure_weight: float = 1.0,
) -> torch.Tensor:
    """Compute the loss on synthetic speech.

    Args:
        phones: (B, T, 40) logits.
        mouth: (B, T, 6) outputs.
        batch: What they should be.
        shape_weights: Weight of each of the four shapes.
        sure_weight: Weight of the certainties.
    """
    _, shapes, labels = batch
    named = F.cross_entropy(phones.flatten(0, 1), labels.flatten(), label_smoothing=0.05)
    weights = torch.tensor(shape_weights)
    near = F.smooth_l1_loss(
        mouth[..., :N_SHAPES], shapes[..., :N_SHAPES], beta=0.1, reduction="none"
    )
    sure = F.binary_cross_entropy_with_logits(mouth[..., N_SHAPES:], shapes[..., N_SHAPES:])
    return named + (near * weights).mean() + sure_weight * sure


class Average:
    """Running average of a network's weights."""

    def __init__(self, network: torch.nn.Module, averaging: float = _AVERAGING) -> None:
        self.weights = {name: value.clone() for name, value in network.state_dict().items()}
        self._averaging = averaging
        self._steps = 0

    @torch.no_grad()
    def update(self, network: torch.nn.Module) -> None:
        """Take in the weights after one more step."""
        self._steps += 1
        keep = min(self._averaging, self._steps / (self._steps + 20))
        for name, value in network.state_dict().items():
            self.weights[name].mul_(keep).add_(value, alpha=1 - keep)


def pretrain(rows: Path, out: Path, plan: TrainingPlan, music: Path | None = None) -> None:
    """Train a fresh network on synthetic rows and write its averaged weights.

    Args:
        rows: Folder of training rows.
        out: The weights, a PyTorch state dictionary; written every few steps too.
        plan: Steps, batch and rate.
        music: File of music to speak over.
    """
    torch.manual_seed(plan.seed)
    source = SyntheticRows(rows, plan.seed, MusicRows(read_music(music)) if music else None)
    network = SpeechNetwork()
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=plan.learning_rate, weight_decay=0.02, betas=(0.9, 0.98)
    )
    average = Average(network)
    start, run = time.monotonic(), 0.0
    for step in range(1, plan.steps + 1):
        cosine = 0.03 + 0.97 * 0.5 * (1 + np.cos(np.pi * step / plan.steps))
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * cosine * min(1, step / _WARMUP)
        batch = source.draw(plan.batch)
        with torch.autocast("cpu", torch.bfloat16):
            phones, mouth = network(batch[0])
        loss = synthetic_loss(phones.float(), mouth.float(), batch, (3, 3, 3, 3))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update(network)
        hits = (phones.argmax(-1) == batch[2]).float().mean().item()
        run += (hits - run) / min(step, _LOG_EVERY)
        if step % _LOG_EVERY == 0:
            seconds = time.monotonic() - start
            _LOG.info("%d steps, %.0f s, loss %.3f, phones %.3f", step, seconds, loss.item(), run)
            source.refresh()
            torch.save(average.weights, out)
    torch.save(average.weights, out)
