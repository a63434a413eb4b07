"""The denoising UNet: diffusers' spatio-temporal UNet with audio attention in all of its layers.

SVD-XT's UNet (arXiv 2311.15127) as `diffusers.UNetSpatioTemporalConditionModel` builds it. Sonic
(arXiv 2411.16331) adds an attention processor to each of the 32 cross-attentions and lets temporal
blocks hear the mean over the window's frames where diffusers takes the first frame. Names and
shapes of the weights are the published ones. Tested with diffusers 0.42.

Left out, being less than 0.05 % of the work: time embeddings and frame positions once per call.
"""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import UNetSpatioTemporalConditionModel
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import SpatioTemporalResBlock, TemporalResnetBlock
from torch import nn

from opensonic.engines.diffusion.attention import AudioAttention, SelfAttention
from opensonic.engines.diffusion.context import Context, share_rows
from opensonic.engines.diffusion.dimensions import UNetSizes
from opensonic.engines.diffusion.feed_forward import slice_feed_forwards

_SPATIAL_BLOCK = "down_blocks.0.attentions.0.transformer_blocks.0"
_ENTRY_EPS = 1e-6
"""Epsilon of the group norms of diffusers' down blocks with attention."""


class SharedResBlock(SpatioTemporalResBlock):
    """The first residual block, run once for two branches whose input is the same.

    Attributes:
        context: What the present call needs to know.
    """

    context: Context | None = None

    def forward(
        self,
        hidden_states: torch.Tensor,
        temb: torch.Tensor,
        image_only_indicator: torch.Tensor,
    ) -> torch.Tensor:
        """Run on (B * F, C, H, W) with embeddings (B * F, E) and indicator (B, F)."""
        compute = partial(self._run_first, temb, image_only_indicator)
        if self.context is None:
            return compute(hidden_states, len(image_only_indicator))
        return share_rows(self.context, "resnet", hidden_states, compute)

    def _run_first(
        self, temb: torch.Tensor, indicator: torch.Tensor, rows: torch.Tensor, n_branches: int
    ) -> torch.Tensor:
        """Run the rows of the first branches."""
        out: torch.Tensor = super().forward(rows, temb[: len(rows)], indicator[:n_branches])
        return out


class TemporalConv(nn.Conv3d):
    """A convolution over three frames at each pixel, run in two dimensions: 1.5 times faster.

    Attributes:
        plain: Whether to run in three all the same.
    """

    plain = False

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Map (B, C, F, H, W) to the same."""
        if self.plain:
            return super().forward(input)
        rows = F.conv2d(input.flatten(3), self.weight.squeeze(-1), self.bias, padding=(1, 0))
        return rows.unflatten(3, input.shape[3:])


class _Known(nn.Module):
    """Stands where blocks would run whose output is known.

    Args:
        output: What they gave.
    """

    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self._output = output

    def forward(self, **_: Any) -> torch.Tensor:  # noqa: ANN401 - whatever the blocks would take
        """Give what is known."""
        return self._output


class SonicUNet(UNetSpatioTemporalConditionModel):
    """Predicts v for a window of frames.

    Args:
        sizes: Published or smaller; a checkpoint says its own.
    """

    def __init__(self, sizes: UNetSizes | None = None) -> None:
        self_sizes = sizes or UNetSizes()
        super().__init__(**self_sizes.config())
        self.sizes = self_sizes
        width = self_sizes.block_out_channels[0]
        self.down_blocks[0].resnets[0] = SharedResBlock(width, width, 4 * width, eps=_ENTRY_EPS)
        self._listeners: list[Any] = [self.down_blocks[0].resnets[0]]
        self._add_processors()
        self._quick: list[Any] = [*self._add_temporal_convs(), *slice_feed_forwards(self)]

    def _add_processors(self) -> None:
        processors: dict[str, Any] = {}
        for name in self.attn_processors:
            layer = name.removesuffix(".processor")
            attn = self.get_submodule(layer)
            if layer.endswith("attn2"):
                processors[name] = AudioAttention(
                    layer,
                    attn.cross_attention_dim,
                    attn.inner_dim,
                    temporal="temporal_transformer_blocks" in layer,
                )
                self._listeners.append(processors[name])
            elif layer == f"{_SPATIAL_BLOCK}.attn1":
                processors[name] = SelfAttention("attn1")
                self._listeners.append(processors[name])
            else:
                processors[name] = SelfAttention(layer)
        self.set_attn_processor(processors)

    def _add_temporal_convs(self) -> list[TemporalConv]:
        added = []
        for block in list(self.modules()):
            if not isinstance(block, TemporalResnetBlock):
                continue
            for name in ("conv1", "conv2"):
                conv = getattr(block, name)
                channels = conv.in_channels, conv.out_channels
                quick = TemporalConv(*channels, conv.kernel_size, padding=conv.padding)
                setattr(block, name, quick)
                added.append(quick)
        return added

    def lay_out_for_gpu(self) -> None:
        """Store convolution weights channel by channel, as tensor cores read them.

        Results differ by rounding only. On a CPU nothing is gained.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                weight = module.weight.detach().contiguous(memory_format=torch.channels_last)
                module.weight = nn.Parameter(weight, requires_grad=module.weight.requires_grad)

    def compile_blocks(self) -> None:
        """Compile residual blocks and feed-forward layers where they stand (`torch.compile`).

        Names of weights stay as they are. The first call at each size takes minutes.
        """
        for module in self._compilable():
            module.compile()

    def run_plain(self) -> bool:
        """Take `compile_blocks` back.

        Returns:
            Whether there was something to take back.
        """
        compiled = [each for each in self._compilable() if each._compiled_call_impl is not None]
        for module in compiled:
            module._compiled_call_impl = None
        return bool(compiled)

    def _compilable(self) -> list[nn.Module]:
        kinds = SpatioTemporalResBlock, FeedForward
        found = (each for each in self.modules() if isinstance(each, kinds))
        return [each for each in found if not isinstance(each, SharedResBlock)]

    def _shallow(self, deep: torch.Tensor) -> SonicUNet:
        """Give a view of this network of which only the first and the last blocks run."""
        view, first = copy(self), copy(self.down_blocks[0])
        view._modules, first._modules = dict(self._modules), dict(first._modules)
        first.downsamplers = None
        view.down_blocks = nn.ModuleList([first])
        view.mid_block = _Known(deep)
        view.up_blocks = nn.ModuleList([self.up_blocks[-1]])
        return view

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor,
        context: Context,
        added_time_ids: torch.Tensor,
        deep: list[torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Predict v.

        Args:
            sample: (B, F, 8, h, w) scaled noisy latents and image latents, per branch.
            timestep: () float32, 0.25 ln sigma.
            context: What the attention layers attend to, for the B branches.
            added_time_ids: (B, 3) frame rate and the two motion buckets.
            deep: What the blocks between the first and the last gave, (F, C, h, w) per branch. An
                empty list is filled; with a filled one these blocks are not run.

        Returns:
            (B, F, 4, h, w).
        """
        for listener in self._listeners:
            listener.context = context
        for layer in self._quick:
            layer.plain = context.plain
        placeholder = sample.new_zeros(len(sample), 1, 1)
        network = self._shallow(torch.cat(deep)) if deep else self

        def keep(block: nn.Module, _: Any, given: dict[str, Any]) -> None:  # noqa: ANN401
            if deep is not None and not deep:
                deep.extend(given["hidden_states"].chunk(len(sample)))

        hook = network.up_blocks[-1].register_forward_pre_hook(keep, with_kwargs=True)
        try:
            (prediction,) = UNetSpatioTemporalConditionModel.forward(
                network, sample, timestep, placeholder, added_time_ids, return_dict=False
            )
        finally:
            hook.remove()
            if not torch.is_grad_enabled():  # gradient checkpointing runs layers once more, later
                for listener in self._listeners:
                    listener.context = None
        return prediction
