"""The portrait as the networks take it: size, face mask, picture for the VAE, picture for CLIP.

Sonic (arXiv 2411.16331) on SVD: sides are multiples of 64 px, values -1 to 1; CLIP (arXiv
2103.00020) sees the same picture squeezed to a square. Pictures come upright, as `media.image`
reads them; the published program leaves a camera's rotation mark aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

SIDE_MULTIPLE = 64
MASK_GROWTH = 1.1
"""The mask's sides over those of the face box."""
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

Picture = npt.NDArray[np.uint8]
Box = npt.NDArray[np.floating] | tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class PreparedPicture:
    """A portrait, ready for the networks.

    Attributes:
        reference: (1, 3, H, W) float32, -1 to 1; H and W are multiples of 64.
        mask: (1, 1, H, W) float32, 0 to 1, 1 on the face.
        clip: (1, 3, S, S) float32, CLIP's normalised colours.
    """

    reference: torch.Tensor
    mask: torch.Tensor
    clip: torch.Tensor


def fit_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Give the size at which a picture is animated.

    Args:
        width: Of the picture, px.
        height: Of the picture, px.
        short_side: Wanted length of the shorter side, px.

    Returns:
        Width and height, the nearest multiples of 64 (a tie goes to the even multiple).
    """
    scale = short_side / min(width, height)
    sides = (round(side * scale / SIDE_MULTIPLE) * SIDE_MULTIPLE for side in (width, height))
    fitted_width, fitted_height = (max(side, SIDE_MULTIPLE) for side in sides)
    return fitted_width, fitted_height


def face_mask(box: Box, width: int, height: int, growth: float = MASK_GROWTH) -> Picture:
    """Draw the rectangle in which the speech acts.

    Args:
        box: x0, y0, x1, y1 of the face, px; may reach beyond the picture.
        width: Of the picture, px.
        height: Of the picture, px.
        growth: Sides of the rectangle over those of the box.

    Returns:
        (H, W) uint8, 255 inside and 0 outside.
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    rows = _mask_range(y0, y1, height, growth)
    columns = _mask_range(x0, x1, width, growth)
    mask = np.zeros((height, width), np.uint8)
    mask[rows, columns] = 255
    return mask


def _mask_range(low: float, high: float, limit: int, growth: float) -> slice:
    centre = (low + high) // 2
    half = (high - low) * growth // 2
    return slice(int(max(centre - half, 0)), int(max(min(centre + half, limit), 0)))


def prepare_picture(
    image: Picture,
    box: Box,
    short_side: int,
    *,
    growth: float = MASK_GROWTH,
    clip_side: int = 224,
) -> PreparedPicture:
    """Make a portrait ready for the networks.

    Args:
        image: (H, W, 3) uint8, RGB, upright.
        box: x0, y0, x1, y1 of the face, px.
        short_side: Wanted length of the shorter side, px.
        growth: Sides of the mask over those of the box.
        clip_side: Side of CLIP's picture, px.

    Returns:
        Tensors on the CPU. The mask is drawn at the picture's own size and then resized with it, so
        that its edges are soft.
    """
    height, width = image.shape[:2]
    size = fit_size(width, height, short_side)
    picture = Image.fromarray(image)
    mask = Image.fromarray(face_mask(box, width, height, growth))
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        mask = mask.resize(size, Image.Resampling.LANCZOS)
    small = picture.resize((clip_side, clip_side), Image.Resampling.LANCZOS)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (CLIP_MEAN, CLIP_STD))
    return PreparedPicture(
        reference=(_to_tensor(picture) - 0.5) / 0.5,
        mask=_to_tensor(mask),
        clip=(_to_tensor(small) - mean) / std,
    )


def _to_tensor(picture: Image.Image) -> torch.Tensor:
    """Give (1, C, H, W) float32, 0 to 1."""
    values = torch.from_numpy(np.array(picture))
    values = values[..., None] if values.ndim == 2 else values
    return values.permute(2, 0, 1)[None].float() / 255
