"""The loaded networks together, and the two ways to them: from files, or random and tiny for tests.

Networks are built without memory (PyTorch's meta device) and take over the tensors of the files, so
that loading needs little more than the weights themselves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLTemporalDecoder
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from opensonic.engines.diffusion.audio_tokens import AudioTokenNetwork
from opensonic.engines.diffusion.buckets import BucketNetwork
from opensonic.engines.diffusion.conditions import Conditions
from opensonic.engines.diffusion.decode import build_vae, encode_picture
from opensonic.engines.diffusion.dimensions import (
    AudioTokenSizes,
    BucketSizes,
    CLIPSizes,
    Dimensions,
    UNetSizes,
    VAESizes,
    WhisperSizes,
    read_sizes,
    tiny,
)
from opensonic.engines.diffusion.hearing import hear_clip
from opensonic.engines.diffusion.picture import PreparedPicture
from opensonic.engines.diffusion.unet import SonicUNet
from opensonic.engines.diffusion.whisper import Sound, build_encoder
from opensonic.errors import WeightsError

SIZES: dict[str, type[Any]] = {
    "unet": UNetSizes,
    "vae": VAESizes,
    "clip": CLIPSizes,
    "whisper": WhisperSizes,
    "audio_tokens": AudioTokenSizes,
    "buckets": BucketSizes,
}
"""The networks by the names of their fields in `Dimensions` and `SonicModel`."""
HALF_NETWORKS = ("unet", "vae", "clip")
"""Networks that run in half precision where the user wants that; the others never do."""
_WHISPER_PREFIX = re.compile(r"^(model\.)?encoder\.")


@dataclass(eq=False)
class SonicModel:
    """All networks of the Sonic model.

    Attributes:
        dimensions: Their sizes.
        unet: Denoises.
        vae: Pictures to latents and back (diffusers' `AutoencoderKLTemporalDecoder`).
        clip: Picture to image token (transformers' `CLIPVisionModelWithProjection`).
        whisper: Speech to hidden states (transformers' encoder of Whisper).
        audio_tokens: Hidden states to audio tokens.
        buckets: Hidden states and picture to motion buckets.
    """

    dimensions: Dimensions
    unet: SonicUNet
    vae: AutoencoderKLTemporalDecoder
    clip: CLIPVisionModelWithProjection
    whisper: WhisperEncoder
    audio_tokens: AudioTokenNetwork
    buckets: BucketNetwork

    @classmethod
    def build(cls, dimensions: Dimensions) -> SonicModel:
        """Build all networks with random weights, in evaluation mode, without gradients."""
        sizes = dimensions
        model = cls(
            sizes,
            SonicUNet(sizes.unet),
            build_vae(sizes.vae),
            CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes.clip.config())),
            build_encoder(sizes.whisper),
            AudioTokenNetwork(sizes.audio_tokens),
            BucketNetwork(sizes.buckets),
        )
        for network in model.networks().values():
            network.eval().requires_grad_(False)
        return model

    @classmethod
    def build_on_meta(cls, dimensions: Dimensions | None = None) -> SonicModel:
        """Build all networks without memory; by default at the published sizes."""
        with torch.device("meta"):
            model = cls.build(dimensions or Dimensions())
        for network in model.networks().values():
            network.to("meta")  # what diffusers makes of plain lists has escaped it
        return model

    @classmethod
    def tiny(cls, seed: int = 0) -> SonicModel:
        """Build small networks with random weights, the same for the same seed, for tests."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls.build(tiny())

    @classmethod
    def load(
        cls,
        files: Mapping[str, Path],
        *,
        dtype: torch.dtype = torch.float16,
        device: torch.device | str = "cpu",
        only: Collection[str] = tuple(SIZES),
    ) -> SonicModel:
        """Load the networks from safetensors files.

        Args:
            files: Path of the file of each network, under the names of `SIZES`. Sizes stand in the
                metadata of the file (see `dimensions.write_sizes`), or are the published ones.
            dtype: Of UNet, VAE and CLIP; the others are float32.
            device: Where the networks shall be.
            only: Names of those to load; the others stay without content.

        Returns:
            The model, checked tensor by tensor.

        Raises:
            WeightsError: A file is missing or cannot be read, or is not of this network.
        """
        missing = [name for name in SIZES if name not in files or not Path(files[name]).is_file()]
        if missing:
            raise WeightsError(
                f"weights of {', '.join(missing)} are missing; expected a safetensors file for "
                f"each of {', '.join(SIZES)}"
            )
        sizes: dict[str, Any] = {name: read_file_sizes(name, files[name]) for name in SIZES}
        model = cls.build_on_meta(Dimensions(**sizes))
        for name in only:
            network = getattr(model, name)
            kind = dtype if name in HALF_NETWORKS else torch.float32
            load_network(network, files[name], name=name, dtype=kind, device=device)
        return model

    def networks(self) -> dict[str, nn.Module]:
        """Give the networks by name."""
        return {name: getattr(self, name) for name in SIZES}

    def move(self, device: torch.device | str) -> None:
        """Bring all networks that have content to a device."""
        for network in self.networks().values():
            if not next(network.parameters()).is_meta:
                network.to(device)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> SonicModel:
        """Move all networks; `dtype` is for UNet, VAE and CLIP only.

        Returns:
            This model.
        """
        for name, network in self.networks().items():
            network.to(device, dtype if name in HALF_NETWORKS else torch.float32)
        return self

    def embed_picture(self, picture: PreparedPicture) -> torch.Tensor:
        """Give the CLIP embedding of a picture: (1, D) in CLIP's dtype."""
        with torch.no_grad():
            placed = picture.clip.to(self.clip.device, self.clip.dtype)
            embedding: torch.Tensor = self.clip(placed).image_embeds
        return embedding

    def prepare(
        self, picture: PreparedPicture, sound: Iterable[Sound], *, compat: bool = False
    ) -> Conditions:
        """Look at the picture and listen to the sound: each network but the UNet runs once.

        Args:
            picture: From `picture.prepare_picture`.
            sound: Mono float32 pieces of any length, at 16 kHz.
            compat: Whether to hear what the published program hears.

        Returns:
            What the sampler needs.
        """
        embedding = self.embed_picture(picture)
        heard = hear_clip(
            sound, self.whisper, self.audio_tokens, self.buckets, embedding, compat=compat
        )
        return Conditions(
            image_latents=encode_picture(self.vae, picture.reference),
            image_token=embedding[:, None],
            mask=picture.mask,
            buckets=heard.buckets,
            audio=heard.tokens,
        )


def read_file_sizes(name: str, path: Path) -> object:
    """Read the sizes of a network from its file.

    Raises:
        WeightsError: The file cannot be read or is of another network.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be read as safetensors ({error})") from error
    try:
        return read_sizes(SIZES[name], metadata)
    except WeightsError as error:
        raise WeightsError(f"{path}: not the weights of {name}: {error}") from error


def load_network(
    network: nn.Module,
    path: Path,
    *,
    name: str,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
) -> None:
    """Give a network that was built on the meta device the tensors of a file.

    Args:
        network: Changed in place.
        path: A safetensors file. Whisper's may hold the decoder too, which is left out.
        name: What messages call the network, and a name in `SIZES`.
        dtype: Of the weights afterwards.
        device: Where the weights shall be.

    Raises:
        WeightsError: The file cannot be read, or a tensor is missing, unknown or of another shape.
    """
    expected = {key: value.shape for key, value in network.state_dict().items()}
    try:
        with safe_open(path, "pt") as file:
            stored = {_bare_name(name, key): key for key in file.keys()}  # noqa: SIM118
            stored.pop("", None)
            found = {bare: tuple(file.get_slice(key).get_shape()) for bare, key in stored.items()}
            _check_shapes(path, name, expected, found)
            state = {bare: file.get_tensor(key).to(device, dtype) for bare, key in stored.items()}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be read as safetensors ({error})") from error
    network.load_state_dict(state, strict=True, assign=True)
    _fill_positions(network, device)


def _bare_name(name: str, key: str) -> str:
    """Give the network's own name of a stored tensor; empty for one that is not the network's."""
    if name == "clip" and key.endswith(".position_ids"):
        return ""  # numbers from 0, which older files store
    if name != "whisper":
        return key
    if _WHISPER_PREFIX.match(key):
        return _WHISPER_PREFIX.sub("", key)
    return "" if key.startswith(("model.", "decoder.", "proj_out.")) else key


def _check_shapes(
    path: Path,
    name: str,
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, tuple[int, ...]],
) -> None:
    missing = [key for key in expected if key not in found]
    unknown = [key for key in found if key not in expected]
    wrong = [key for key in expected if key in found and tuple(expected[key]) != found[key]]
    if missing or unknown or wrong:
        first = (missing + unknown + wrong)[0]
        raise WeightsError(
            f"{path}: not the weights of {name}: {len(missing)} tensors are missing, "
            f"{len(unknown)} unknown and {len(wrong)} of another shape (first: {first}); "
            f"expected {len(expected)} tensors"
        )


def _fill_positions(network: nn.Module, device: torch.device | str) -> None:
    """Number the positions that CLIP does not store."""
    for module in network.modules():
        positions = getattr(module, "position_ids", None)
        if isinstance(positions, torch.Tensor) and positions.is_meta:
            module.register_buffer(
                "position_ids",
                torch.arange(positions.shape[-1], device=device).expand(1, -1),
                persistent=False,
            )
