"""Training of the matcher: which sound, and at which lag, belongs to these lips?

Contrastive: within a batch, every other sound and every other lag is wrong (InfoNCE, van den Oord
et al., arXiv 1807.03748; lags of the own sound as in Chung and Zisserman 2016, who took other
moments). A batch is of one kind of lips, so that nobody learns which.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter1d

from opensonic.post.sync.match import N_INPUTS
from opensonic.speech.mel import FRAME_RATE
from opensonic.speech.network import N_HEARD
from opensonic.speech.phones import SILENCE
from opensonic.train.speech.tracks import KEPT_ASIDE, TRACK_FPS
from opensonic.train.sync.augment import sample_lips, vary_heard, vary_lips
from opensonic.train.sync.mouths import LipLaw, invent_lips, learn_law, render_lips
from opensonic.train.sync.network import Matcher

_LOG = logging.getLogger(__name__)
_MARGIN = 30
"""Rows of sound on either side of the lips: the lags that are told apart, +-0.3 s."""
_LAGS = torch.arange(-_MARGIN // 2, _MARGIN // 2 + 1, 3)
"""Lags in rows of 20 ms; the step of 60 ms leaves people their habits."""
_TRUE_LAG = len(_LAGS) // 2
_SHORTEST, _LONGEST = 120, 230
_CONTEXT = 60
_FPS = (25, 25, 25, 30, 30, 50, 60, 20)
_MOST_SILENT = 0.75
KEPT_CROPS = 40
"""Last crops of synthetic speech that training does not use: they calibrate."""


@dataclass(frozen=True)
class FitPlan:
    """How long, and on what.

    Attributes:
        steps: Of AdamW.
        batch: Pairs in each.
        rate: Highest learning rate; it follows a cosine.
        invented: Mouths that are invented for synthetic speech.
        shares: Of batches of true tracks, of invented mouths, and of mouths as our engines draw.
        seed: Everything is drawn from it.
    """

    steps: int = 1400
    batch: int = 40
    rate: float = 2e-3
    invented: int = 3000
    shares: tuple[float, float, float] = (0.45, 0.35, 0.2)
    seed: int = 1


class Pairs(NamedTuple):
    """Lips (B, T, F) and the sound around them (B, T + 2 x 30, C), at 100 Hz."""

    lips: torch.Tensor
    sound: torch.Tensor


class TrackPairs:
    """Pairs of true tracks; the main speaker's last clips and other people are kept aside.

    Args:
        path: `tracks.npz` of `rows`.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path) as data:
            whole, speaker = data["whole"], data["speaker"]
            people, counts = np.unique(speaker[whole], return_counts=True)
            main = np.flatnonzero(whole & (speaker == people[counts.argmax()]))
            self.features = data["features"][main[:-KEPT_ASIDE]]
            self.heard = data["heard"][:, main[:-KEPT_ASIDE]]
        self.law: LipLaw = learn_law(self.features)

    def draw(self, rng: np.random.Generator, count: int, n_rows: int) -> Pairs:
        """Draw pairs of `n_rows` rows, said faster or slower, by other faces, through noise."""
        lips, sound = [], []
        time_s = (np.arange(self.features.shape[1]) + 0.5) / TRACK_FPS
        total = self.heard.shape[2]
        for place in rng.choice(len(self.features), count, replace=False):
            pace = rng.uniform(0.87, 1.15)
            first = rng.integers(4, max(5, int(total / pace) - n_rows - 8))
            features = vary_lips(rng, self.features[place].astype(np.float64), self.law.spread)
            at_s = (np.arange(first, first + n_rows) + 0.5) / FRAME_RATE * pace
            lips.append(sample_lips(rng, features, time_s, at_s))
            rows = (np.arange(first - _MARGIN, first + n_rows + _MARGIN) + 0.5) * pace - 0.5
            near = np.clip(np.round(rows).astype(int), 0, total - 1)
            columns = self.heard[rng.integers(len(self.heard)), place]
            sound.append(vary_heard(rng, columns[near]))
        return Pairs(*(torch.from_numpy(np.array(part, np.float32)) for part in (lips, sound)))


class InventedPairs:
    """Pairs of synthetic speech and invented mouths, or mouths as our engines draw them.

    Args:
        path: `speech.npz` of `rows`.
        law: How lip features follow a mouth.
        count: Mouths to invent.
        seed: Everything is drawn from it.
        drawn: Take the mouths that our engines draw.
    """

    _ROWS = 400

    def __init__(
        self, path: Path, law: LipLaw, count: int, seed: int, *, drawn: bool = False
    ) -> None:
        rng = np.random.default_rng(seed)
        with np.load(path) as data:
            heard, phones = data["heard"], data["phones"]
        lips: list[npt.NDArray[np.float16]] = []
        sounds: list[npt.NDArray[np.float16]] = []
        while len(lips) < count:
            crop = rng.integers(len(heard) - KEPT_CROPS)
            first = rng.integers(_CONTEXT, heard.shape[1] - self._ROWS - _CONTEXT)
            rows = slice(first, first + self._ROWS)
            if np.mean(phones[crop, rows] == SILENCE) > _MOST_SILENT:
                continue
            around = slice(first - _CONTEXT, first + self._ROWS + _CONTEXT)
            if drawn:
                outputs = heard[crop, around, :N_HEARD].astype(np.float32)
                features = render_lips(rng, outputs, law)
            else:
                features = invent_lips(rng, phones[crop, around], law)
            lips.append(features[_CONTEXT:-_CONTEXT].astype(np.float16))
            sounds.append(heard[crop, rows])
        self.features, self.heard = np.array(lips), np.array(sounds)
        self._law = law

    def draw(self, rng: np.random.Generator, count: int, n_rows: int) -> Pairs:
        """Draw pairs of `n_rows` rows at various frame rates."""
        lips, sound = [], []
        row_s = (np.arange(self._ROWS) + 0.5) / FRAME_RATE
        for place in rng.choice(len(self.features), count, replace=False):
            first = rng.integers(_MARGIN, self._ROWS - n_rows - _MARGIN + 1)
            fps = rng.choice(_FPS)
            n_frames = int(self._ROWS / FRAME_RATE * fps)
            time_s = (np.arange(n_frames) + 0.5 + rng.uniform(-0.4, 0.4)) / fps
            seen = gaussian_filter1d(
                self.features[place].astype(np.float64), rng.uniform(0.5, 2), axis=0
            )
            frames = np.stack([np.interp(time_s, row_s, column) for column in seen.T], axis=1)
            frames = vary_lips(rng, frames, self._law.spread)
            lips.append(sample_lips(rng, frames, time_s, row_s[first : first + n_rows]))
            around = self.heard[place, first - _MARGIN : first + n_rows + _MARGIN]
            sound.append(vary_heard(rng, around))
        return Pairs(*(torch.from_numpy(np.array(part, np.float32)) for part in (lips, sound)))


def fit(work: Path, plan: FitPlan, start: Path | None = None) -> None:
    """Train on the rows of the work folder; writes `matcher.pt`, a running average of the weights.

    Args:
        work: Folder with `tracks.npz` and `speech.npz`.
        plan: How long.
        start: Weights to go on from.
    """
    rng = np.random.default_rng(plan.seed)
    torch.manual_seed(plan.seed)
    tracks = TrackPairs(work / "tracks.npz")
    speech = work / "speech.npz"
    invented = InventedPairs(speech, tracks.law, plan.invented, plan.seed)
    drawn = InventedPairs(speech, tracks.law, plan.invented // 3, plan.seed + 1, drawn=True)
    parts = (tracks.heard[0, ::10], invented.heard[::20])
    columns = np.concatenate([part.reshape(-1, N_INPUTS) for part in parts]).astype(np.float32)
    network = Matcher(
        torch.from_numpy(tracks.law.spread.astype(np.float32)),
        torch.from_numpy(columns.mean(0)),
        torch.from_numpy(columns.std(0) + 0.02),
    )
    if start is not None:
        network.load_state_dict(torch.load(start, weights_only=True))
    optimiser = torch.optim.AdamW(
        network.parameters(), plan.rate, weight_decay=0.02, betas=(0.9, 0.98)
    )
    average = {name: value.clone() for name, value in network.state_dict().items()}
    sources: dict[str, TrackPairs | InventedPairs] = {
        "true": tracks,
        "invented": invented,
        "drawn": drawn,
    }
    found: dict[str, list[float]] = {name: [] for name in sources}
    began = time.monotonic()
    for step in range(plan.steps):
        warm = min(1.0, (step + 1) / 100) * 0.5 * (1 + np.cos(np.pi * step / plan.steps))
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * warm + 1e-6
        name = str(rng.choice(list(sources), p=plan.shares))
        n_rows = 2 * int(rng.integers(_SHORTEST // 2, _LONGEST // 2))
        loss, hits = _contrast(network, sources[name].draw(rng, plan.batch, n_rows))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        _follow(average, network, min(0.995, step / (step + 10)))
        found[name].append(hits)
        if (step + 1) % 200 == 0:
            shares = {
                name: round(float(np.mean(part[-100:])), 3) for name, part in found.items() if part
            }
            _LOG.info("%d steps, %.0f s: right %s", step + 1, time.monotonic() - began, shares)
            torch.save(average, work / "matcher.pt")
    torch.save(average, work / "matcher.pt")


def _contrast(network: Matcher, pairs: Pairs) -> tuple[torch.Tensor, float]:
    """Give the loss of a batch, and the share of lips that find their sound and lag."""
    seen, heard = network.lips(pairs.lips), network.sound(pairs.sound)
    n_pairs, n_rows = seen.shape[:2]
    flat = seen.reshape(n_pairs, -1)
    by_lag = [
        flat @ heard[:, start : start + n_rows].reshape(n_pairs, -1).T
        for start in (_LAGS + _MARGIN // 2).tolist()
    ]
    scores = torch.stack(by_lag, -1) * torch.exp(network.log_weight) / n_rows**0.5
    own = torch.arange(n_pairs)
    right = own * len(_LAGS) + _TRUE_LAG
    of_lips = scores.reshape(n_pairs, -1)
    of_sound = scores.permute(1, 0, 2).reshape(n_pairs, -1)
    loss = (
        F.cross_entropy(of_lips, right)
        + F.cross_entropy(of_sound, right)
        + F.cross_entropy(scores[own, own], torch.full((n_pairs,), _TRUE_LAG))
    )
    return loss, float((of_lips.argmax(1) == right).float().mean())


@torch.no_grad()
def _follow(average: dict[str, torch.Tensor], network: Matcher, keep: float) -> None:
    for name, value in network.state_dict().items():
        average[name].lerp_(value, 1 - keep)
