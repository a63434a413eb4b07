"""A parting line of the skin (lips, lids): two edges that move, and what each pixel shows there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opensonic.engines.mesh.sampling import Box, Floats, combine


@dataclass(frozen=True, eq=False)
class Cover:
    """Shares of each pixel of a patch; the three add up to 1.

    Attributes:
        above: (H, W) float32 share of the upper layer.
        below: (H, W) float32 share of the lower layer.
        between: (H, W) float32 share of what lies behind the opening.
        depth: (H, W) float32, px below the upper edge.
        height: (H, W) float32, px above the lower edge.
    """

    above: Floats
    below: Floats
    between: Floats
    depth: Floats
    height: Floats

    def crop(self, rows: slice, columns: slice) -> Cover:
        """Give the shares of a part of the patch."""
        arrays = (self.above, self.below, self.between, self.depth, self.height)
        return Cover(*(array[rows, columns] for array in arrays))


class Seam:
    """Two edges, from the picture's left to its right.

    Args:
        upper: (N, 2) float32 upper edge in the picture, px.
        lower: (N, 2) float32 lower edge.
        upper_basis: (N, 2, K) float32 movement of the upper edge.
        lower_basis: (N, 2, K) float32 movement of the lower edge.
    """

    def __init__(
        self, upper: Floats, lower: Floats, upper_basis: Floats, lower_basis: Floats
    ) -> None:
        self._rest = np.stack([upper, lower])
        self._basis = np.stack([upper_basis, lower_basis])

    def edges(self, coefficients: Floats) -> Floats:
        """Give both edges in a frame.

        Args:
            coefficients: (K,) float32.

        Returns:
            (2, N, 2) float32, px; edges that would cross lie on each other, and they meet at
            both ends.
        """
        edges = self._rest + combine(self._basis, coefficients)
        edges[..., 0] = np.maximum.accumulate(edges[..., 0], axis=-1)
        edges[1, :, 0] = edges[0, :, 0] if np.ptp(edges[1, :, 0]) <= 0 else edges[1, :, 0]
        lower = np.interp(edges[0, :, 0], edges[1, :, 0], edges[1, :, 1])
        upper = edges[0, :, 1]
        middle = 0.5 * (upper + lower)
        crossed = upper >= lower
        crossed[[0, -1]] = True
        edges[0, :, 1] = np.where(crossed, middle, upper)
        edges[1, :, 0] = edges[0, :, 0]
        edges[1, :, 1] = np.where(crossed, middle, lower)
        return np.asarray(edges, np.float32)


def cover(edges: Floats, box: Box, softness: float) -> Cover:
    """Share out the pixels of a patch.

    Args:
        edges: (2, N, 2) float32 as `Seam.edges` gives them.
        box: x0, y0, x1, y1 of the patch, px.
        softness: Width of an edge, px.
    """
    x0, y0, x1, y1 = box
    xs, ys = np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32)
    shares, distances = [], []
    for edge in edges:
        line = np.interp(xs, edge[:, 0], edge[:, 1]).astype(np.float32)
        slope = np.gradient(line) if len(line) > 1 else np.zeros(1, np.float32)
        steep = np.sqrt(1 + slope**2) * np.float32(softness)
        distance = ys[:, None] - line
        distances.append(distance)
        shares.append(np.clip(0.5 + distance / steep, 0, 1))
    under = np.minimum(shares[0], shares[1])
    return Cover(
        1 - shares[0],
        under,
        shares[0] - under,
        distances[0],
        -distances[1],
    )
