"""I3D as FVD uses it: 400 numbers for 16 pictures.

Carreira & Zisserman, arXiv 1705.07750, trained on Kinetics; FVD (Unterthiner et al., arXiv
1812.01717) takes what comes before its softmax. The published file is a TorchScript program, so it
brings its own layers; it is asked to bring pixels into its range and pictures to 224 px by itself.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from opensonic.errors import WeightsError

N_PICTURES = 16
"""Pictures of one clip."""
SIZE = 224
"""Side of the pictures, px."""


class I3d(nn.Module):
    """The network.

    Args:
        path: The TorchScript file.
        device: As PyTorch calls it.

    Raises:
        WeightsError: It is no TorchScript file, or does not answer as I3D does.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
        super().__init__()
        self._device = device
        try:
            with warnings.catch_warnings():  # TorchScript is on its way out, but the file is one
                warnings.simplefilter("ignore")
                self._program = torch.jit.load(str(path), map_location=device).eval()
                answer = self(torch.zeros(1, 3, N_PICTURES, SIZE, SIZE, dtype=torch.uint8))
        except (RuntimeError, ValueError, TypeError) as error:
            told = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            raise WeightsError(
                f"{path}: cannot be run as I3D's TorchScript ({told}); fetch it again"
            ) from error
        if answer.ndim != 2 or len(answer) != 1:
            raise WeightsError(
                f"{path}: answers a clip with the shape {tuple(answer.shape)}; expected one row"
            )
        self.num_features = int(answer.shape[1])

    @torch.inference_mode()
    def forward(self, clips: Tensor) -> Tensor:
        """Look at clips.

        Args:
            clips: (B, 3, 16, 224, 224) uint8 RGB.

        Returns:
            (B, 400) float32 on the CPU.
        """
        x = clips.to(self._device, torch.float32)
        answer: Tensor = self._program(x, rescale=True, resize=True, return_features=True)
        return answer.float().cpu()
