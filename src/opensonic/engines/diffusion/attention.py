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

from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention
from torch import nn

from opensonic.engines.diffusion.context import Context, share_rows

KeysValues: TypeAlias = tuple[torch.Tensor, torch.Tensor]


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
        **_: Any,  # noqa: ANN401 - what diffusers hands on and nobody needs
    ) -> torch.Tensor:
        """Attend: (B * F, L, C) to the same."""
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
        **_: Any,  # noqa: ANN401 - what diffusers hands on and nobody needs
    ) -> torch.Tensor:
        """Attend to the image token and the audio tokens of the context.

        Args:
            attn: diffusers' layer, which holds the weights of query, image and output.
            hidden_states: (B * F, L, C) in a spatial, (B * L, F, C) in a temporal block.

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
