"""Which tensors the published Sonic UNet holds: diffusers' names, and the audio projections'.

The layout is that of `UNetSpatioTemporalConditionModel` in SVD-XT's sizes; each cross-attention has
two tensors more, `processor.to_k_ip.0.weight` and `processor.to_v_ip.0.weight`.
"""

from __future__ import annotations

from collections.abc import Iterator

from opensonic.weights.expected import Shapes, dense, norm, temporal_resnet

CHANNELS = (320, 640, 1280, 1280)
TIME = 4 * CHANNELS[0]
"""Channels of the time embedding."""
CONTEXT = 1024
"""Channels of a token of the image or of the sound."""


def unet() -> Shapes:
    """Give the tensors of the Sonic UNet."""
    shapes: Shapes = {}
    for part in (*_ends(), *_down(), *_middle(), *_up()):
        shapes |= part
    return shapes


def _ends() -> Iterator[Shapes]:
    yield dense("conv_in", CHANNELS[0], 8, 3, 3)
    for name, into in (("time_embedding", CHANNELS[0]), ("add_embedding", 768)):
        yield dense(f"{name}.linear_1", TIME, into)
        yield dense(f"{name}.linear_2", TIME, TIME)
    yield norm("conv_norm_out", CHANNELS[0])
    yield dense("conv_out", 4, CHANNELS[0], 3, 3)


def _down() -> Iterator[Shapes]:
    into, last = CHANNELS[0], len(CHANNELS) - 1
    for block, out in enumerate(CHANNELS):
        name = f"down_blocks.{block}"
        for layer in range(2):
            yield temporal_resnet(f"{name}.resnets.{layer}", into, out, TIME)
            if block < last:
                yield _transformer(f"{name}.attentions.{layer}", out)
            into = out
        if block < last:
            yield dense(f"{name}.downsamplers.0.conv", out, out, 3, 3)


def _middle() -> Iterator[Shapes]:
    channels = CHANNELS[-1]
    yield _transformer("mid_block.attentions.0", channels)
    for layer in range(2):
        yield temporal_resnet(f"mid_block.resnets.{layer}", channels, channels, TIME)


def _up() -> Iterator[Shapes]:
    kept = _kept_by_the_way_down()
    into = CHANNELS[-1]
    for block, out in enumerate(reversed(CHANNELS)):
        name = f"up_blocks.{block}"
        for layer in range(3):
            yield temporal_resnet(f"{name}.resnets.{layer}", into + kept.pop(), out, TIME)
            if block:
                yield _transformer(f"{name}.attentions.{layer}", out)
            into = out
        if block + 1 < len(CHANNELS):
            yield dense(f"{name}.upsamplers.0.conv", out, out, 3, 3)


def _kept_by_the_way_down() -> list[int]:
    """Give the channels of each result that the way up takes in again, the first kept first."""
    kept = [CHANNELS[0]]
    for block, channels in enumerate(CHANNELS):
        kept += [channels] * (3 if block + 1 < len(CHANNELS) else 2)
    return kept


def _transformer(name: str, channels: int) -> Shapes:
    spatial, temporal = f"{name}.transformer_blocks.0", f"{name}.temporal_transformer_blocks.0"
    return (
        norm(f"{name}.norm", channels)
        | dense(f"{name}.proj_in", channels, channels)
        | _block(spatial, channels)
        | norm(f"{temporal}.norm_in", channels)
        | _feed_forward(f"{temporal}.ff_in", channels)
        | _block(temporal, channels)
        | dense(f"{name}.time_pos_embed.linear_1", 4 * channels, channels)
        | dense(f"{name}.time_pos_embed.linear_2", channels, 4 * channels)
        | {f"{name}.time_mixer.mix_factor": (1,)}
        | dense(f"{name}.proj_out", channels, channels)
    )


def _block(name: str, channels: int) -> Shapes:
    shapes: Shapes = {}
    for attention, context in (("attn1", channels), ("attn2", CONTEXT)):
        root = f"{name}.{attention}"
        shapes |= dense(f"{root}.to_q", channels, channels, bias=False)
        shapes |= dense(f"{root}.to_k", channels, context, bias=False)
        shapes |= dense(f"{root}.to_v", channels, context, bias=False)
        shapes |= dense(f"{root}.to_out.0", channels, channels)
    for side in ("k", "v"):
        shapes |= dense(f"{name}.attn2.processor.to_{side}_ip.0", channels, CONTEXT, bias=False)
    for number in (1, 2, 3):
        shapes |= norm(f"{name}.norm{number}", channels)
    return shapes | _feed_forward(f"{name}.ff", channels)


def _feed_forward(name: str, channels: int) -> Shapes:
    return dense(f"{name}.net.0.proj", 8 * channels, channels) | dense(
        f"{name}.net.2", channels, 4 * channels
    )
