"""Fine-tuning on true mouth tracks, mixed with synthetic speech whose mouth is labelled anew.

Loss on real clips: (1 - r) of aperture, half that of width, and smooth L1, so that both course and
size are learnt. The synthetic part keeps phones, closures, jaw and tongue, with the shapes of
`shapes.fit_shapes`. Real clips are warped in pace, tract and tone, since few people are in them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from opensonic.speech.mel import HOP_LENGTH, N_MELS, level_rows, log_mel
from opensonic.speech.phones import PHONE_INDEX, SILENCE
from opensonic.train.speech.augment import make_din
from opensonic.train.speech.export import load_network
from opensonic.train.speech.model import N_SHAPES, SpeechNetwork
from opensonic.train.speech.music import read_music
from opensonic.train.speech.pretrain import (
    CROP,
    Average,
    Batch,
    MusicRows,
    SyntheticRows,
    disturb_rows,
    mask_rows,
    synthetic_loss,
)
from opensonic.train.speech.shapes import Aligned, align_clips, fit_shapes
from opensonic.train.speech.targets import TARGETS, label_rows
from opensonic.train.speech.tracks import KEPT_ASIDE, RealClip, read_tracks

_LOG = logging.getLogger(__name__)
_SYNTHETIC_WEIGHTS = (1.0, 1.0, 3.0, 3.0)
_SURE_WEIGHT = 2.0
_UNKNOWN = -100
_NAMED_WEIGHT, _CLOSED_WEIGHT = 0.3, 0.3
_BILABIALS = torch.tensor([PHONE_INDEX[name] for name in ("p", "b", "m")])
_RARE_WEIGHT = 20.0
_DIN_ROWS = 360
_MUSIC_SHARE = 0.75
_LOG_EVERY = 25


@dataclass(frozen=True)
class FinetuningPlan:
    """How much and how to fine-tune.

    Attributes:
        steps: Optimiser steps, which the cosine is spread over.
        real: Real clips per step.
        synthetic: Synthetic crops per step.
        din: Crops without speech per step.
        learning_rate: Peak of the cosine.
        keep: Share of the pre-trained weights in the result, which then knows phones better and
            lips hardly worse (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022).
        clips: How many clips of the main speaker; None takes all that are not kept aside.
        others: Whether to learn from the other people too, who otherwise measure.
        seed: Everything is drawn from it.
    """

    steps: int = 1000
    real: int = 8
    synthetic: int = 14
    din: int = 8
    learning_rate: float = 3e-4
    keep: float = 0.1
    clips: int | None = None
    others: bool = True
    seed: int = 1


def split_clips(
    clips: Sequence[RealClip],
) -> tuple[list[RealClip], list[RealClip], list[RealClip]]:
    """Keep aside, for measuring, the last 100 clips of the main speaker.

    Returns:
        The main speaker's clips to train on, those to measure on, and the clips of other people.
    """
    speakers = [clip.speaker for clip in clips]
    main = max(set(speakers), key=speakers.count)
    own = [clip for clip in clips if clip.speaker == main]
    others = [clip for clip in clips if clip.speaker != main]
    return own[:-KEPT_ASIDE], own[-KEPT_ASIDE:], others


def warp_clip(
    rng: np.random.Generator, clip: RealClip, labels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Say a real clip at another pace, with another tract and tone.

    Args:
        rng: Source of chance.
        clip: The clip, of T rows.
        labels: (T,) phone of each row.

    Returns:
        (CROP, 64) levelled rows, (CROP, 2) aperture and width, (CROP,) phones.
    """
    pace = rng.uniform(0.85, 1.15)
    length = len(clip.mel)
    shift = rng.uniform(0, max(1.0, length - CROP * pace))
    places = np.clip(np.arange(CROP) * pace + shift, 0, length - 1.001)
    below = places.astype(int)
    share = (places - below).astype(np.float32)[:, None]
    mel = clip.mel.astype(np.float32)
    lips = np.stack([clip.aperture, clip.width], axis=1)
    mel = mel[below] * (1 - share) + mel[below + 1] * share
    lips = lips[below] * (1 - share) + lips[below + 1] * share
    if rng.random() < 0.7:
        bands = np.clip(np.arange(N_MELS) * rng.uniform(0.84, 1.14), 0, N_MELS - 1.001)
        low = bands.astype(int)
        part = (bands - low).astype(np.float32)
        mel = mel[:, low] * (1 - part) + mel[:, low + 1] * part
    rows = np.concatenate(list(level_rows(iter([disturb_rows(rng, mel)]))))[:, :N_MELS]
    mask_rows(rng, rows)
    return rows, lips, labels[below]


class _RealRows:
    """Real clips, drawn from at random: every speaker but the main one twenty times as often."""

    def __init__(
        self, clips: Sequence[RealClip], aligned: Sequence[Aligned], rng: np.random.Generator
    ) -> None:
        self._clips = clips
        self._rng = rng
        spoken = {each.clip.name: each for each in aligned}
        self._labels = [
            np.full(len(clip.mel), _UNKNOWN)
            if clip.name not in spoken
            else label_rows(
                spoken[clip.name].times, spoken[clip.name].phones, len(clip.mel)
            ).astype(np.int64)
            for clip in clips
        ]
        speakers = [clip.speaker for clip in clips]
        main = max(set(speakers), key=speakers.count)
        weights = np.array([1.0 if speaker == main else _RARE_WEIGHT for speaker in speakers])
        self._weights = weights / weights.sum()

    def draw(self, count: int) -> Batch:
        """Draw rows (B, CROP, 64), lips (B, CROP, 2) and phones (B, CROP)."""
        places = self._rng.choice(len(self._clips), count, p=self._weights)
        drawn = [warp_clip(self._rng, self._clips[k], self._labels[k]) for k in places]
        rows, lips, phones = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))
        return rows, lips, phones


def draw_din(rng: np.random.Generator, count: int, music: MusicRows | None = None) -> Batch:
    """Draw crops in which nobody speaks: the mouth is at rest.

    Args:
        rng: Source of chance.
        count: Number of crops.
        music: Makes up three quarters of the crops.
    """
    crops = []
    for _ in range(count):
        if music and rng.random() < _MUSIC_SHARE:
            mel = music.cut(rng, _DIN_ROWS) - np.float32(rng.uniform(0, 8))
            mel = disturb_rows(rng, mel)
        else:
            sound = make_din(rng, _DIN_ROWS * HOP_LENGTH)
            mel = np.concatenate(list(log_mel([sound])))
        crops.append(np.concatenate(list(level_rows(iter([mel]))))[-CROP:, :N_MELS])
    return (
        torch.from_numpy(np.stack(crops)),
        torch.zeros(count, CROP, len(TARGETS)),
        torch.full((count, CROP), SILENCE, dtype=torch.long),
    )


def correlate(found: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Give the Pearson correlation along the last axis."""
    found = found - found.mean(-1, keepdim=True)
    true = true - true.mean(-1, keepdim=True)
    scale = (found.square().mean(-1) * true.square().mean(-1) + 1e-6).sqrt()
    return (found * true).mean(-1) / scale


def lips_loss(mouth: torch.Tensor, lips: torch.Tensor) -> torch.Tensor:
    """Compute the loss of (B, T, 6) outputs against (B, T, 2) true aperture and width."""
    found, true = mouth[..., :2].transpose(1, 2), lips.transpose(1, 2)
    course = 1 - correlate(found, true)
    size = F.smooth_l1_loss(found, true, beta=0.1, reduction="none").mean(-1)
    return ((course + 2 * size) * torch.tensor((1.0, 0.5))).sum(-1).mean()


def _real_loss(phones: torch.Tensor, mouth: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Compute the loss on real clips: lips; where a transcript says them, phones and closures."""
    _, lips, labels = batch
    on_lips = lips_loss(mouth, lips)
    known = labels != _UNKNOWN
    named = F.cross_entropy(
        phones.flatten(0, 1), labels.flatten(), ignore_index=_UNKNOWN, label_smoothing=0.05
    )
    closed = torch.isin(labels, _BILABIALS).float()
    sure = F.binary_cross_entropy_with_logits(
        mouth[..., N_SHAPES], closed, weight=known.float(), reduction="sum"
    ) / known.sum().clamp(min=1)
    if not known.any():
        return on_lips
    return on_lips + _NAMED_WEIGHT * named + _CLOSED_WEIGHT * sure


@torch.no_grad()
def measure_clips(network: SpeechNetwork, clips: Sequence[RealClip]) -> dict[str, list[float]]:
    """Correlate predicted and true aperture of clips, by speaker, without any search for a lag."""
    network.eval()
    found: dict[str, list[float]] = {}
    for clip in clips:
        rows = np.concatenate(list(level_rows(iter([clip.mel.astype(np.float32)]))))[:, :N_MELS]
        even = len(rows) // 2 * 2
        _, mouth = network(torch.from_numpy(rows[None, :even]))
        true = torch.from_numpy(clip.aperture[:even])
        r = correlate(mouth[0, :, 0], true).item()
        found.setdefault("others" if clip.speaker.startswith("x_") else clip.speaker, []).append(r)
    network.train()
    return found


def finetune(
    weights: Path,
    tracks: Path,
    rows: Path,
    out: Path,
    plan: FinetuningPlan,
    music: Path | None = None,
) -> None:
    """Fine-tune a pre-trained network on true mouth tracks.

    Args:
        weights: Pre-trained state dictionary.
        tracks: Folder of tracks, see `tracks`.
        rows: Folder of synthetic training rows.
        out: The fine-tuned state dictionary.
        plan: Steps, batches and rate.
        music: File of music without voices.
    """
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    own, kept, others = split_clips(list(read_tracks(tracks)))
    clips = own[: plan.clips] + (others if plan.others else [])
    kept += [] if plan.others else others
    network = load_network(weights)
    played = MusicRows(read_music(music)) if music else None
    source = SyntheticRows(rows, plan.seed, played)
    aligned = align_clips(network, clips, tracks / "words.json")
    source.relabel(fit_shapes(aligned))
    real = _RealRows(clips, aligned, rng)
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=0.02)
    average = Average(network, 0.99)
    for step in range(1, plan.steps + 1):
        for group in optimiser.param_groups:
            cosine = 0.03 + 0.97 * 0.5 * (1 + np.cos(np.pi * step / plan.steps))
            group["lr"] = plan.learning_rate * cosine * min(1, step / 20)
        true, drawn, din = (
            real.draw(plan.real),
            source.draw(plan.synthetic),
            draw_din(rng, plan.din, played),
        )
        batch = (
            torch.cat([drawn[0], din[0]]),
            torch.cat([drawn[1], din[1]]),
            torch.cat([drawn[2], din[2]]),
        )
        with torch.autocast("cpu", torch.bfloat16):
            phones, mouth = network(torch.cat([true[0], batch[0]]))
        phones, mouth = phones.float(), mouth.float()
        on_real = _real_loss(phones[: plan.real], mouth[: plan.real], true)
        on_synthetic = synthetic_loss(
            phones[plan.real :], mouth[plan.real :], batch, _SYNTHETIC_WEIGHTS, _SURE_WEIGHT
        )
        loss = on_real + on_synthetic
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update(network)
        if step % _LOG_EVERY == 0:
            _LOG.info("%d steps, real %.3f, made %.3f", step, on_real.item(), on_synthetic.item())
    before = torch.load(weights, weights_only=True)
    mixed = {
        name: torch.lerp(value, before[name], plan.keep) for name, value in average.weights.items()
    }
    torch.save(mixed, out)
    network.load_state_dict(mixed)
    for speaker, correlations in measure_clips(network, kept).items():
        _LOG.info("%s: median aperture r %.3f", speaker, float(np.median(correlations)))
