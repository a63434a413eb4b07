"""Audio attention: the second attention of every transformer block hears the speech.

Sonic (arXiv 2411.16331): each cross-attention adds to SVD's image token a second attention, over
audio tokens, with keys and values of its own and the queries shared (as IP-Adapter does,
arXiv 2308.06721). Spatial blocks hear the tokens of their frame, weighted by the face mask;
temporal blocks hear the mean over the window's frames, unweighted.

Two formulations with equal results. `plain` follows the text, token by token. The other leaves out
what cannot change the result: one image token needs no softmax; keys and values are linear in the
tokens, so that the mean is projected once instead of once per pixel; tokens that are the same for
every pixel are multiplied into the query and output weights beforehand; pixels whose mask is
exactly zero hear nothing and are skipped. Both stand here, side by side, to be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention
from torch import nn

from opensonic.engines.diffusion.mask import MaskGrids

CACHE_BYTES = 256 * 2**20
"""Keys and values of audio tokens that a run may keep: 168 frames at full size in float16."""
CONSTANT = (-1,)
"""Frame number of tokens that are the same for all frames, such as the unconditional ones."""

KeysValues: TypeAlias = tuple[torch.Tensor, torch.Tensor]


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


class SelfAttention:
    """Scaled dot-product self-attention whose result two branches may share.

    Attributes:
        context: What the present call needs to know.
    """

    def __init__(self, layer: str) -> None:
        self.layer = layer
        self.context: Context | None = None

    def __call__(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Attend: (B * F, L, C) to the same; the other arguments are not used."""
        if self.context is None:
            return attend(attn, hidden_states)
        return share_rows(
            self.context, self.layer, hidden_states, lambda rows, _: attend(attn, rows)
        )


def attend(attn: Attention, rows: torch.Tensor) -> torch.Tensor:
    """Let rows attend to themselves: (B, L, C) to (B, L, C), with diffusers' layer `attn`."""
    query, key, value = (
        _split(each(rows), attn.heads) for each in (attn.to_q, attn.to_k, attn.to_v)
    )
    heard = _join(F.scaled_dot_product_attention(query, key, value))
    out: torch.Tensor = attn.to_out[0](heard)
    return out


class AudioAttention(nn.Module):
    """The published attention processor of one cross-attention layer, with its two weights.

    Attributes:
        context: What the present call needs to know; set by the UNet.
        temporal: Whether the layer attends over time.
    """

    def __init__(self, layer: str, cross_dim: int, dim: int, *, temporal: bool) -> None:
        super().__init__()
        self.to_k_ip = nn.ModuleList([nn.Linear(cross_dim, dim, bias=False)])
        self.to_v_ip = nn.ModuleList([nn.Linear(cross_dim, dim, bias=False)])
        self.layer = layer
        self.temporal = temporal
        self.context: Context | None = None

    def forward(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Attend to the image token and the audio tokens of the context.

        Args:
            attn: diffusers' layer, which holds the weights of query, image and output.
            hidden_states: (B * F, L, C) in a spatial, (B * L, F, C) in a temporal block.
            encoder_hidden_states: Not used; diffusers hands on a placeholder.
            attention_mask: Not used.

        Returns:
            Tensor of the same shape.

        Raises:
            RuntimeError: It was not called through `SonicUNet`.
        """
        context = self.context
        if context is None:
            raise RuntimeError("audio attention was called without a context; call SonicUNet")
        if context.plain:
            return self._attend_plain(attn, hidden_states, context)
        if self.temporal:
            return self._attend_mean(attn, hidden_states, context)
        return self._attend_masked(attn, hidden_states, context)

    def project(self, tokens: torch.Tensor) -> torch.Tensor:
        """Make keys and values: (n, N, D) to (n, 2, N, C)."""
        return torch.stack([self.to_k_ip[0](tokens), self.to_v_ip[0](tokens)], dim=1)

    def _attend_plain(self, attn: Attention, rows: torch.Tensor, context: Context) -> torch.Tensor:
        """Follow the text: every row of the batch has its own copy of the tokens."""
        image, audio = _tokens_per_frame(context)
        if self.temporal:
            n_pixels = len(rows) // len(context.branches)
            image, audio = (
                each.unflatten(0, (-1, context.n_frames)).mean(1).repeat_interleave(n_pixels, 0)
                for each in (image, audio)
            )
        query = _split(attn.to_q(rows), attn.heads)
        seen = _attend_to(query, attn.to_k(image), attn.to_v(image))
        heard = _attend_to(query, self.to_k_ip[0](audio), self.to_v_ip[0](audio))
        heard = context.audio_scale * heard
        if not self.temporal:
            heard = heard * context.mask.weights(rows.shape[1])[:, None].to(heard.dtype)
        out: torch.Tensor = attn.to_out[0](seen + heard)
        return out

    def _attend_masked(self, attn: Attention, rows: torch.Tensor, context: Context) -> torch.Tensor:
        """Spatial block: pixels in the support of the mask hear the tokens of their frame."""
        n_pixels = rows.shape[1]
        frames = context.n_frames
        seen = torch.cat(
            [_see(attn, branch.image).expand(frames, -1, -1) for branch in context.branches]
        )
        support = context.mask.support(n_pixels)
        if support is not None and not len(support):
            return seen.expand(-1, n_pixels, -1)
        weights = context.mask.weights(n_pixels).to(rows.dtype)
        inside = rows if support is None else rows.index_select(1, support)
        key, value = self._keys_values(attn.heads, context)
        query = _split(attn.to_q(inside), attn.heads)
        heard = _join(F.scaled_dot_product_attention(query, key, value))
        heard = F.linear(heard, attn.to_out[0].weight)
        if support is None:
            return seen + heard * (context.audio_scale * weights)[:, None]
        heard = heard * (context.audio_scale * weights[support])[:, None]
        return seen.expand(-1, n_pixels, -1).index_add(1, support, heard)

    def _keys_values(self, heads: int, context: Context) -> KeysValues:
        """Give keys and values of all branches and frames, each (B * F, heads, N, C / heads)."""
        made = []
        for branch in context.branches:
            if context.cache is None or branch.frames is None:
                pair = self.project(branch.audio)
            else:
                pair = context.cache.fetch(self.layer, branch.frames, branch.audio, self.project)
            made.append(pair.expand(context.n_frames, -1, -1, -1))
        keys, values = torch.cat(made).unbind(1)
        return _split(keys, heads), _split(values, heads)

    def _attend_mean(self, attn: Attention, rows: torch.Tensor, context: Context) -> torch.Tensor:
        """Temporal block: one set of tokens for all pixels and frames of a branch."""
        audio = torch.stack([branch.audio.mean(0) for branch in context.branches])
        image = torch.stack([branch.image.mean(0) for branch in context.branches])
        keys, values = (_split(each, attn.heads) for each in self.project(audio).unbind(1))
        n_heads, n_tokens = keys.shape[1:3]
        to_query = attn.to_q.weight.unflatten(0, (n_heads, -1))
        to_out = attn.to_out[0].weight.unflatten(1, (n_heads, -1))
        scale = keys.shape[-1] ** -0.5
        to_scores = torch.einsum("hdc,bhnd->bchn", to_query, keys * scale).flatten(2)
        from_weights = torch.einsum("bhnd,chd->bhnc", values * context.audio_scale, to_out)
        queries = rows.reshape(len(context.branches), -1, rows.shape[-1])
        scores = torch.bmm(queries, to_scores).unflatten(2, (n_heads, n_tokens))
        weights = scores.softmax(-1).flatten(2)
        out = torch.baddbmm(_see(attn, image), weights, from_weights.flatten(1, 2))
        return out.reshape(rows.shape)


def _see(attn: Attention, image: torch.Tensor) -> torch.Tensor:
    """Attend to one image token, which needs no scores: (n, 1, D) to (n, 1, C)."""
    out: torch.Tensor = attn.to_out[0](attn.to_v(image))
    return out


def _tokens_per_frame(context: Context) -> KeysValues:
    """Repeat the tokens over the frames: image (B * F, 1, D), audio (B * F, N, D)."""
    frames = context.n_frames
    image = torch.cat([branch.image.expand(frames, -1, -1) for branch in context.branches])
    audio = torch.cat([branch.audio.expand(frames, -1, -1) for branch in context.branches])
    return image, audio


def _attend_to(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    heads = query.shape[1]
    return _join(F.scaled_dot_product_attention(query, _split(keys, heads), _split(values, heads)))


def _split(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """(n, L, C) to (n, heads, L, C / heads)."""
    return rows.unflatten(-1, (heads, -1)).transpose(1, 2)


def _join(heads: torch.Tensor) -> torch.Tensor:
    """(n, heads, L, C / heads) to (n, L, C)."""
    return heads.transpose(1, 2).flatten(2)
