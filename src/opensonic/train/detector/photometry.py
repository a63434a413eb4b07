"""Changes of colour and drawing style that leave the geometry alone."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


def _levels(image: Image, rng: np.random.Generator) -> Image:
    """Exposure, contrast and colour cast in one look-up table per channel."""
    ramp = np.linspace(0, 1, 256)
    cast = np.exp(rng.normal(0, 0.08, 3))
    gamma = np.exp(rng.normal(0, 0.3))
    contrast, pivot = np.exp(rng.normal(0, 0.2)), rng.uniform(0.3, 0.7)
    table = (np.clip(cast[:, None] * ramp, 0, 1) ** gamma - pivot) * contrast + pivot
    table = np.clip(255 * (table + rng.normal(0, 0.05)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, np.ascontiguousarray(table.T[None])), np.uint8)


def _saturation(image: Image, rng: np.random.Generator) -> Image:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None]
    kind = rng.random()
    if kind < 0.35:
        tint = np.array([1.0, 1.0, 1.0]) if kind < 0.2 else rng.uniform(0.7, 1.1, 3)
        return np.clip(grey * tint, 0, 255).astype(np.uint8)
    amount = rng.uniform(0.3, 1.8)
    return np.clip(grey + (image.astype(np.float32) - grey) * amount, 0, 255).astype(np.uint8)


def _degrade(image: Image, rng: np.random.Generator) -> Image:
    kind = rng.random()
    if kind < 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6)), np.uint8)
    elif kind < 0.6:
        height, width = image.shape[:2]
        noise = rng.integers(-128, 128, (height, width, 1 if kind < 0.45 else 3), dtype=np.int8)
        grown = image + noise * np.float32(rng.uniform(0.02, 0.2))
        image = np.clip(grown, 0, 255).astype(np.uint8)
    else:
        quality = int(rng.integers(15, 85))
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return image


def distort(image: Image, rng: np.random.Generator) -> Image:
    """Vary light, colour and sharpness of a (H, W, 3) uint8 picture."""
    if rng.random() < 0.8:
        image = _levels(image, rng)
    if rng.random() < 0.3:
        image = _saturation(image, rng)
    if rng.random() < 0.3:
        image = _degrade(image, rng)
    return image


def stylise(image: Image, rng: np.random.Generator) -> Image:
    """Make a (H, W, 3) uint8 RGB photograph look drawn, printed, painted or cast."""
    kind = rng.integers(0, 6)
    if kind == 0:
        steps = float(rng.integers(24, 70))
        flat = cv2.bilateralFilter(image, 5, 60, 5)
        return (
            np.asarray(np.floor(flat / steps) * steps + steps / 2, np.float32)
            .clip(0, 255)
            .astype(np.uint8)
        )
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    lines = cv2.adaptiveThreshold(
        cv2.GaussianBlur(grey, (0, 0), 1.2),
        255,
        cv2.ADAPTIVE_THRESH_MEAN_C,
        cv2.THRESH_BINARY,
        int(rng.choice([7, 9, 13])),
        float(rng.uniform(3, 8)),
    )[:, :, None]
    if kind == 1:
        return np.asarray(cv2.medianBlur(image, 7) * (lines / np.float32(255)), np.float32).astype(
            np.uint8
        )
    if kind == 2:
        paper = rng.uniform(190, 255, 3)
        ink = rng.uniform(0, 80, 3)
        return np.asarray(ink + (paper - ink) * (lines / 255.0), np.float32).astype(np.uint8)
    if kind == 3:
        return np.asarray(cv2.medianBlur(image, int(rng.choice([5, 7, 9]))), np.uint8)
    if kind == 4:
        smooth = cv2.bilateralFilter(grey, 5, 40, 5).astype(np.float32)[:, :, None] / 255
        dark, light = rng.uniform(0, 110, 3), rng.uniform(170, 255, 3)
        return np.asarray(dark + (light - dark) * smooth, np.float32).astype(np.uint8)
    blurred = cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(4, 9))).astype(np.float32)
    pencil = np.clip(grey / np.maximum(blurred, 1) * 240, 0, 255).astype(np.uint8)
    return np.repeat(pencil[:, :, None], 3, axis=2)
