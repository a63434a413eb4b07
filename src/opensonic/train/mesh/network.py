"""The networks of the face mesh: a small residual net and a linear head that starts as a PCA.

The picture comes in as uint8, the points leave in units of the crop's side, origin in its middle,
so that the run-time code needs no constants but the crop size.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class NetworkShape:
    """Sizes of one network.

    Attributes:
        size: Side of the input crop, px.
        stem: Channels of the first convolution (stride 2).
        stages: (channels, residual blocks) of each stage; each halves the resolution.
        squeeze: Channels that are flattened into the head.
        basis: Number of shape coefficients.
        points: Number of output points.
    """

    size: int
    stem: int
    stages: tuple[tuple[int, int], ...]
    squeeze: int
    basis: int
    points: int


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width_in, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or width_in != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, width, H / stride, W / stride)."""
        return torch.relu(self.body(features) + self.shortcut(features))


class PointNetwork(nn.Module):
    """A crop in, points out: (B, S, S, 3) uint8 RGB to (B, P, 3) in units of the side."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = [
            nn.Conv2d(3, shape.stem, 3, 2, 1, bias=False),
            nn.BatchNorm2d(shape.stem),
            nn.ReLU(),
        ]
        width_in = shape.stem
        for width, blocks in shape.stages:
            for block in range(blocks):
                layers.append(ResidualBlock(width_in, width, 2 if block == 0 else 1))
                width_in = width
        layers += [nn.Conv2d(width_in, shape.squeeze, 1, bias=False), nn.BatchNorm2d(shape.squeeze)]
        self.trunk = nn.Sequential(*layers, nn.ReLU())
        cells = (shape.size >> (len(shape.stages) + 1)) ** 2
        self.coefficients = nn.Linear(shape.squeeze * cells, shape.basis)
        self.points = nn.Linear(shape.basis, shape.points * 3)

    def forward(self, crop: Tensor) -> Tensor:
        """Map uint8 crops (B, S, S, 3) to points (B, P, 3)."""
        features = self.trunk(crop.permute(0, 3, 1, 2).float() / 127.5 - 1.0)
        return self.read_points(features.float())

    def read_points(self, features: Tensor) -> Tensor:
        """Map trunk features (B, squeeze, h, w) float32 to points (B, P, 3)."""
        coefficients = self.coefficients(features.flatten(1))
        points: Tensor = self.points(coefficients)
        return points.reshape(-1, self.shape.points, 3)

    def start_from_shapes(self, shapes: NDArray[np.float32]) -> None:
        """Set the last layer to the mean and the principal components of (N, P, 3) shapes."""
        flat = torch.from_numpy(shapes.reshape(len(shapes), -1))
        mean = flat.mean(0)
        _, values, directions = torch.linalg.svd(flat - mean, full_matrices=False)
        spread = values[: self.shape.basis] / len(flat) ** 0.5
        with torch.no_grad():
            self.points.weight.copy_((directions[: self.shape.basis] * spread[:, None]).T)
            self.points.bias.copy_(mean)
            nn.init.normal_(self.coefficients.weight, std=0.3 * self.coefficients.in_features**-0.5)
            nn.init.zeros_(self.coefficients.bias)
