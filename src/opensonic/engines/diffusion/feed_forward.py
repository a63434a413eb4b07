"""Feed-forward layers that work on some rows at a time, and so need little memory at their widest.

A gated layer (GEGLU, Shazeer, arXiv 2002.05202) is eight times as wide inside as outside, twice
over: at the UNet's finest level that, and not attention, is the largest thing in memory. Rows do
not know each other, so that slicing them changes no number.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.attention import FeedForward
from torch import nn

SLICE_NUMBERS = 2**26
"""Numbers that the widest tensor of a slice may hold: 128 MiB in half precision."""

MOST_SLICES = 8
"""With more, nothing is gained: other layers then hold more."""


class SlicedFeedForward(FeedForward):
    """diffusers' gated feed-forward layer, slice by slice where no gradient is wanted.

    Args:
        dim: Channels in.
        dim_out: Channels out.
    """

    def __init__(self, dim: int, dim_out: int) -> None:
        super().__init__(dim, dim_out=dim_out, activation_fn="geglu")
        gate: Any = self.net[0]
        self.slice_rows = max(1, SLICE_NUMBERS // gate.proj.out_features)
        """Rows of a slice, at least."""

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:  # noqa: ANN401 - diffusers'
        """Map (..., dim) to (..., dim_out); further arguments are not used."""
        rows = hidden_states.reshape(-1, hidden_states.shape[-1])
        n_rows = max(self.slice_rows, -(-len(rows) // MOST_SLICES))
        if torch.is_grad_enabled() or len(rows) <= n_rows:
            whole: torch.Tensor = super().forward(hidden_states)
            return whole
        out = rows.new_empty(len(rows), self.net[2].out_features)
        for start in range(0, len(rows), n_rows):
            part = slice(start, start + n_rows)
            out[part] = super().forward(rows[part])
        return out.view(*hidden_states.shape[:-1], -1)


def slice_feed_forwards(network: nn.Module) -> None:
    """Replace every feed-forward layer of a network by one that works in slices, of equal names."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is FeedForward:
                layers: Any = child.net
                n_in, n_out = layers[0].proj.in_features, layers[2].out_features
                setattr(module, name, SlicedFeedForward(n_in, n_out))
