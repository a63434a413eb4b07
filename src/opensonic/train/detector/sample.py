"""A training picture under construction, and how labels move with the pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SMALLEST_FACE_PX = 9.0
"""Smaller faces are neither face nor background."""
_MIRRORED_POINTS = (1, 0, 2, 3, 5, 4)


def corners(faces: Floats) -> Floats:
    """Turn (N, 15) face rows into (N, 4) xyxy boxes."""
    half = faces[:, 2:3] / 2
    return np.concatenate([faces[:, :2] - half, faces[:, :2] + half], axis=1)


def build_similarity(
    scale: float, angle: float, start: Floats, end: Floats, mirror: bool
) -> Floats:
    """Build the (2, 3) matrix that scales, turns (radians), mirrors, and brings start to end."""
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[c, -s], [s, c]]) @ np.diag([-1.0 if mirror else 1.0, 1.0])
    return np.concatenate([linear, (end - linear @ start)[:, None]], axis=1).astype(np.float32)


def move_faces(faces: Floats, matrix: Floats, scale: float, mirror: bool) -> Floats:
    """Move (N, 15) face rows; box sides grow by `scale`, left and right swap in a mirror."""
    if not len(faces):
        return faces
    points = np.concatenate([faces[:, :2], faces[:, 3:]], axis=1).reshape(len(faces), 7, 2)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    if mirror:
        moved[:, 1:] = moved[:, 1:][:, list(_MIRRORED_POINTS)]
    flat = moved.reshape(len(faces), 14)
    return np.concatenate([flat[:, :2], faces[:, 2:3] * scale, flat[:, 2:]], axis=1).astype(
        np.float32
    )


def move_boxes(boxes: Floats, matrix: Floats) -> Floats:
    """Move (N, 4) xyxy boxes; the result is upright again and holds the turned box."""
    if not len(boxes):
        return boxes
    square = np.stack(
        [boxes[:, [0, 1]], boxes[:, [2, 1]], boxes[:, [2, 3]], boxes[:, [0, 3]]], axis=1
    )
    moved = square @ matrix[:, :2].T + matrix[:, 2]
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a source picture goes: a similarity from its pixels to those of the sample."""

    matrix: Floats
    scale: float
    mirror: bool


@dataclass(eq=False)
class Sample:
    """One training picture under construction.

    Attributes:
        image: (S, S, 3) uint8, RGB.
        faces: (N, 15) float32 rows as in `data.Picture.faces`, px.
        ignore: (M, 4) float32 xyxy boxes left out of the loss, px.
    """

    image: Image
    faces: Floats = field(default_factory=lambda: np.zeros((0, 15), np.float32))
    ignore: Floats = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    def paste(self, image: Image, mask: Floats | None, place: Placement) -> Floats:
        """Warp `image` into the picture; returns the (S, S) float32 share that it covers."""
        size = self.image.shape[0]
        matrix, shrink = place.matrix, min(1.0, place.scale * 1.3)
        if shrink < 0.75:
            image = np.asarray(
                cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA),
                np.uint8,
            )
            matrix = matrix.copy()
            matrix[:, :2] /= shrink
        else:
            shrink = 1.0
        if mask is None:
            mask = np.ones(image.shape[:2], np.float32)
        else:
            mask = np.asarray(cv2.resize(mask, image.shape[1::-1]), np.float32)
        share = np.zeros((size, size), np.float32)
        whole = np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32)
        x0, y0, x1, y1 = np.clip(move_boxes(whole, matrix)[0] + [-1, -1, 1, 1], 0, size).astype(int)
        if x1 <= x0 or y1 <= y0:
            return share
        matrix = matrix - np.array([[0, 0, x0], [0, 0, y0]], np.float32)
        warped, part = (
            cv2.warpAffine(
                what,
                matrix,
                (int(x1 - x0), int(y1 - y0)),
                flags=cv2.INTER_LINEAR,
                borderMode=border,
            )
            for what, border in ((image, cv2.BORDER_REPLICATE), (mask, cv2.BORDER_CONSTANT))
        )
        below = self.image[y0:y1, x0:x1]
        below[:] = below + (warped.astype(np.float32) - below) * part[:, :, None]
        share[y0:y1, x0:x1] = part
        return share

    def add(self, share: Floats, faces: Floats, ignore: Floats, place: Placement) -> None:
        """Hide what the new patch covers and enter its own labels."""
        self.hide(share)
        moved = move_faces(faces, place.matrix, place.scale, place.mirror)
        self.faces = np.concatenate([self.faces, moved])
        self.ignore = np.concatenate([self.ignore, move_boxes(ignore, place.matrix)])

    def hide(self, share: Floats) -> None:
        """Drop the faces that a patch covers; those half covered are ignored from now on."""
        size = share.shape[0]
        covered = np.zeros(len(self.faces))
        for k, box in enumerate(corners(self.faces)):
            x0, y0, x1, y1 = np.clip(box, 0, size).astype(int)
            if x1 > x0 and y1 > y0:
                covered[k] = share[y0:y1, x0:x1].mean()
        half = (covered >= 0.2) & (covered < 0.9)
        self.ignore = np.concatenate([self.ignore, corners(self.faces[half])])
        self.faces = self.faces[covered < 0.2]

    def settle(self, size: int) -> Sample:
        """Move faces that are too small or mostly outside the picture to `ignore`."""
        boxes = corners(self.faces)
        inside = np.clip(boxes, 0, size)
        area = np.prod(inside[:, 2:] - inside[:, :2], axis=1)
        share = area / np.maximum(self.faces[:, 2] ** 2, 1e-6)
        good = (self.faces[:, 2] >= SMALLEST_FACE_PX) & (share > 0.55)
        self.ignore = np.concatenate([self.ignore, boxes[~good & (share > 0.05)]])
        self.faces = self.faces[good]
        return self
