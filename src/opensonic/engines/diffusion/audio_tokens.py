"""Audio tokens: what the attention layers hear of the speech around one frame.

Sonic (arXiv 2411.16331), "context-enhanced audio learning": three linear layers on a window of
Whisper states, then layer norm. The input of the third layer is small (`hidden` numbers per frame),
so that is what is kept of a long recording; tokens are made from it window by window.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from opensonic.engines.diffusion.dimensions import AudioTokenSizes


class AudioTokenNetwork(nn.Module):
    """Windows of Whisper states to audio tokens. Runs in float32."""

    def __init__(self, sizes: AudioTokenSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.proj1 = nn.Linear(sizes.window * sizes.layers * sizes.channels, sizes.hidden)
        self.proj2 = nn.Linear(sizes.hidden, sizes.hidden)
        self.proj3 = nn.Linear(sizes.hidden, sizes.tokens * sizes.dim)
        self.norm = nn.LayerNorm(sizes.dim)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Make tokens.

        Args:
            windows: (..., window, layers, channels) hidden states of Whisper.

        Returns:
            (..., tokens, dim).
        """
        return self.expand(self.condense(windows))

    def condense(self, windows: torch.Tensor) -> torch.Tensor:
        """Run the first two layers: (..., window, layers, channels) to (..., hidden)."""
        flat = windows.flatten(-3)
        return F.relu(self.proj2(F.relu(self.proj1(flat))))

    def expand(self, condensed: torch.Tensor) -> torch.Tensor:
        """Run the rest: (..., hidden) to (..., tokens, dim)."""
        tokens = self.proj3(condensed).unflatten(-1, (self.sizes.tokens, self.sizes.dim))
        normed: torch.Tensor = self.norm(tokens)
        return normed

    def condense_silence(self) -> torch.Tensor:
        """Condense a window of zeros, the unconditional input: (hidden,).

        Not zero itself, for the layers have biases; the same for every frame.
        """
        sizes = self.sizes
        zeros = self.proj1.weight.new_zeros(sizes.window, sizes.layers, sizes.channels)
        return self.condense(zeros)
