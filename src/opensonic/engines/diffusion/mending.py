"""RIFE for frames that are bytes and have the video's size: where jumps are mended afterwards."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from opensonic.engines.diffusion.decode import to_bytes
from opensonic.engines.diffusion.finishing import Between
from opensonic.post.interpolate.ifnet import SIDE_MULTIPLE, IFNet

Frames = npt.NDArray[np.uint8]


class ByteBetween:
    """Makes a frame between two by RIFE's network; a `Between` for uint8 frames.

    Args:
        build_ifnet: Gives the network on its device.
    """

    def __init__(self, build_ifnet: Callable[[], IFNet]) -> None:
        self._between = Between(build_ifnet)

    def __call__(self, first: Frames, second: Frames, share: Fraction) -> Frames:
        """Make the frame at a share of the way: (1, H, W, 3) uint8 RGB, all three."""
        height, width = first.shape[1:3]
        made = next(self._between([(_to_tensor(first), _to_tensor(second), share)]))
        return np.ascontiguousarray(to_bytes(made.cpu()).numpy()[:, :height, :width])


def _to_tensor(frames: Frames) -> torch.Tensor:
    """Give (1, 3, h, w) float32, 0 to 1, its sides continued so that the network takes them."""
    pixels = torch.from_numpy(frames.copy()).movedim(-1, 1) / 255
    height, width = frames.shape[1:3]
    return F.pad(pixels, (0, -width % SIDE_MULTIPLE, 0, -height % SIDE_MULTIPLE), mode="replicate")
