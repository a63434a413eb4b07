"""What happens to a face before a network sees it in training: missed crops, poor pictures."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from opensonic.face.crop import crop_matrix


@dataclass(frozen=True, kw_only=True)
class Jitter:
    """How far a training crop may be off the true one.

    Attributes:
        shift: Standard deviation of the centre, in sides of the crop.
        scale: Standard deviation of the logarithm of the side.
        angle_deg: Standard deviation of the turn, degrees.
        tail: Share of crops with twice these deviations.
    """

    shift: float
    scale: float
    angle_deg: float
    tail: float = 0.15


def jitter_matrix(
    rng: Generator,
    frame: tuple[tuple[float, float], float, float],
    jitter: Jitter,
    size: int,
    *,
    mirror: bool,
) -> tuple[NDArray[np.float64], float]:
    """Return a crop matrix off the mark, and the crop's side in px.

    Args:
        rng: Source of chance.
        frame: True centre (px), side (px) and angle (degrees).
        jitter: How far off.
        size: Side of the crop, px.
        mirror: Whether left and right change places.
    """
    (x, y), side, angle_deg = frame
    gain = 2.0 if rng.random() < jitter.tail else 1.0
    shift = np.clip(rng.normal(size=2), -2.5, 2.5) * jitter.shift * gain * side
    turn = float(np.clip(rng.normal(), -2.5, 2.5)) * jitter.angle_deg * gain
    side *= float(np.exp(np.clip(rng.normal(), -2.5, 2.5) * jitter.scale * gain))
    centre = (x + float(shift[0]), y + float(shift[1]))
    return crop_matrix(centre, side, angle_deg + turn, size, mirror=mirror), side


def repaint_border(
    rng: Generator, image: NDArray[np.uint8], valid: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Fill what lies beyond the real pixels with a colour or with noise; returns a copy."""
    x0, y0 = (int(v) for v in np.ceil(valid[:2]))
    x1, y1 = (int(v) for v in np.floor(valid[2:]))
    height, width = image.shape[:2]
    inner = image[y0:y1, x0:x1]
    if rng.random() < 0.7:
        colour = [float(v) for v in rng.integers(0, 256, 3)]
        sides = (y0, height - y1, x0, width - x1)
        painted = cv2.copyMakeBorder(inner, *sides, cv2.BORDER_CONSTANT, value=colour)
        return np.asarray(painted, np.uint8)
    noise = rng.integers(0, 256, (8, 8, 3), np.uint8)
    clouds = np.asarray(cv2.resize(noise, (width, height)), np.uint8)
    clouds[y0:y1, x0:x1] = inner
    return clouds


def spoil_picture(rng: Generator, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Change light and colour; now and then blur, add noise, compress, or cover a part.

    Args:
        rng: Source of chance.
        crop: (S, S, 3) uint8 RGB.

    Returns:
        (S, S, 3) uint8 RGB.
    """
    crop = _change_light(rng, crop)
    if rng.random() < 0.15:
        crop = np.repeat(crop.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    chance = rng.random()
    if chance < 0.15:
        crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(0.4, 1.6))), np.uint8)
    elif chance < 0.35:
        crop = _lose_resolution(rng, crop)
    if rng.random() < 0.25:
        noise = rng.standard_normal(crop.shape, np.float32) * np.float32(rng.uniform(3, 18))
        crop = np.clip(crop + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.12:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        _, packed = cv2.imencode(".jpg", crop, quality)
        crop = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    if rng.random() < 0.2:
        crop = _cover_part(rng, crop)
    return crop


def _change_light(rng: Generator, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Apply gamma, contrast, brightness and a tint, one table per colour channel."""
    ramp = np.arange(256, dtype=np.float32) / 255
    gamma = float(np.exp(rng.normal() * 0.25))
    contrast = float(np.exp(rng.normal() * 0.22))
    tint = np.exp(rng.normal(size=3) * 0.08) * np.exp(rng.normal() * 0.2)
    middle = float(rng.uniform(0.3, 0.6))
    curve = ((ramp**gamma - middle) * contrast + middle)[:, None] * tint
    table = np.clip(curve * 255, 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(crop, table), np.uint8)


def _lose_resolution(rng: Generator, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    size = len(crop)
    small = max(8, int(size * rng.uniform(0.3, 0.8)))
    shrunk = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)


def _cover_part(rng: Generator, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Paint a rectangle of one colour, as a hand, hair or text would hide a part."""
    size = len(crop)
    width, height = (int(v) for v in rng.integers(size // 12, size // 3, 2))
    x, y = int(rng.integers(0, size - width)), int(rng.integers(0, size - height))
    crop = crop.copy()
    crop[y : y + height, x : x + width] = rng.integers(0, 256, 3, np.uint8)
    return crop
