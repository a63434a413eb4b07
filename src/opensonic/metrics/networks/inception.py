"""Inception v3 as FID uses it: 2048 numbers for a picture.

Szegedy et al., arXiv 1512.00567, in the form of TensorFlow's network of 2015 whose weights FID was
defined with (Heusel et al., arXiv 1706.08500): averages at the border leave out what lies beyond
it, and the last block takes the largest instead of the average. The widths come from the file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from opensonic.errors import WeightsError
from opensonic.metrics.networks.tensors import read_tensors
from opensonic.weights.expected_measuring import inception, inception_convolutions

SIZE = 299
"""Side to which pictures are brought, px."""

_EPS = 0.001
_BATCH_NORM = ("running_mean", "running_var", "weight", "bias")
_UNPADDED = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_4a_3x3")
_STRIDED = (
    "Conv2d_1a_3x3",
    "Mixed_6a.branch3x3",
    "Mixed_6a.branch3x3dbl_3",
    "Mixed_7a.branch3x3_2",
    "Mixed_7a.branch7x7x3_4",
)


class Inception(nn.Module):
    """The network up to its last average.

    Args:
        tensors: Its tensors by name.
        device: As PyTorch calls it.
    """

    def __init__(self, tensors: dict[str, Tensor], device: str = "cpu") -> None:
        super().__init__()
        self._tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
        self._device = device
        last = ("branch1x1", "branch3x3_2a", "branch3x3_2b", "branch3x3dbl_3a", "branch3x3dbl_3b")
        self.num_features = sum(
            len(tensors[f"Mixed_7c.{name}.conv.weight"]) for name in (*last, "branch_pool")
        )

    @torch.inference_mode()
    def forward(self, pictures: Tensor) -> Tensor:
        """Look at pictures.

        Args:
            pictures: (B, 3, H, W) uint8 RGB of any size.

        Returns:
            (B, 2048) float32 on the CPU.
        """
        x = pictures.to(self._device, torch.float32) / 128 - 1
        x = functional.interpolate(x, (SIZE, SIZE), mode="bilinear", align_corners=False)
        for name in ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"):
            x = self._conv(name, x)
        x = self._conv("Conv2d_3b_1x1", functional.max_pool2d(x, 3, 2))
        x = functional.max_pool2d(self._conv("Conv2d_4a_3x3", x), 3, 2)
        for block in ("5b", "5c", "5d"):
            x = self._block_a(f"Mixed_{block}.", x)
        three = self._conv("Mixed_6a.branch3x3", x)
        x = torch.cat([three, self._double("Mixed_6a.", x), functional.max_pool2d(x, 3, 2)], 1)
        for block in ("6b", "6c", "6d", "6e"):
            x = self._block_c(f"Mixed_{block}.", x)
        x = self._block_d("Mixed_7a.", x)
        x = self._block_e("Mixed_7b.", x, _average(x))
        x = self._block_e("Mixed_7c.", x, functional.max_pool2d(x, 3, 1, 1))
        return x.mean((2, 3)).cpu()

    def _conv(self, name: str, x: Tensor) -> Tensor:
        weight = self._tensors[f"{name}.conv.weight"]
        stride = 2 if name in _STRIDED else 1
        padding = (weight.shape[2] // 2, weight.shape[3] // 2)
        if stride == 2 or name in _UNPADDED:
            padding = (0, 0)
        x = functional.conv2d(x, weight, None, stride, padding)
        mean, var, scale, shift = (self._tensors[f"{name}.bn.{part}"] for part in _BATCH_NORM)
        return functional.relu(functional.batch_norm(x, mean, var, scale, shift, eps=_EPS))

    def _chain(self, prefix: str, x: Tensor, *names: str) -> Tensor:
        for name in names:
            x = self._conv(f"{prefix}{name}", x)
        return x

    def _double(self, prefix: str, x: Tensor) -> Tensor:
        return self._chain(prefix, x, *(f"branch3x3dbl_{i}" for i in (1, 2, 3)))

    def _block_a(self, prefix: str, x: Tensor) -> Tensor:
        return torch.cat(
            [
                self._chain(prefix, x, "branch1x1"),
                self._chain(prefix, x, "branch5x5_1", "branch5x5_2"),
                self._double(prefix, x),
                self._chain(prefix, _average(x), "branch_pool"),
            ],
            1,
        )

    def _block_c(self, prefix: str, x: Tensor) -> Tensor:
        return torch.cat(
            [
                self._chain(prefix, x, "branch1x1"),
                self._chain(prefix, x, *(f"branch7x7_{i}" for i in (1, 2, 3))),
                self._chain(prefix, x, *(f"branch7x7dbl_{i}" for i in (1, 2, 3, 4, 5))),
                self._chain(prefix, _average(x), "branch_pool"),
            ],
            1,
        )

    def _block_d(self, prefix: str, x: Tensor) -> Tensor:
        return torch.cat(
            [
                self._chain(prefix, x, "branch3x3_1", "branch3x3_2"),
                self._chain(prefix, x, *(f"branch7x7x3_{i}" for i in (1, 2, 3, 4))),
                functional.max_pool2d(x, 3, 2),
            ],
            1,
        )

    def _block_e(self, prefix: str, x: Tensor, pooled: Tensor) -> Tensor:
        three = self._chain(prefix, x, "branch3x3_1")
        double = self._chain(prefix, x, "branch3x3dbl_1", "branch3x3dbl_2")
        return torch.cat(
            [
                self._chain(prefix, x, "branch1x1"),
                *(self._chain(prefix, three, f"branch3x3_2{side}") for side in "ab"),
                *(self._chain(prefix, double, f"branch3x3dbl_3{side}") for side in "ab"),
                self._chain(prefix, pooled, "branch_pool"),
            ],
            1,
        )


def load_inception(path: Path, device: str = "cpu") -> Inception:
    """Load Inception v3.

    Args:
        path: A safetensors file with torchvision's names.
        device: As PyTorch calls it.

    Raises:
        WeightsError: The file holds another network.
    """
    tensors = {n: t for n, t in read_tensors(path).items() if not n.startswith("fc.")}
    expected = inception()
    wrong = sorted(expected.keys() ^ tensors.keys())
    kernels = ((f"{name}.conv.weight", (h, w)) for name, _, _, h, w in inception_convolutions())
    wrong += [n for n, kernel in kernels if n in tensors and tensors[n].shape[2:] != kernel]
    if wrong:
        raise WeightsError(
            f"{path}: {wrong[0]} and {len(wrong) - 1} other tensors are not those of Inception v3; "
            "expected FID's published weights"
        )
    return Inception(tensors, device)


def _average(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
