"""The face detector as a network: a small convolutional pyramid with one shared head.

Anchor-free, one class, in the manner of FCOS (Tian et al., arXiv 1904.01355) with a feature
pyramid (Lin et al., arXiv 1612.03144). Left out on purpose: depthwise convolutions, which CPUs
with matrix units run no faster than dense ones of this size, and any attention.
"""

from __future__ import annotations

import torch
from torch import nn

from opensonic.face.detect import N_KEYPOINTS, STRIDES

N_OUTPUTS = 1 + 3 + 2 * N_KEYPOINTS
"""Values per cell: score logit; box centre x, y and log side; the key points."""


class ConvUnit(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, n_in: int, n_out: int, size: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(n_in, n_out, size, stride, padding=size // 2, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3x3 convolutions around which the input is added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvUnit(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to the same shape."""
        return torch.relu(x + self.second(self.first(x)))


class DetectorNetwork(nn.Module):
    """Maps pictures to three maps of raw face predictions.

    Args:
        widths: Channels at strides 4, 8, 16 and 32.
        pyramid_width: Channels of the pyramid and the head.
    """

    def __init__(
        self, widths: tuple[int, int, int, int] = (32, 64, 96, 128), pyramid_width: int = 48
    ) -> None:
        super().__init__()
        w4, w8, w16, w32 = widths
        self.stem = nn.Sequential(ConvUnit(3, 16, stride=2), ConvUnit(16, w4, stride=2))
        self.stage8 = nn.Sequential(ConvUnit(w4, w8, stride=2), Residual(w8))
        self.stage16 = nn.Sequential(ConvUnit(w8, w16, stride=2), Residual(w16))
        self.stage32 = nn.Sequential(ConvUnit(w16, w32, stride=2), Residual(w32))
        self.lateral = nn.ModuleList(nn.Conv2d(w, pyramid_width, 1) for w in (w8, w16, w32))
        self.smooth = nn.ModuleList(ConvUnit(pyramid_width, pyramid_width) for _ in STRIDES)
        self.tower = ConvUnit(pyramid_width, pyramid_width)
        self.outputs = nn.ModuleList(nn.Conv2d(pyramid_width, N_OUTPUTS, 1) for _ in STRIDES)
        for output in self.outputs:
            assert isinstance(output, nn.Conv2d) and output.bias is not None
            nn.init.normal_(output.weight, std=0.01)
            nn.init.zeros_(output.bias)
            nn.init.constant_(output.bias[:1], -4.0)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Predict faces.

        Args:
            x: (B, 3, H, W) float, RGB, 0 to 1; H and W multiples of 32.

        Returns:
            Per level (B, 16, H / stride, W / stride): score logit; offset of the box centre from
            the cell centre in strides; log of box side / (4 strides); x and y of each key point,
            as offset from the cell centre in units of 4 strides.
        """
        f8 = self.stage8(self.stem((x - 0.5) * 4.0))
        f16 = self.stage16(f8)
        f32 = self.stage32(f16)
        p32 = self.lateral[2](f32)
        p16 = self.lateral[1](f16) + nn.functional.interpolate(p32, scale_factor=2.0)
        p8 = self.lateral[0](f8) + nn.functional.interpolate(p16, scale_factor=2.0)
        return tuple(
            output(self.tower(smooth(p)))
            for output, smooth, p in zip(self.outputs, self.smooth, (p8, p16, p32), strict=True)
        )
