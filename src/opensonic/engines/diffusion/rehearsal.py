"""Rehearse on tensors without content: what a call takes in memory and arithmetic, exactly.

PyTorch's meta device runs the very code of the networks with shapes alone, in a second and without
memory. Every tensor that would be made is entered in a ledger and crossed out when it is let go;
the highest sum is the peak. Attention counts as fused: scores are never held. Libraries bring input
and output of a convolution into a layout of their own, which counts too. What the ledger does not
see is memory that an allocator cannot reuse.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from opensonic.engines.diffusion.conditions import Conditions, SamplerSettings
from opensonic.engines.diffusion.decode import build_vae, decode_frames, encode_picture
from opensonic.engines.diffusion.dimensions import LATENT_SIDE, UNetSizes, VAESizes
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.unet import SonicUNet

N_TOKENS = 32
"""Audio tokens of a frame; fewer or more hardly change what is counted."""


@dataclass(frozen=True)
class Need:
    """What a call takes.

    Attributes:
        peak_bytes: Most that is held at once besides the weights; arguments and results included.
        flops: Operations, two per multiplication with addition.
    """

    peak_bytes: int
    flops: int


class Ledger(TorchDispatchMode):
    """Counts the bytes of all tensors that are made and still held; works on every device.

    Args:
        heard_share: Share of the cells that a mask without content is taken to cover.

    Attributes:
        held: Bytes at present.
        peak: The most so far.
    """

    def __init__(self, heard_share: float = 1.0) -> None:
        super().__init__()
        self.held = self.peak = 0
        self._heard_share = heard_share
        self._known: dict[int, int] = {}

    def ignore(self, network: nn.Module) -> None:
        """Take the tensors of a network as given."""
        for tensor in (*network.parameters(), *network.buffers()):
            self._known[tensor.untyped_storage()._cdata] = 0

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - PyTorch's signature
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run an operation and enter what it made."""
        if func is torch.ops.aten.nonzero.default and args[0].is_meta:
            n_cells = int(args[0].numel() * self._heard_share)
            result: Any = torch.empty(n_cells, 1, dtype=torch.int64, device="meta")
        else:
            result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._enter(leaf.untyped_storage())
        if func is torch.ops.aten.convolution.default:
            self.peak = max(self.peak, self.held + args[0].nbytes + result.nbytes)
        return result

    def _enter(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._known:
            self._known[key] = storage.nbytes()
            self.held += storage.nbytes()
            self.peak = max(self.peak, self.held)
            weakref.finalize(storage, self._cross_out, key)

    def _cross_out(self, key: int) -> None:
        self.held -= self._known.pop(key, 0)


class _FusedAttention(TorchFunctionMode):
    """Lets attention make its result without scores, and counts its two multiplications."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401 - PyTorch's signature
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        query, key, value = args[:3]
        self.flops += 2 * query.numel() * key.shape[-2]
        self.flops += 2 * query.shape[:-1].numel() * value.shape[-2:].numel()
        return query.new_empty(*query.shape[:-1], value.shape[-1])


class _NoTokens:
    """Audio tokens without content, for the sampler."""

    def __init__(self, dim: int, n_frames: int) -> None:
        self.n_frames = n_frames
        self._dim = dim

    def of_frames(self, frames: tuple[int, ...]) -> torch.Tensor:
        return torch.empty(len(frames), N_TOKENS, self._dim, device="meta")

    def of_silence(self) -> torch.Tensor:
        return torch.empty(1, N_TOKENS, self._dim, device="meta")


def count(network: nn.Module, call: Callable[[], object], *, heard_share: float = 1.0) -> Need:
    """Run a call on the meta device and count.

    Args:
        network: On the meta device; its weights are not counted.
        call: Runs it.
        heard_share: Share of the picture that the face mask covers.
    """
    ledger, attention = Ledger(heard_share), _FusedAttention()
    ledger.ignore(network)
    with FlopCounterMode(display=False) as counter, attention, ledger, torch.no_grad():
        result = call()
    peak = ledger.peak
    del result
    return Need(peak, counter.get_total_flops() + attention.flops)


@lru_cache(maxsize=256)
def rehearse_window(
    sizes: UNetSizes,
    settings: SamplerSettings,
    latent_size: tuple[int, int],
    dtype: torch.dtype,
    *,
    n_frames: int,
    turn: range = range(1),
    heard_share: float = 1.0,
) -> Need:
    """Count what the predictions of one window in one turn take, all guidance branches together.

    Args:
        sizes: Of the UNet.
        settings: Of the sampler.
        latent_size: h and w.
        dtype: Of the UNet.
        n_frames: Frames of the window.
        turn: Steps that the window takes in a row; deep features of the first serve the others.
        heard_share: Share of the picture that the face mask covers.
    """
    unet = _bare_unet(sizes, dtype)
    height, width = latent_size

    def predict() -> torch.Tensor:
        def bare(*shape: int) -> torch.Tensor:
            return torch.empty(shape, device="meta")

        conditions = Conditions(
            image_latents=bare(1, 4, height, width),
            image_token=bare(1, 1, sizes.cross_attention_dim),
            mask=bare(1, 1, LATENT_SIDE * height, LATENT_SIDE * width),
            buckets=bare(n_frames, 2),
            audio=_NoTokens(sizes.cross_attention_dim, n_frames),
        )
        sampler = Sampler(unet, conditions, settings)
        latents = bare(n_frames, 4, height, width).to(dtype)
        deep: dict[int, torch.Tensor] | None = {} if len(turn) > 1 else None
        for step in turn:
            prediction = sampler.predict(latents, tuple(range(n_frames)), step, deep)
        return prediction

    return count(unet, predict, heard_share=heard_share)


@lru_cache(maxsize=256)
def rehearse_decode(
    sizes: VAESizes, latent_size: tuple[int, int], dtype: torch.dtype, *, n_frames: int
) -> Need:
    """Count what decoding `n_frames` frames together takes."""
    vae = _bare_vae(sizes, dtype)
    latents = torch.empty(n_frames, sizes.latent_channels, *latent_size, device="meta")
    return count(vae, lambda: decode_frames(vae, latents))


@lru_cache(maxsize=64)
def rehearse_encode(sizes: VAESizes, latent_size: tuple[int, int], dtype: torch.dtype) -> Need:
    """Count what encoding the picture takes."""
    vae = _bare_vae(sizes, dtype)
    picture = torch.empty(1, 3, *(LATENT_SIDE * side for side in latent_size), device="meta")
    return count(vae, lambda: encode_picture(vae, picture))


@lru_cache(maxsize=2)
def _bare_unet(sizes: UNetSizes, dtype: torch.dtype) -> SonicUNet:
    with _bare(dtype):
        return SonicUNet(sizes).eval().requires_grad_(False).to("meta")


@lru_cache(maxsize=2)
def _bare_vae(sizes: VAESizes, dtype: torch.dtype) -> nn.Module:
    with _bare(dtype):
        return build_vae(sizes).requires_grad_(False).to("meta")


@contextmanager
def _bare(dtype: torch.dtype) -> Iterator[None]:
    """Build networks without content, in a dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device("meta"):
            yield
    finally:
        torch.set_default_dtype(before)
