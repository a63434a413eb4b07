"""The face mask on the grids of the attention layers.

Sonic (arXiv 2411.16331) lets the audio act on the face through a soft mask. It is interpolated
straight from the picture to each grid, without antialiasing and without clamping.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F


def grid_size(n_cells: int, height: int, width: int) -> tuple[int, int]:
    """Give rows and columns of the grid of `n_cells` that a picture of this size has.

    Args:
        n_cells: Queries of the attention layer.
        height: Of the picture, px.
        width: Of the picture, px.

    Returns:
        Rows and columns; exact for sides that are multiples of 64.
    """
    rows = int(torch.tensor(n_cells / (width / height), dtype=torch.float32).sqrt())
    rows += int(n_cells % rows != 0)
    return rows, n_cells // rows


class MaskGrids:
    """Interpolates a mask to each grid once.

    Args:
        mask: (1, 1, H, W) float32, 0 to 1.
    """

    def __init__(self, mask: torch.Tensor) -> None:
        self.mask = mask
        self._weights: dict[int, torch.Tensor] = {}
        self._support: dict[int, torch.Tensor | None] = {}

    def weights(self, n_cells: int) -> torch.Tensor:
        """Give the mask on a grid: (n_cells,) float32, row by row, slightly beyond 0 to 1."""
        if n_cells not in self._weights:
            height, width = self.mask.shape[2:]
            size = grid_size(n_cells, height, width)
            grid = F.interpolate(self.mask.float(), size=size, mode="bicubic")
            self._weights[n_cells] = grid.flatten()
        return self._weights[n_cells]

    def support(self, n_cells: int) -> torch.Tensor | None:
        """Give the cells of a grid whose weight is not exactly zero: (n,) int64; None for all."""
        if n_cells not in self._support:
            inside = self.weights(n_cells).nonzero().flatten()
            self._support[n_cells] = None if len(inside) == n_cells else inside
        return self._support[n_cells]
