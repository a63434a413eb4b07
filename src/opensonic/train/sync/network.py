"""The two branches: seen lips and heard sound to embeddings whose product says how they fit.

After SyncNet (Chung and Zisserman, *Out of time: automated lip sync in the wild*, 2016), but on
landmarks and on what our speech network hears. Both are convolutions over time at 50 Hz; the
product of one embedding with the other is evidence, and evidence adds up over time.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from opensonic.post.sync.lips import N_FEATURES, N_MOUTH
from opensonic.post.sync.match import N_EVIDENCE, N_INPUTS

_WIDTH = 64
_SLOW_ROWS, _FINE_ROWS = 20.0, 0.75
_LEAST = 0.2


class _Block(nn.Module):
    """Convolution over time, then a pointwise one, added to the input."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation)
        self.norm = nn.LayerNorm(width)
        self.point = nn.Conv1d(width, width, 1)
        self.gain = nn.Parameter(torch.full((1, width, 1), 0.3))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        mixed = self.norm(self.mix(rows).transpose(1, 2)).transpose(1, 2)
        return rows + self.gain * self.point(F.gelu(mixed))


class _Trunk(nn.Module):
    """(B, C, T) to (B, T, N_EVIDENCE)."""

    def __init__(self, n_inputs: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.first = nn.Conv1d(n_inputs, _WIDTH, 5, padding=2)
        self.blocks = nn.Sequential(*[_Block(_WIDTH, dilation) for dilation in dilations])
        self.last = nn.Conv1d(_WIDTH, N_EVIDENCE, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.last(self.blocks(self.first(rows))).transpose(1, 2)


class LipBranch(nn.Module):
    """(B, T, F) lip features at 100 Hz, T even, to (B, T / 2, D).

    Posture, smiles and a person's own amplitude are taken away first: what is slower than 0.4 s is
    subtracted, and each column is divided by its spread.

    Args:
        typical: (F,) usual spread of each feature.
    """

    typical: torch.Tensor
    slow: torch.Tensor
    fine: torch.Tensor

    def __init__(self, typical: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("typical", typical[:N_MOUTH])
        self.register_buffer("slow", _gaussian(_SLOW_ROWS), persistent=False)
        self.register_buffer("fine", _gaussian(_FINE_ROWS), persistent=False)
        self.trunk = _Trunk(2 * N_MOUTH, (1, 1, 2))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Embed the features of one or more stretches."""
        x = F.avg_pool1d((features[..., :N_MOUTH] / self.typical).transpose(1, 2), 2)
        x = x - x.mean(-1, keepdim=True)
        x = x - _smooth(x, self.slow, _reach(_SLOW_ROWS))
        x = x / torch.sqrt((x * x).mean(-1, keepdim=True) + _LEAST**2)
        fine = _smooth(x, self.fine, _reach(_FINE_ROWS))
        speed = F.pad(fine[..., 2:] - fine[..., :-2], (1, 1)) * 2
        evidence = self.trunk(torch.cat([fine, speed], 1))
        return evidence - evidence.mean(1, keepdim=True)


class SoundBranch(nn.Module):
    """(B, T, C) columns of `post.sync.match` at 100 Hz, T even, to (B, T / 2, D).

    Args:
        mean: (C,) usual mean of each column.
        spread: (C,) usual spread.
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, mean: torch.Tensor, spread: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)
        self.trunk = _Trunk(N_INPUTS, (1, 1, 2, 4))

    def forward(self, columns: torch.Tensor) -> torch.Tensor:
        """Embed the columns of one or more sounds."""
        return self.trunk(F.avg_pool1d(((columns - self.mean) / self.spread).transpose(1, 2), 2))


class Matcher(nn.Module):
    """Both branches, and the weight of their evidence in the loss.

    Args:
        typical: (F,) usual spread of the lip features.
        mean: (C,) usual mean of the columns heard.
        spread: (C,) usual spread of them.
    """

    def __init__(self, typical: torch.Tensor, mean: torch.Tensor, spread: torch.Tensor) -> None:
        super().__init__()
        self.lips = LipBranch(typical)
        self.sound = SoundBranch(mean, spread)
        self.log_weight = nn.Parameter(torch.tensor(-1.5))


def blank_matcher() -> Matcher:
    """Build the networks with nothing learnt, to load weights into."""
    return Matcher(torch.ones(N_FEATURES), torch.zeros(N_INPUTS), torch.ones(N_INPUTS))


def _gaussian(sigma: float) -> torch.Tensor:
    """Give a Gaussian for each column of the mouth, (C, 1, K)."""
    reach = _reach(sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    return (kernel / kernel.sum()).repeat(N_MOUTH, 1, 1)


def _reach(sigma: float) -> int:
    return int(3 * sigma) + 1


def _smooth(rows: torch.Tensor, kernel: torch.Tensor, reach: int) -> torch.Tensor:
    """Smooth (B, C, T) over time by a kernel of 2 x reach + 1 rows; the ends are held."""
    padded = F.pad(rows, (reach, reach), "replicate")
    return F.conv1d(padded, kernel, groups=N_MOUTH)
