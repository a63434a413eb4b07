"""PSNR and SSIM of a picture against a reference's.

PSNR is 10 log10(255² / mean squared error) over all pixels and colours of one picture; equal
pictures count as 100 dB. SSIM is Wang et al., "Image quality assessment: from error visibility to
structural similarity" (IEEE TIP 13, 2004): Gaussian window of 11 px, sigma 1.5, K1 = 0.01,
K2 = 0.03, per colour, the edges mirrored. Both are what torchmetrics' `peak_signal_noise_ratio` and
`structural_similarity_index_measure` with `data_range=255` give (a test compares them), without
PyTorch, so that they are there in the base install. A reference of another size is brought to that
of the picture first.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

MOST_PSNR = 100.0
"""PSNR of equal pictures, dB."""

_RANGE = 255.0
_SIDE, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * _RANGE) ** 2, (0.03 * _RANGE) ** 2

Image = npt.NDArray[np.uint8]


class Likeness(NamedTuple):
    """How alike two pictures are.

    Attributes:
        psnr: dB.
        ssim: -1 to 1; 1 is equal. NaN where a side is shorter than 11 px.
    """

    psnr: float
    ssim: float


def compare_pictures(found: Image, true: Image) -> Likeness:
    """Compare two pictures.

    Args:
        found: (H, W, 3) uint8 RGB.
        true: (H', W', 3) uint8 RGB, the reference; resized if it has another size.
    """
    if true.shape != found.shape:
        height, width = found.shape[:2]
        shrinks = width * height < true.shape[0] * true.shape[1]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        true = np.asarray(cv2.resize(true, (width, height), interpolation=how), np.uint8)
    return Likeness(measure_psnr(found, true), measure_ssim(found, true))


def measure_psnr(found: Image, true: Image) -> float:
    """Give the PSNR of two pictures of one size, (H, W, 3) uint8 RGB; in dB, 100 at most."""
    error = float(np.mean((found.astype(np.float32) - true.astype(np.float32)) ** 2))
    return MOST_PSNR if error == 0 else min(MOST_PSNR, float(10 * np.log10(_RANGE**2 / error)))


def measure_ssim(found: Image, true: Image) -> float:
    """Give the SSIM of two pictures of one size, (H, W, 3) uint8; NaN under 11 px."""
    if min(found.shape[:2]) < _SIDE:
        return float("nan")
    a, b = found.astype(np.float32), true.astype(np.float32)
    mean_a, mean_b = _blur(a), _blur(b)
    power_a, power_b, product = mean_a * mean_a, mean_b * mean_b, mean_a * mean_b
    spread = _blur(a * a) + _blur(b * b) - power_a - power_b
    common = _blur(a * b) - product
    shape = (2 * common + _C2) / (spread + _C2)
    light = (2 * product + _C1) / (power_a + power_b + _C1)
    return float((shape * light).mean())


def _blur(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(image, (_SIDE, _SIDE), _SIGMA), np.float32)
