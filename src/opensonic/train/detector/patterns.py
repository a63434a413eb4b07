"""Pictures without a face that look busy: backgrounds and hard negatives made from numbers."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

_LETTERS = np.array(list("ABCDEFGHKLMNOPRSTUVWXYZabcdeghkmnopqrstuwxyz0123456789@&%#?!:;()=+"))


def random_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Draw an RGB colour, half of the time a grey or earthen one."""
    if rng.random() < 0.5:
        red, green, blue = rng.integers(0, 256, 3)
    else:
        base = rng.integers(20, 240)
        red, green, blue = np.clip(base + np.array([20, 0, -20]) * rng.uniform(-0.5, 2), 0, 255)
    return int(red), int(green), int(blue)


def _gradient(rng: np.random.Generator, size: int) -> Image:
    corners = rng.integers(0, 256, (2, 2, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(corners, (size, size)), np.uint8)


def _clouds(rng: np.random.Generator, size: int) -> Image:
    total = np.full((size, size, 3), 127.0, np.float32)
    grain = int(rng.choice([3, 5, 9]))
    strength = rng.uniform(30, 80)
    grey = rng.random() < 0.4
    while grain < size and strength > 4:
        noise = rng.normal(0, strength, (grain, grain, 1 if grey else 3)).astype(np.float32)
        layer = cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
        total += layer.reshape(size, size, -1)
        grain, strength = grain * 2, strength * rng.uniform(0.4, 1.0)
    return np.clip(total, 0, 255).astype(np.uint8)


def _stripes(rng: np.random.Generator, size: int) -> Image:
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    wave = np.zeros((size, size), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        angle, period = rng.uniform(0, np.pi), rng.uniform(5, size / 2)
        bend = rng.uniform(0, 8) * np.sin(y / rng.uniform(10, 50))
        wave += np.sin(2 * np.pi * ((x + bend) * np.cos(angle) + y * np.sin(angle)) / period)
    share = (np.tanh(wave * rng.uniform(0.5, 8)) + 1)[:, :, None] / 2
    first, second = (np.array(random_colour(rng), np.float32) for _ in range(2))
    return np.asarray(first * share + second * (1 - share), np.uint8)


def _shapes(rng: np.random.Generator, size: int) -> Image:
    image = _gradient(rng, size) if rng.random() < 0.5 else _clouds(rng, size)
    for _ in range(int(rng.integers(4, 40))):
        colour = random_colour(rng)
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        radius = int(np.exp(rng.uniform(1, np.log(size / 3))))
        kind = rng.integers(0, 5)
        thickness = -1 if rng.random() < 0.6 else int(rng.integers(1, 5))
        if kind == 0:
            cv2.circle(image, centre, radius, colour, thickness, cv2.LINE_AA)
        elif kind == 1:
            axes = (radius, max(1, int(radius * rng.uniform(0.3, 1))))
            cv2.ellipse(
                image, centre, axes, rng.uniform(0, 180), 0, 360, colour, thickness, cv2.LINE_AA
            )
        elif kind == 2:
            corner = (centre[0] + radius, centre[1] + int(radius * rng.uniform(0.3, 2)))
            cv2.rectangle(image, centre, corner, colour, thickness, cv2.LINE_AA)
        elif kind == 3:
            corners = (
                np.array(centre) + rng.normal(0, radius, (int(rng.integers(3, 7)), 2))
            ).astype(np.int32)
            cv2.fillPoly(image, [corners], colour, cv2.LINE_AA)
        else:
            end = tuple(int(v) for v in rng.integers(0, size, 2))
            cv2.line(image, centre, end, colour, int(rng.integers(1, 8)), cv2.LINE_AA)
    return image


def _text(rng: np.random.Generator, size: int) -> Image:
    image = _gradient(rng, size) if rng.random() < 0.6 else np.full((size, size, 3), 255, np.uint8)
    scale = float(np.exp(rng.uniform(-1.2, 1.6)))
    font = int(rng.integers(0, 8))
    colour = random_colour(rng)
    height = int(30 * scale) + 4
    for y in range(height, size + height, height):
        line = "".join(rng.choice(_LETTERS, int(rng.integers(3, 60))))
        start = (int(rng.integers(-20, 20)), y)
        cv2.putText(image, line, start, font, scale, colour, max(1, int(2 * scale)), cv2.LINE_AA)
    return image


def _rings(rng: np.random.Generator, size: int) -> Image:
    image = _shapes(rng, size)
    for _ in range(int(rng.integers(1, 6))):
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        radius = int(np.exp(rng.uniform(2, np.log(size / 4))))
        while radius > 1:
            cv2.circle(image, centre, radius, random_colour(rng), -1, cv2.LINE_AA)
            radius = int(radius * rng.uniform(0.4, 0.85))
    return image


def _grain(rng: np.random.Generator, size: int) -> Image:
    side = max(2, size // int(rng.choice([1, 1, 2, 4, 8])))
    noise = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    if rng.random() < 0.5:
        noise[:] = noise[:, :, :1]
    return np.asarray(cv2.resize(noise, (size, size)), np.uint8)


_KINDS = (_gradient, _clouds, _stripes, _shapes, _text, _rings, _grain)


def draw_pattern(rng: np.random.Generator, size: int) -> Image:
    """Draw one faceless picture: (size, size, 3) uint8, RGB."""
    kind = _KINDS[int(rng.integers(0, len(_KINDS)))]
    return np.ascontiguousarray(kind(rng, size), dtype=np.uint8)
