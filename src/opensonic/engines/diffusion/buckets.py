"""Motion buckets: how strongly head and face move, predicted from a second of speech and the face.

Sonic (arXiv 2411.16331), "motion-decoupled controller": two numbers per frame, the translation
bucket and the expression bucket, which take the place of SVD's motion bucket and noise level.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from opensonic.engines.diffusion.dimensions import BucketSizes

BUCKET_SCALE = 16.0
BUCKET_OFFSET = 16.0


class BucketNetwork(nn.Module):
    """Windows of Whisper's last state and the CLIP embedding to buckets. Runs in float32."""

    def __init__(self, sizes: BucketSizes) -> None:
        super().__init__()
        self.sizes = sizes
        width = sizes.window * sizes.channels + sizes.clip_channels
        self.proj1 = nn.Linear(width, sizes.hidden)
        self.proj2 = nn.Linear(sizes.hidden, sizes.hidden)
        self.proj3 = nn.Linear(sizes.hidden, sizes.buckets)

    def forward(self, windows: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        """Predict the raw numbers, about 0 to 1 and more.

        Args:
            windows: (B, window, channels) last hidden states of Whisper.
            embedding: (B or 1, clip_channels) CLIP embedding of the picture.

        Returns:
            (B, buckets).
        """
        flat = windows.flatten(1)
        joined = torch.cat([flat, embedding.expand(len(flat), -1)], dim=1)
        hidden = F.silu(self.proj2(F.silu(self.proj1(joined))))
        raw: torch.Tensor = self.proj3(hidden)
        return raw

    def predict_buckets(self, windows: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        """Predict buckets as the UNet takes them: (B, buckets), translation then expression."""
        return self(windows, embedding) * BUCKET_SCALE + BUCKET_OFFSET
