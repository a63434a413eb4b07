"""Which tensors each file of the published Sonic model holds: name and shape, from few numbers.

So that a wrong file is named from its header alone, without PyTorch and before anything is loaded.
The names are those of the checkpoints that diffusers and transformers write; `expected_unet` has
the UNet's.
"""

from __future__ import annotations

from collections.abc import Iterator

Shapes = dict[str, tuple[int, ...]]
"""Shape of every tensor by name."""

VAE_CHANNELS = (128, 256, 512, 512)
CLIP_LAYERS, CLIP_WIDTH, CLIP_PROJECTION = 32, 1280, 1024
WHISPER_LAYERS, WHISPER_WIDTH = 4, 384
RIFE_WIDTH = 90


def dense(name: str, out: int, into: int, *kernel: int, bias: bool = True) -> Shapes:
    """Give the tensors of a linear layer or a convolution.

    Args:
        name: Of the layer.
        out: Channels out.
        into: Channels in.
        kernel: Sizes of the convolution's kernel, none for a linear layer.
        bias: Whether it has one.
    """
    weight = {f"{name}.weight": (out, into, *kernel)}
    return weight | ({f"{name}.bias": (out,)} if bias else {})


def norm(name: str, channels: int) -> Shapes:
    """Give the tensors of a normalisation with scale and shift."""
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def resnet(name: str, into: int, out: int, *kernel: int, time: int = 0) -> Shapes:
    """Give the tensors of a residual block.

    Args:
        name: Of the block.
        into: Channels in.
        out: Channels out.
        kernel: Sizes of its two convolutions' kernels.
        time: Channels of the time embedding, 0 where there is none.
    """
    shapes = norm(f"{name}.norm1", into) | dense(f"{name}.conv1", out, into, *kernel)
    if time:
        shapes |= dense(f"{name}.time_emb_proj", out, time)
    shapes |= norm(f"{name}.norm2", out) | dense(f"{name}.conv2", out, out, *kernel)
    if into != out:
        shapes |= dense(f"{name}.conv_shortcut", out, into, *(1 for _ in kernel))
    return shapes


def temporal_resnet(name: str, into: int, out: int, time: int = 0) -> Shapes:
    """Give the tensors of a residual block in space, one in time, and what mixes them."""
    return (
        resnet(f"{name}.spatial_res_block", into, out, 3, 3, time=time)
        | resnet(f"{name}.temporal_res_block", out, out, 3, 1, 1, time=time)
        | {f"{name}.time_mixer.mix_factor": (1,)}
    )


def _vae_attention(name: str, channels: int) -> Shapes:
    shapes = norm(f"{name}.group_norm", channels)
    for part in ("to_q", "to_k", "to_v", "to_out.0"):
        shapes |= dense(f"{name}.{part}", channels, channels)
    return shapes


def _vae_encoder() -> Iterator[Shapes]:
    first, last = VAE_CHANNELS[0], VAE_CHANNELS[-1]
    yield dense("encoder.conv_in", first, 3, 3, 3)
    into = first
    for block, out in enumerate(VAE_CHANNELS):
        name = f"encoder.down_blocks.{block}"
        for layer in range(2):
            yield resnet(f"{name}.resnets.{layer}", into, out, 3, 3)
            into = out
        if block + 1 < len(VAE_CHANNELS):
            yield dense(f"{name}.downsamplers.0.conv", out, out, 3, 3)
    yield _vae_attention("encoder.mid_block.attentions.0", last)
    for layer in range(2):
        yield resnet(f"encoder.mid_block.resnets.{layer}", last, last, 3, 3)
    yield norm("encoder.conv_norm_out", last)
    yield dense("encoder.conv_out", 8, last, 3, 3)
    yield dense("quant_conv", 8, 8, 1, 1)


def _vae_decoder() -> Iterator[Shapes]:
    first, last = VAE_CHANNELS[0], VAE_CHANNELS[-1]
    yield dense("decoder.conv_in", last, 4, 3, 3)
    yield _vae_attention("decoder.mid_block.attentions.0", last)
    for layer in range(2):
        yield temporal_resnet(f"decoder.mid_block.resnets.{layer}", last, last)
    into = last
    for block, out in enumerate(reversed(VAE_CHANNELS)):
        name = f"decoder.up_blocks.{block}"
        for layer in range(3):
            yield temporal_resnet(f"{name}.resnets.{layer}", into, out)
            into = out
        if block + 1 < len(VAE_CHANNELS):
            yield dense(f"{name}.upsamplers.0.conv", out, out, 3, 3)
    yield norm("decoder.conv_norm_out", first)
    yield dense("decoder.conv_out", 3, first, 3, 3)
    yield dense("decoder.time_conv_out", 3, 3, 3, 1, 1)


def vae() -> Shapes:
    """Give the tensors of SVD's VAE, diffusers' `AutoencoderKLTemporalDecoder`."""
    return _joined([*_vae_encoder(), *_vae_decoder()])


def clip_vision() -> Shapes:
    """Give the tensors of SVD's image encoder, transformers' `CLIPVisionModelWithProjection`."""
    width = CLIP_WIDTH
    shapes: Shapes = {
        "vision_model.embeddings.class_embedding": (width,),
        "vision_model.embeddings.patch_embedding.weight": (width, 3, 14, 14),
        "vision_model.embeddings.position_embedding.weight": (257, width),
        "visual_projection.weight": (CLIP_PROJECTION, width),
    }
    shapes |= norm("vision_model.pre_layrnorm", width)
    shapes |= norm("vision_model.post_layernorm", width)
    for layer in range(CLIP_LAYERS):
        name = f"vision_model.encoder.layers.{layer}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= dense(f"{name}.self_attn.{part}", width, width)
        shapes |= norm(f"{name}.layer_norm1", width) | norm(f"{name}.layer_norm2", width)
        shapes |= dense(f"{name}.mlp.fc1", 4 * width, width)
        shapes |= dense(f"{name}.mlp.fc2", width, 4 * width)
    return shapes


def whisper_encoder() -> Shapes:
    """Give the tensors of Whisper-tiny's encoder as the published checkpoint names them."""
    width, root = WHISPER_WIDTH, "model.encoder"
    shapes = dense(f"{root}.conv1", width, 80, 3) | dense(f"{root}.conv2", width, width, 3)
    shapes[f"{root}.embed_positions.weight"] = (1500, width)
    shapes |= norm(f"{root}.layer_norm", width)
    for layer in range(WHISPER_LAYERS):
        name = f"{root}.layers.{layer}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= dense(f"{name}.self_attn.{part}", width, width, bias=part != "k_proj")
        shapes |= norm(f"{name}.self_attn_layer_norm", width)
        shapes |= norm(f"{name}.final_layer_norm", width)
        shapes |= dense(f"{name}.fc1", 4 * width, width) | dense(f"{name}.fc2", width, 4 * width)
    return shapes


def audio2token() -> Shapes:
    """Give the tensors of Sonic's network from Whisper's states to 32 audio tokens per frame."""
    return (
        dense("proj1", 1024, 10 * 5 * WHISPER_WIDTH)
        | dense("proj2", 1024, 1024)
        | dense("proj3", 32 * 1024, 1024)
        | norm("norm", 1024)
    )


def audio2bucket() -> Shapes:
    """Give the tensors of Sonic's network from Whisper's states to the two motion buckets."""
    return (
        dense("proj1", 1024, 50 * WHISPER_WIDTH + 1024)
        | dense("proj2", 1024, 1024)
        | dense("proj3", 2, 1024)
    )


def rife() -> Shapes:
    """Give the tensors of RIFE's IFNet that inference uses, without the prefix `module.`."""
    half, full = RIFE_WIDTH // 2, RIFE_WIDTH
    shapes: Shapes = {}
    for block in range(3):
        name = f"block{block}"
        shapes |= _rife_conv(f"{name}.conv0.0", half, 11) | _rife_conv(
            f"{name}.conv0.1", full, half
        )
        for group in range(4):
            for layer in range(2):
                shapes |= _rife_conv(f"{name}.convblock{group}.{layer}", full, full)
        for head, out in (("conv1", 4), ("conv2", 1)):
            shapes |= {f"{name}.{head}.0.weight": (full, half, 4, 4)}
            shapes |= {f"{name}.{head}.0.bias": (half,), f"{name}.{head}.1.weight": (half,)}
            shapes |= {
                f"{name}.{head}.2.weight": (half, out, 4, 4),
                f"{name}.{head}.2.bias": (out,),
            }
    return shapes


def _rife_conv(name: str, out: int, into: int) -> Shapes:
    return dense(f"{name}.0", out, into, 3, 3) | {f"{name}.1.weight": (out,)}


def _joined(parts: list[Shapes]) -> Shapes:
    joined: Shapes = {}
    for part in parts:
        joined |= part
    return joined
