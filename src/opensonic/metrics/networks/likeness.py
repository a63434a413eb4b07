"""LPIPS of a video against its reference, picture beside picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch

from opensonic.metrics.evaluation import Row, Sight
from opensonic.metrics.networks.lpips import Lpips
from opensonic.metrics.networks.sums import Mean, Pace
from opensonic.metrics.scales import make_row
from opensonic.values import Speech

STEP_S = 0.2
"""Time between the pictures that are compared, s."""
MAX_SIDE = 512
"""Long side to which larger pictures are reduced, px: LPIPS was taught on small ones."""
MIN_SIDE = 64
"""Short side under which AlexNet's layers have nothing left, px."""


class LpipsObserver:
    """LPIPS of one video.

    Args:
        network: The network with its weights.
        device: Where it is, as PyTorch calls it.
    """

    def __init__(self, network: Lpips, device: str = "cpu") -> None:
        self._network, self._device = network, device
        self._pace, self._mean = Pace(STEP_S), Mean()

    def look(self, sight: Sight, reference: Sight | None) -> None:
        """Look at the next picture and the one beside it."""
        if reference is None or not self._pace.is_due(sight.time_s):
            return
        height, width = sight.image.shape[:2]
        scale = max(min(1.0, MAX_SIDE / max(height, width)), MIN_SIDE / min(height, width))
        size = (round(width * scale), round(height * scale))
        a, b = (self._tensor(each.image, size) for each in (sight, reference))
        self._mean.add(float(self._network(a, b)))

    def rows(self, speech: Speech | None, lag_s: float | None) -> Sequence[Row]:
        """Give LPIPS."""
        note = f"AlexNet, {self._mean.n} pictures of at most {MAX_SIDE} px"
        return (make_row("lpips", self._mean.value, note if self._mean.n else "needs a reference"),)

    def _tensor(self, image: npt.NDArray[np.uint8], size: tuple[int, int]) -> torch.Tensor:
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
        values = torch.from_numpy(np.ascontiguousarray(small)[None]).to(self._device)
        return values.to(torch.float32) / 127.5 - 1
