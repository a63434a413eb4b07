"""The sizes of every network of the Sonic model; the defaults are the published ones.

Sonic (arXiv 2411.16331) on Stable Video Diffusion XT (arXiv 2311.15127). A checkpoint carries its
sizes as JSON in the metadata of its safetensors file (key `sizes`); the published files have none,
and what their shapes do not tell (the heads) follows from the published head size of 64.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from typing import Any, TypeVar

from opensonic.errors import WeightsError

Sizes = TypeVar("Sizes")

HEAD_SIZE = 64
"""Channels of one attention head of the published UNet, the same at all levels."""
LATENT_SIDE = 8
"""Pixels per latent cell, along each side."""
MODEL_RATE = Fraction(25, 2)
"""Frames per second of the model's own clip."""


@dataclass(frozen=True, kw_only=True)
class AudioTokenSizes:
    """Network from a window of Whisper states to the audio tokens of one frame.

    Attributes:
        window: Whisper rows per frame, 20 ms each.
        layers: Hidden states per row.
        channels: Channels of a hidden state.
        hidden: Width of the two hidden layers.
        tokens: Audio tokens per frame.
        dim: Channels of a token.
    """

    window: int = 10
    layers: int = 5
    channels: int = 384
    hidden: int = 1024
    tokens: int = 32
    dim: int = 1024


@dataclass(frozen=True, kw_only=True)
class BucketSizes:
    """Network from a second of speech and the picture to the two motion buckets of one frame.

    Attributes:
        window: Whisper rows per frame, 20 ms each.
        channels: Channels of Whisper's last hidden state.
        clip_channels: Channels of the picture's CLIP embedding.
        hidden: Width of the two hidden layers.
        buckets: Numbers per frame: translation and expression.
    """

    window: int = 50
    channels: int = 384
    clip_channels: int = 1024
    hidden: int = 1024
    buckets: int = 2


@dataclass(frozen=True, kw_only=True)
class UNetSizes:
    """The denoising network: SVD-XT's UNet with audio attention.

    Attributes:
        in_channels: Noisy latents and image latents together.
        out_channels: Channels of the prediction.
        block_out_channels: Channels per level; the deepest level has no attention but the middle's.
        num_attention_heads: Heads per level.
        layers_per_block: Residual blocks per level on the way down.
        cross_attention_dim: Channels of image and audio tokens.
        addition_time_embed_dim: Channels of the embedding of each of the three added numbers.
        num_frames: Frames of one window, as published.
    """

    in_channels: int = 8
    out_channels: int = 4
    block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    num_attention_heads: tuple[int, ...] = (5, 10, 20, 20)
    layers_per_block: int = 2
    cross_attention_dim: int = 1024
    addition_time_embed_dim: int = 256
    num_frames: int = 25

    def __post_init__(self) -> None:
        if len(self.block_out_channels) != len(self.num_attention_heads):
            raise WeightsError(
                f"UNet sizes: {len(self.block_out_channels)} levels of channels and "
                f"{len(self.num_attention_heads)} of heads; expected as many of both"
            )

    def config(self) -> dict[str, Any]:
        """Give the arguments of diffusers' `UNetSpatioTemporalConditionModel`."""
        deeper = len(self.block_out_channels) - 1
        return {
            **asdict(self),
            "down_block_types": ("CrossAttnDownBlockSpatioTemporal",) * deeper
            + ("DownBlockSpatioTemporal",),
            "up_block_types": ("UpBlockSpatioTemporal",)
            + ("CrossAttnUpBlockSpatioTemporal",) * deeper,
            "projection_class_embeddings_input_dim": 3 * self.addition_time_embed_dim,
        }


@dataclass(frozen=True, kw_only=True)
class VAESizes:
    """The picture autoencoder of SVD, whose decoder looks at neighbouring frames.

    Attributes:
        block_out_channels: Channels per level.
        layers_per_block: Residual blocks per level of the encoder.
        latent_channels: Channels of a latent.
        scaling_factor: Latents are handed to the UNet multiplied by this.
    """

    block_out_channels: tuple[int, ...] = (128, 256, 512, 512)
    layers_per_block: int = 2
    latent_channels: int = 4
    scaling_factor: float = 0.18215

    def config(self) -> dict[str, Any]:
        """Give the arguments of diffusers' `AutoencoderKLTemporalDecoder`."""
        down = ("DownEncoderBlock2D",) * len(self.block_out_channels)
        return {**asdict(self), "down_block_types": down, "sample_size": 768}


@dataclass(frozen=True, kw_only=True)
class CLIPSizes:
    """The picture encoder (CLIP ViT-H/14) whose embedding is the image token."""

    hidden_size: int = 1280
    intermediate_size: int = 5120
    num_hidden_layers: int = 32
    num_attention_heads: int = 16
    image_size: int = 224
    patch_size: int = 14
    projection_dim: int = 1024

    def config(self) -> dict[str, Any]:
        """Give the arguments of transformers' `CLIPVisionConfig`."""
        return {**asdict(self), "hidden_act": "gelu", "layer_norm_eps": 1e-5}


@dataclass(frozen=True, kw_only=True)
class WhisperSizes:
    """The speech encoder (Whisper tiny, arXiv 2212.04356)."""

    d_model: int = 384
    encoder_layers: int = 4
    encoder_attention_heads: int = 6
    encoder_ffn_dim: int = 1536
    num_mel_bins: int = 80
    max_source_positions: int = 1500

    def config(self) -> dict[str, Any]:
        """Give the arguments of transformers' `WhisperConfig`."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Dimensions:
    """The sizes of all networks together; `Dimensions()` are the published ones."""

    unet: UNetSizes = field(default_factory=UNetSizes)
    vae: VAESizes = field(default_factory=VAESizes)
    clip: CLIPSizes = field(default_factory=CLIPSizes)
    whisper: WhisperSizes = field(default_factory=WhisperSizes)
    audio_tokens: AudioTokenSizes = field(default_factory=AudioTokenSizes)
    buckets: BucketSizes = field(default_factory=BucketSizes)


def tiny() -> Dimensions:
    """Give sizes that run in seconds on one core, for tests.

    64 and 96 channels: with 32, group norm would treat each channel alone and hide mistakes.
    """
    return Dimensions(
        unet=UNetSizes(
            block_out_channels=(64, 96),
            num_attention_heads=(2, 6),
            layers_per_block=1,
            cross_attention_dim=32,
            addition_time_embed_dim=16,
            num_frames=4,
        ),
        vae=VAESizes(block_out_channels=(32, 32, 64, 64)),
        clip=CLIPSizes(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            patch_size=32,
            projection_dim=32,
        ),
        whisper=WhisperSizes(d_model=16, encoder_attention_heads=2, encoder_ffn_dim=32),
        audio_tokens=AudioTokenSizes(channels=16, hidden=24, tokens=6, dim=32),
        buckets=BucketSizes(channels=16, clip_channels=32, hidden=24),
    )


def write_sizes(sizes: object) -> dict[str, str]:
    """Give the metadata that says the sizes of a network in its safetensors file."""
    return {"sizes": json.dumps(asdict(sizes))}  # type: ignore[call-overload]


def read_sizes(kind: type[Sizes], metadata: Mapping[str, str] | None) -> Sizes:
    """Read the sizes of a network from its file's metadata; without any, the published ones.

    Raises:
        WeightsError: The metadata is not of such a network.
    """
    written = (metadata or {}).get("sizes")
    if written is None:
        return kind()
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    try:
        values = json.loads(written)
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"sizes in the file are not those of {kind.__name__} ({error}); expected "
            f"{', '.join(sorted(known))}"
        ) from error
