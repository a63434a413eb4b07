"""LPIPS: how alike two pictures look, by what AlexNet sees in them.

Zhang et al., arXiv 1801.03924, version 0.1 with AlexNet: of five layers the directions of the
channels are compared place by place, weighted as people judged, and averaged. (torchmetrics has it
too, but only with torchvision, and that fetches AlexNet's weights by itself.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from opensonic.metrics.networks.tensors import load_strictly, read_tensors
from opensonic.weights.expected_measuring import ALEXNET

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_PADDINGS, _STRIDES = (2, 2, 1, 1, 1), (4, 1, 1, 1, 1)
_POOLED_AFTER = (0, 1)
_EPS = 1e-8


class Lpips(nn.Module):
    """LPIPS of pairs of pictures.

    Args:
        widths: Channels of AlexNet's five convolutions.
    """

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        layers = {}
        for i, (width, row) in enumerate(zip(widths, ALEXNET, strict=True)):
            into = widths[i - 1] if i else 3
            layers[str(row[0])] = nn.Conv2d(into, width, row[3], _STRIDES[i], _PADDINGS[i])
        self.features = nn.ModuleDict(layers)
        self.weights = nn.ParameterList([torch.zeros(1, width, 1, 1) for width in widths])
        self.eval().requires_grad_(False)

    @torch.inference_mode()
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Compare pictures.

        Args:
            a: (B, 3, H, W) float, RGB of -1 to 1.
            b: The same.

        Returns:
            (B,) distances, 0 where they are the same.
        """
        total = torch.zeros(len(a), device=a.device)
        for weight, x, y in zip(self.weights, self._layers(a), self._layers(b), strict=True):
            total += ((_direction(x) - _direction(y)).square() * weight).sum(1).mean((1, 2))
        return total

    def _layers(self, x: Tensor) -> Iterator[Tensor]:
        x = (x - x.new_tensor(_SHIFT).view(3, 1, 1)) / x.new_tensor(_SCALE).view(3, 1, 1)
        for i, convolution in enumerate(self.features.values()):
            x = functional.relu(convolution(x))
            yield x
            if i in _POOLED_AFTER:
                x = functional.max_pool2d(x, 3, 2)


def load_lpips(alexnet: Path, lpips: Path, device: str = "cpu") -> Lpips:
    """Load LPIPS.

    Args:
        alexnet: A safetensors file with AlexNet as torchvision names it.
        lpips: A safetensors file with the weights of LPIPS 0.1.
        device: As PyTorch calls it.

    Raises:
        WeightsError: A file holds another network.
    """
    tensors = {n: t for n, t in read_tensors(alexnet).items() if n.startswith("features.")}
    names = [f"features.{row[0]}.weight" for row in ALEXNET]
    whole = all(name in tensors for name in names)
    network = Lpips([len(tensors[name]) for name in names]) if whole else None
    shares = read_tensors(lpips)
    tensors |= {f"weights.{i}": shares[n] for i, n in enumerate(sorted(shares)) if _is_share(n)}
    return load_strictly(network, tensors, lpips, "LPIPS with AlexNet").to(device)


def _is_share(name: str) -> bool:
    return name.startswith("lin") and name.endswith(".model.1.weight")


def _direction(x: Tensor) -> Tensor:
    return x / torch.sqrt(_EPS + x.square().sum(1, keepdim=True))
