"""Faces drawn from a few ellipses and strokes: flat characters for the detector to learn."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.train.detector.data import faces_from_points
from opensonic.train.detector.patterns import draw_pattern, random_colour

_SIZE = 256
_SKINS = (
    (255, 224, 189),
    (241, 194, 125),
    (198, 134, 66),
    (141, 85, 36),
    (255, 219, 172),
    (92, 58, 32),
)

Image = npt.NDArray[np.uint8]
Pair = tuple[int, int]


def _whole(x: float, y: float) -> Pair:
    return round(x), round(y)


def _eye(
    image: Image,
    rng: np.random.Generator,
    at: Pair,
    axes: Pair,
    ink: tuple[int, int, int],
    style: int,
) -> None:
    if style == 0:
        cv2.circle(image, at, max(2, axes[1] // 2), ink, -1, cv2.LINE_AA)
        return
    if style == 1:
        cv2.ellipse(image, at, (axes[0], max(1, axes[1] // 2)), 0, 180, 360, ink, 3, cv2.LINE_AA)
        return
    cv2.ellipse(image, at, axes, 0, 0, 360, (255, 255, 255), -1, cv2.LINE_AA)
    cv2.ellipse(image, at, axes, 0, 0, 360, ink, int(rng.integers(1, 4)), cv2.LINE_AA)
    iris = max(2, int(min(axes) * rng.uniform(0.5, 0.95)))
    cv2.circle(image, at, iris, random_colour(rng), -1, cv2.LINE_AA)
    cv2.circle(image, at, max(1, iris // 2), (10, 10, 10), -1, cv2.LINE_AA)
    cv2.circle(
        image, (at[0] - iris // 3, at[1] - iris // 3), max(1, iris // 4), (255, 255, 255), -1
    )


def _mouth(
    image: Image, rng: np.random.Generator, at: Pair, width: int, ink: tuple[int, int, int]
) -> None:
    kind = rng.integers(0, 4)
    depth = max(2, int(width * rng.uniform(0.15, 0.7)))
    if kind == 0:
        cv2.ellipse(
            image, at, (width, depth), 0, 20, 160, ink, int(rng.integers(2, 5)), cv2.LINE_AA
        )
    elif kind == 1:
        cv2.ellipse(image, at, (width, depth), 0, 0, 180, (150, 30, 40), -1, cv2.LINE_AA)
        cv2.rectangle(
            image,
            (at[0] - width // 2, at[1]),
            (at[0] + width // 2, at[1] + depth // 4),
            (255, 255, 255),
            -1,
        )
    elif kind == 2:
        cv2.ellipse(
            image, at, (width, max(2, depth // 3)), 0, 0, 360, (190, 80, 90), -1, cv2.LINE_AA
        )
        cv2.line(image, (at[0] - width, at[1]), (at[0] + width, at[1]), ink, 2, cv2.LINE_AA)
    else:
        cv2.line(image, (at[0] - width, at[1]), (at[0] + width, at[1]), ink, 2, cv2.LINE_AA)


def _head(
    image: Image, rng: np.random.Generator, centre: Pair, axes: Pair, ink: tuple[int, int, int]
) -> None:
    x, y = centre
    skin = _SKINS[int(rng.integers(0, len(_SKINS)))] if rng.random() < 0.8 else random_colour(rng)
    hair = random_colour(rng)
    cv2.rectangle(image, (x - axes[0] // 2, y), (x + axes[0] // 2, _SIZE), skin, -1)
    cv2.ellipse(
        image, (x, _SIZE + 20), (axes[0] * 2, 60), 0, 180, 360, random_colour(rng), -1, cv2.LINE_AA
    )
    if rng.random() < 0.8:
        grown = (int(axes[0] * rng.uniform(1.05, 1.4)), int(axes[1] * rng.uniform(1.05, 1.3)))
        cv2.ellipse(image, (x, y - axes[1] // 6), grown, 0, 0, 360, hair, -1, cv2.LINE_AA)
    if rng.random() < 0.6:
        for side in (-1, 1):
            ear = (x + side * axes[0], y)
            cv2.ellipse(image, ear, (axes[0] // 6, axes[1] // 6), 0, 0, 360, skin, -1, cv2.LINE_AA)
    cv2.ellipse(image, centre, axes, 0, 0, 360, skin, -1, cv2.LINE_AA)
    if rng.random() < 0.5:
        cv2.ellipse(image, centre, axes, 0, 0, 360, ink, int(rng.integers(1, 4)), cv2.LINE_AA)
    if rng.random() < 0.8:
        start = 180 + int(rng.integers(-10, 25))
        fringe = (axes[0], int(axes[1] * rng.uniform(0.9, 1.05)))
        cv2.ellipse(
            image,
            (x, y),
            fringe,
            0,
            start,
            540 - start,
            hair,
            int(axes[1] * rng.uniform(0.1, 0.3)),
            cv2.LINE_AA,
        )


def draw_cartoon(rng: np.random.Generator) -> tuple[Image, npt.NDArray[np.float32]]:
    """Draw one flat character.

    Returns:
        (256, 256, 3) uint8 RGB picture and its (1, 15) float32 face row (see `data.Picture`).
    """
    image = (
        draw_pattern(rng, _SIZE)
        if rng.random() < 0.5
        else np.full((_SIZE, _SIZE, 3), random_colour(rng), np.uint8)
    )
    ink = (20, 15, 15) if rng.random() < 0.8 else random_colour(rng)
    x, y = (int(v) for v in rng.integers(118, 139, 2))
    half = rng.uniform(48, 64)
    tall = half * rng.uniform(1.0, 1.4)
    _head(image, rng, (x, y), _whole(half, tall), ink)
    turn = rng.uniform(-0.25, 0.25) * half
    gap, eye_y = half * rng.uniform(0.36, 0.5), y - tall * rng.uniform(-0.05, 0.2)
    nose_y, mouth_y = y + tall * rng.uniform(0.2, 0.35), y + tall * rng.uniform(0.45, 0.62)
    eye_axes = _whole(half * rng.uniform(0.12, 0.26), half * rng.uniform(0.07, 0.3))
    style = int(rng.integers(0, 7))
    for side in (-1, 1):
        at = _whole(x + turn + side * gap, eye_y)
        _eye(image, rng, at, eye_axes, ink, style)
        if rng.random() < 0.9:
            lift = eye_axes[1] + half * 0.15
            cv2.ellipse(
                image,
                (at[0], int(at[1] - lift + 8)),
                (eye_axes[0] + 4, 10),
                0,
                200,
                340,
                ink,
                3,
                cv2.LINE_AA,
            )
    nose = _whole(x + 1.3 * turn, nose_y)
    if rng.random() < 0.85:
        cv2.ellipse(image, nose, _whole(half * 0.1, half * 0.07), 0, -20, 200, ink, 2, cv2.LINE_AA)
    mouth = _whole(x + turn, mouth_y)
    _mouth(image, rng, mouth, int(half * rng.uniform(0.15, 0.4)), ink)
    ear_y = eye_y + 0.1 * tall
    points = [
        (x + turn - gap, eye_y),
        (x + turn + gap, eye_y),
        nose,
        mouth,
        (x - 0.95 * half, ear_y),
        (x + 0.95 * half, ear_y),
    ]
    return image, faces_from_points(np.array([points], np.float32))
