"""Which cell answers for which face, and what a wrong answer costs.

Score: focal loss (Lin et al., arXiv 1708.02002) without the class weight. Box: generalised IoU
(Rezatofighi et al., arXiv 1902.09630). Key points: smooth L1 in units of the box side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from opensonic.face.detect import SIZE_UNIT, STRIDES
from opensonic.train.detector.sample import Sample

SIDES_PX = ((0.0, 56.0), (40.0, 128.0), (96.0, float("inf")))
"""Box sides, px, for which each level answers; neighbours overlap."""
_BORDERLINE = 1.6
_BOX_WEIGHT = 1.5
_SIDE_WEIGHT = 0.5
_POINTS_WEIGHT = 4.0

Floats = npt.NDArray[np.float32]


@dataclass(eq=False)
class Targets:
    """What one level should say about a batch.

    Attributes:
        score: (B, h, w) float32: 1 face, 0 background, -1 left out.
        where: (P, 3) int64: picture, row and column of the cells with a face.
        faces: (P, 15) float32: the face of each, px (see `data.Picture`).
    """

    score: torch.Tensor
    where: torch.Tensor
    faces: torch.Tensor


def assign(samples: Sequence[Sample], size: int) -> list[Targets]:
    """Lay out the targets of every level for pictures of `size` x `size` px."""
    return [_assign_level(samples, size, level) for level in range(len(STRIDES))]


def _assign_level(samples: Sequence[Sample], size: int, level: int) -> Targets:
    stride, (low, high) = STRIDES[level], SIDES_PX[level]
    count = size // stride
    axis = (np.arange(count) + 0.5) * stride
    score = np.zeros((len(samples), count, count), np.float32)
    owner = np.full(score.shape, -1)
    for b, sample in enumerate(samples):
        for x0, y0, x1, y1 in sample.ignore:
            score[b][_inside(axis, y0, y1)[:, None] & _inside(axis, x0, x1)] = -1
        for k in np.argsort(-sample.faces[:, 2]):
            cx, cy, side = sample.faces[k, :3]
            away = np.maximum(np.abs(axis[:, None] - cy), np.abs(axis[None] - cx))
            if low <= side < high:
                radius = max(0.6 * stride, min(0.2 * side, 1.5 * stride))
                score[b][(away < 1.6 * radius) & (score[b] == 0)] = -1
                score[b][away <= radius] = 1
                owner[b][away <= radius] = k
            elif low / _BORDERLINE <= side < high * _BORDERLINE:
                score[b][(away < 0.25 * side) & (score[b] == 0)] = -1
    where = np.argwhere(owner >= 0)
    rows = [samples[b].faces[owner[b, y, x]] for b, y, x in where]
    faces = np.stack(rows) if rows else np.zeros((0, 15), np.float32)
    return Targets(torch.from_numpy(score), torch.from_numpy(where), torch.from_numpy(faces))


def _inside(axis: npt.NDArray[np.floating], low: float, high: float) -> npt.NDArray[np.bool_]:
    return (axis >= low) & (axis <= high)


def detection_loss(
    outputs: Sequence[torch.Tensor], targets: Sequence[Targets]
) -> dict[str, torch.Tensor]:
    """Compare the raw maps of the network with the targets.

    Returns:
        `total`, and its parts `score`, `box`, `points`; scalars.
    """
    parts: dict[str, list[torch.Tensor]] = {"score": [], "box": [], "points": []}
    positives = max(1, sum(len(t.where) for t in targets))
    for output, target, stride in zip(outputs, targets, STRIDES, strict=True):
        parts["score"].append(_focal(output[:, 0].float(), target.score).sum() / positives)
        b, y, x = target.where.unbind(1)
        said = output.permute(0, 2, 3, 1)[b, y, x, 1:].float()
        box, points = _face_losses(said, target.faces, torch.stack([x, y], 1), stride)
        parts["box"].append(box.sum() / positives)
        parts["points"].append(points.sum() / positives)
    sums = {name: torch.stack(terms).sum() for name, terms in parts.items()}
    sums["total"] = sums["score"] + sums["box"] + sums["points"]
    return sums


def _focal(logit: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    kept = target >= 0
    logit, target = logit[kept], target[kept]
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logit, target, reduction="none")
    return plain * (torch.sigmoid(logit) - target) ** 2


def _face_losses(
    said: torch.Tensor, faces: torch.Tensor, cell: torch.Tensor, stride: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses of (P, 15) answers of the cells with column and row `cell` (P, 2): two (P,)."""
    unit = SIZE_UNIT * stride
    middle = (cell + 0.5) * stride
    centre = middle + said[:, :2] * stride
    log_side = said[:, 2].clamp(-6, 6)
    true_side = faces[:, 2]
    giou = square_giou(centre, unit * torch.exp(log_side), faces[:, :2], true_side)
    side_error = (log_side - torch.log(true_side / unit)).abs()
    box = _BOX_WEIGHT * (1 - giou) + _SIDE_WEIGHT * side_error
    points = middle.repeat(1, 6) + said[:, 3:] * unit
    error = (points - faces[:, 3:]) / true_side[:, None]
    smooth = torch.nn.functional.smooth_l1_loss(
        error, torch.zeros_like(error), beta=0.05, reduction="none"
    )
    return box, _POINTS_WEIGHT * smooth.mean(dim=1)


def square_giou(
    centre: torch.Tensor, side: torch.Tensor, other_centre: torch.Tensor, other_side: torch.Tensor
) -> torch.Tensor:
    """Generalised IoU of upright squares: centres (P, 2), sides (P,); returns (P,)."""
    low, high = centre - side[:, None] / 2, centre + side[:, None] / 2
    other_low = other_centre - other_side[:, None] / 2
    other_high = other_centre + other_side[:, None] / 2
    common = (torch.minimum(high, other_high) - torch.maximum(low, other_low)).clamp(min=0)
    common_area = common.prod(dim=1)
    union = side**2 + other_side**2 - common_area
    hull = (torch.maximum(high, other_high) - torch.minimum(low, other_low)).prod(dim=1)
    return common_area / union - (hull - union) / hull
