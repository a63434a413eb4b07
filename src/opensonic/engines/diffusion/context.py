"""What the UNet's layers need to know in one call: branches, mask, kept keys, shared results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from opensonic.engines.diffusion.mask import MaskGrids

CACHE_BYTES = 256 * 2**20
"""Keys and values of audio tokens that a run may keep: 168 frames at full size in float16."""
CONSTANT = (-1,)
"""Frame number of tokens that are the same for all frames, such as the unconditional ones."""


@dataclass(eq=False)
class KVCache:
    """Keys and values of audio tokens by layer and frame, up to a number of bytes.

    Every step visits all frames once and in order, so that the first ones to come stay: throwing
    out the oldest would throw out each just before it is needed again.

    Attributes:
        limit: Bytes that may be kept.
        used: Bytes kept.
    """

    limit: int = CACHE_BYTES
    used: int = 0
    _kept: dict[tuple[str, int], torch.Tensor] = field(default_factory=dict)

    def fetch(
        self,
        layer: str,
        frames: tuple[int, ...],
        tokens: torch.Tensor,
        project: Callable[[torch.Tensor], torch.Tensor],
    ) -> torch.Tensor:
        """Give the keys and values of some frames, computing only those that are not kept.

        Args:
            layer: Name of the layer.
            frames: Number of each frame in the clip.
            tokens: (len(frames), N, D) their audio tokens.
            project: Makes (n, 2, N, C) keys and values of (n, N, D) tokens.

        Returns:
            (len(frames), 2, N, C).
        """
        missing = [i for i, frame in enumerate(frames) if (layer, frame) not in self._kept]
        if len(missing) == len(frames):
            made = project(tokens)
            self._keep(layer, frames, made)
            return made
        rows = {
            frames[i]: self._kept[layer, frames[i]] for i in range(len(frames)) if i not in missing
        }
        if missing:
            made = project(tokens[missing])
            rows |= {frames[i]: row for i, row in zip(missing, made, strict=True)}
            self._keep(layer, tuple(frames[i] for i in missing), made)
        return torch.stack([rows[frame] for frame in frames])

    def _keep(self, layer: str, frames: tuple[int, ...], made: torch.Tensor) -> None:
        size = made[0].numel() * made.element_size()
        for frame, row in zip(frames, made, strict=True):
            if (layer, frame) not in self._kept and self.used + size <= self.limit:
                self._kept[layer, frame] = row.clone()
                self.used += size


@dataclass(frozen=True, eq=False)
class Branch:
    """What one guidance branch is told.

    Attributes:
        image: (F or 1, 1, D) image token of each frame, or of all frames.
        audio: (F or 1, N, D) audio tokens of each frame, or of all frames.
        frames: Number in the clip of each row of `audio`, under which its keys may be cached.
    """

    image: torch.Tensor
    audio: torch.Tensor
    frames: tuple[int, ...] | None = None


@dataclass(eq=False)
class Context:
    """What the attention layers need to know in one call of the UNet.

    Attributes:
        branches: The guidance branches in the order of the batch.
        n_frames: Frames of the window.
        mask: The face mask on the grids of the layers.
        audio_scale: Weight of what is heard.
        plain: Whether to follow the text token by token.
        cache: Where keys and values may be kept; None while training.
        twin: Index of the last branch whose first layers equal those of the branch before it, and
            are shared; None shares nothing.
        early: Results of shared layers, kept for a twin that comes in the next call; None keeps
            nothing.
    """

    branches: tuple[Branch, ...]
    n_frames: int
    mask: MaskGrids
    audio_scale: float = 1.0
    plain: bool = False
    cache: KVCache | None = None
    twin: int | None = None
    early: dict[str, torch.Tensor] | None = None


def share_rows(
    context: Context,
    layer: str,
    rows: torch.Tensor,
    compute: Callable[[torch.Tensor, int], torch.Tensor],
) -> torch.Tensor:
    """Run a layer once for two branches whose inputs are the same up to here.

    Args:
        context: Says which branches are twins and keeps results between two calls.
        layer: Name under which a result is kept.
        rows: (B * F, ...) input of all branches of this call.
        compute: Runs the layer on the rows of the first n branches.

    Returns:
        (B * F, ...) output of all branches.
    """
    n_branches, per_branch = len(context.branches), context.n_frames
    if context.twin is None:
        result = compute(rows, n_branches)
        if context.early is not None:
            context.early[layer] = result[-per_branch:]
        return result
    if n_branches == 1 and context.early is not None:
        return context.early.pop(layer)
    first = compute(rows[: per_branch * (n_branches - 1)], n_branches - 1)
    return torch.cat([first, first[-per_branch:]])
