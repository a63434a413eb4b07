"""SyncNet: lips and sound in one space, near each other where they belong together.

Chung & Zisserman, "Out of time: automated lip sync in the wild" (ACCV workshop 2016): two towers of
convolutions after VGG-M, one over 0.2 s of MFCC, one over the five pictures of the same time, each
with two linear layers behind it. Layers that the paper leaves open (batch normalisation, pooling)
are those of the published weights; their widths come from the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from opensonic.metrics.networks.tensors import load_strictly, read_tensors
from opensonic.weights.expected_measuring import SYNCNET_LIPS, SYNCNET_PLACES, SYNCNET_SOUND

N_PICTURES = 5
"""Pictures that one look at the lips takes in."""
N_COLUMNS = 20
"""Columns of MFCC of the same time."""


class SyncNet(nn.Module):
    """The two towers.

    Args:
        sound_widths: Channels of the six convolutions over the sound.
        lip_widths: The same over the pictures.
        embedding: Numbers per moment.
    """

    def __init__(
        self, sound_widths: Sequence[int], lip_widths: Sequence[int], embedding: int
    ) -> None:
        super().__init__()
        self.netcnnaud = _sound_tower(sound_widths)
        self.netfcaud = _head(sound_widths[-1], embedding)
        self.netcnnlip = _lip_tower(lip_widths)
        self.netfclip = _head(lip_widths[-1], embedding)
        self.eval().requires_grad_(False)

    @torch.inference_mode()
    def embed_sound(self, mfcc: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Embed stretches of sound.

        Args:
            mfcc: (B, 20, 13) float32, rows of `mfcc.read_mfcc`.

        Returns:
            (B, D) float32.
        """
        x = self._tensor(mfcc).transpose(1, 2).unsqueeze(1)  # (B, 1, 13, 20)
        return np.asarray(self.netfcaud(self.netcnnaud(x).flatten(1)).cpu().numpy(), np.float32)

    @torch.inference_mode()
    def embed_lips(self, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embed looks at the lips.

        Args:
            crops: (B, 5, 224, 224, 3) uint8 RGB; the network was taught blue first, 0 to 255.

        Returns:
            (B, D) float32.
        """
        x = self._tensor(np.ascontiguousarray(crops[..., ::-1])).permute(0, 4, 1, 2, 3)
        return np.asarray(self.netfclip(self.netcnnlip(x).flatten(1)).cpu().numpy(), np.float32)

    def _tensor(self, array: npt.NDArray[np.generic]) -> Tensor:
        place = next(self.parameters())
        return torch.from_numpy(array).to(place.device, place.dtype)


def load_syncnet(path: Path, device: str = "cpu") -> SyncNet:
    """Load SyncNet.

    Args:
        path: A safetensors file with the published names.
        device: As PyTorch calls it.

    Raises:
        WeightsError: The file holds another network.
    """
    tensors = read_tensors(path)

    def widths(tower: str) -> list[int]:
        names = (f"{tower}.{place}.weight" for place in SYNCNET_PLACES)
        return [tensors[name].shape[0] for name in names if name in tensors]

    sound, lips = widths("netcnnaud"), widths("netcnnlip")
    whole = len(sound) == len(SYNCNET_SOUND) and len(lips) == len(SYNCNET_LIPS)
    final = tensors.get("netfclip.3.weight")
    network = SyncNet(sound, lips, len(final)) if whole and final is not None else None
    return load_strictly(network, tensors, path, "SyncNet").to(device)


def _sound_tower(widths: Sequence[int]) -> nn.Sequential:
    """(B, 1, 13, 20) to (B, C, 1, 1)."""
    layers: list[nn.Module] = []
    pools = {
        0: nn.MaxPool2d(1, 1),
        1: nn.MaxPool2d(3, (1, 2)),
        4: nn.MaxPool2d(3, 2),
    }
    into = 1
    for i, (width, (_, high, wide)) in enumerate(zip(widths, SYNCNET_SOUND, strict=True)):
        padding = 1 if high == wide == 3 else 0
        layers += [nn.Conv2d(into, width, (high, wide), padding=padding)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        layers += [pools[i]] if i in pools else []
        into = width
    return nn.Sequential(*layers)


def _lip_tower(widths: Sequence[int]) -> nn.Sequential:
    """(B, 3, 5, 224, 224) to (B, C, 1, 1, 1)."""
    layers: list[nn.Module] = []
    pools = {
        0: nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
        1: nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        4: nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
    }
    into = 3
    for i, (width, (_, *kernel)) in enumerate(zip(widths, SYNCNET_LIPS, strict=True)):
        deep, high, wide = kernel
        stride = (1, 2, 2) if i < 2 else 1
        padding = (0, 1, 1) if 0 < i < 5 else 0
        layers += [nn.Conv3d(into, width, (deep, high, wide), stride, padding)]
        layers += [nn.BatchNorm3d(width), nn.ReLU()]
        layers += [pools[i]] if i in pools else []
        into = width
    return nn.Sequential(*layers)


def _head(into: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(into, into), nn.BatchNorm1d(into), nn.ReLU(), nn.Linear(into, out)
    )
