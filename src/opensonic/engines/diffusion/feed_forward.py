"""Feed-forward layers that work on some rows at a time, and so need little memory at their widest.

A gated layer (GEGLU, Shazeer, arXiv 2002.05202) is eight times as wide inside as outside, twice
over: at the UNet's finest level that, and not attention, is the largest thing in memory. Rows do
not know each other, so that slicing them changes no number. On a CPU slices are so small that what
lies between their layers stays in its cache.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention import FeedForward
from torch import nn

SLICE_NUMBERS = 2**26
"""Numbers that the widest tensor of a slice may hold: 128 MiB in half precision."""

MOST_SLICES = 8
"""With more, nothing is gained: other layers then hold more."""

CPU_SLICE_NUMBERS = 2**18
"""The same for a CPU: 1 MiB."""
CPU_SLICE_ROWS = 256
"""Rows of a slice on a CPU, at least: the weights are read once for each slice."""


class SlicedFeedForward(FeedForward):
    """diffusers' gated feed-forward layer, slice by slice where no gradient is wanted.

    Attributes:
        plain: Whether to run whole all the same.
        slice_rows: Rows of a slice, at least.
        cpu_slice_rows: Rows of a slice on a CPU.

    Args:
        dim: Channels in.
        dim_out: Channels out.
    """

    def __init__(self, dim: int, dim_out: int) -> None:
        super().__init__(dim, dim_out=dim_out, activation_fn="geglu")
        gate: Any = self.net[0]
        self.plain = False
        self.slice_rows = max(1, SLICE_NUMBERS // gate.proj.out_features)
        self.cpu_slice_rows = max(CPU_SLICE_ROWS, CPU_SLICE_NUMBERS // gate.proj.out_features)

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:  # noqa: ANN401 - diffusers'
        """Map (..., dim) to (..., dim_out); further arguments are not used."""
        rows = hidden_states.reshape(-1, hidden_states.shape[-1])
        n_rows = max(self.slice_rows, -(-len(rows) // MOST_SLICES))
        if rows.device.type == "cpu":
            n_rows = min(n_rows, self.cpu_slice_rows)
        if self.plain or torch.is_grad_enabled():
            whole: torch.Tensor = super().forward(hidden_states)
            return whole
        if len(rows) <= n_rows:
            return self._compute(rows).view(*hidden_states.shape[:-1], -1)
        out = rows.new_empty(len(rows), self.net[2].out_features)
        for start in range(0, len(rows), n_rows):
            part = slice(start, start + n_rows)
            out[part] = self._compute(rows[part])
        return out.view(*hidden_states.shape[:-1], -1)

    def _compute(self, rows: torch.Tensor) -> torch.Tensor:
        """Map (n, dim) to (n, dim_out); on a CPU value and gate each have memory of their own."""
        if rows.device.type != "cpu":
            return super().forward(rows)
        gated: Any = self.net[0]
        (value, gate), bias = gated.proj.weight.chunk(2), gated.proj.bias.chunk(2)
        made = F.gelu(F.linear(rows, gate, bias[1])).mul_(F.linear(rows, value, bias[0]))
        out: torch.Tensor = self.net[2](made)
        return out


def slice_feed_forwards(network: nn.Module) -> list[SlicedFeedForward]:
    """Replace every feed-forward layer of a network by one that works in slices, of equal names.

    Returns:
        The new layers.
    """
    sliced = []
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is FeedForward:
                layers: Any = child.net
                n_in, n_out = layers[0].proj.in_features, layers[2].out_features
                sliced.append(SlicedFeedForward(n_in, n_out))
                setattr(module, name, sliced[-1])
    return sliced
