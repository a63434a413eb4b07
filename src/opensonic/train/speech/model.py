"""The speech network: log-mel rows to phone posteriors and mouth shapes, convolutions only.

ConvNeXt blocks (Liu et al., arXiv 2201.03545, in one dimension) at 50 Hz between a convolution that
halves the rate and one that doubles it. Its view is finite, `speech.network.CONTEXT` rows either
way, so that chunks with that much context give the same as the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from opensonic.speech.mel import N_MELS
from opensonic.speech.phones import PHONES
from opensonic.train.speech.targets import TARGETS

_STEM = 96
_WIDTH = 256
_DILATIONS = (1, 1, 2, 1, 2, 1, 1, 2, 1, 1)
N_SHAPES = 4
"""Mouth outputs that are amounts; the rest of `TARGETS` are logits of certainties."""


class _Block(nn.Module):
    """Depthwise convolution over time, then a pointwise network, added to the input."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        padding = kernel // 2 * dilation
        self.mix = nn.Conv1d(width, width, kernel, padding=padding, dilation=dilation, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * width)
        self.contract = nn.Linear(2 * width, width)
        self.gain = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        mixed = self.mix(rows.transpose(1, 2)).transpose(1, 2)
        inner: torch.Tensor = self.contract(F.gelu(self.expand(self.norm(mixed))))
        return rows + self.gain * inner


class SpeechNetwork(nn.Module):
    """(B, T, 64) levelled log-mel, T even, to phone logits (B, T, 40) and mouth (B, T, 6)."""

    def __init__(self, width: int = _WIDTH, dilations: Sequence[int] = _DILATIONS) -> None:
        super().__init__()
        self.stem = nn.Conv1d(N_MELS, _STEM, 5, padding=2)
        self.downsample = nn.Conv1d(_STEM, width, 4, stride=2, padding=1)
        self.blocks = nn.ModuleList([_Block(width, 9, dilation) for dilation in dilations])
        self.upsample = nn.ConvTranspose1d(width, width, 4, stride=2, padding=1)
        self.skip = nn.Linear(_STEM, width)
        self.last = _Block(width, 5, 1)
        self.norm = nn.LayerNorm(width)
        self.phones = nn.Linear(width, len(PHONES))
        self.mouth = nn.Linear(width, len(TARGETS))

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Hear (B, T, 64) rows."""
        fine = F.gelu(self.stem(rows.transpose(1, 2)))
        coarse = self.downsample(fine).transpose(1, 2)
        for block in self.blocks:
            coarse = block(coarse)
        doubled = self.upsample(coarse.transpose(1, 2)).transpose(1, 2)
        heard = self.norm(self.last(doubled + self.skip(fine.transpose(1, 2))))
        return self.phones(heard), self.mouth(heard)


class ExportedNetwork(nn.Module):
    """The network as it is shipped: one output (T, 46) of probabilities and shapes."""

    def __init__(self, network: SpeechNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Hear (1, T, 64) rows; gives (T, 46): phones sum to 1, certainties in 0 to 1."""
        phones, mouth = self.network(rows)
        parts = (
            torch.softmax(phones, -1),
            mouth[..., :N_SHAPES],
            torch.sigmoid(mouth[..., N_SHAPES:]),
        )
        return torch.cat(parts, -1)[0]
