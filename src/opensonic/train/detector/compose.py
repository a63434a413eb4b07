"""Training pictures: scenes, faces that fill the frame, mosaics of pasted faces, and negatives.

Everything is drawn by one random generator, so that a seed fixes the whole course of training.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from opensonic.train.detector.cartoons import draw_cartoon
from opensonic.train.detector.data import Picture, is_turned
from opensonic.train.detector.mix import BROAD, Mix
from opensonic.train.detector.patterns import draw_pattern, random_colour
from opensonic.train.detector.photometry import distort, stylise
from opensonic.train.detector.sample import (
    Floats,
    Image,
    Placement,
    Sample,
    build_similarity,
    move_boxes,
)

FACELESS_SOURCES = ("jetson", "mpipe_test", "sam2")
"""Whose unlabelled pictures hold no large face; unlabelled portraits may hold a missed one."""


class Composer:
    """Draws training pictures.

    Args:
        crops: Face crops, one face each, background cut off at `valid`.
        scenes: Whole pictures with all their faces.
        rng: Source of all chance.
        mix: Shares of the kinds of pictures.
    """

    def __init__(
        self,
        crops: list[Picture],
        scenes: list[Picture],
        rng: np.random.Generator,
        mix: Mix = BROAD,
    ) -> None:
        self.crops = crops
        self.turned_crops = [k for k, p in enumerate(crops) if is_turned(p.faces).any()]
        self.scenes = [(p, p.image()) for p in scenes]
        self.with_faces = [k for k, p in enumerate(scenes) if len(p.faces)]
        self.turned_scenes = [k for k, p in enumerate(scenes) if is_turned(p.faces).any()]
        self.without = [
            k for k, p in enumerate(scenes) if not len(p.faces) and p.source in FACELESS_SOURCES
        ]
        self.rng = rng
        self.mix = mix

    def draw(self, size: int) -> Sample:
        """Draw one sample with a picture of `size` x `size` pixels."""
        kinds = (self._scene, self._close_up, self._mosaic, self._negative)
        limits = np.cumsum(self.mix.shares[:-1]) - 1e-9
        sample = kinds[int(np.searchsorted(limits, self.rng.random(), side="right"))](size)
        if self.rng.random() < 0.12 and len(sample.faces):
            sample.image = stylise(sample.image, self.rng)
        sample.image = distort(sample.image, self.rng)
        return sample.settle(size)

    def _angle(self) -> float:
        if self.rng.random() < 0.35:
            return 0.0
        return float(np.deg2rad(np.clip(self.rng.normal(0, self.mix.tilt_deg), -38, 38)))

    def _pick(self, every: Sequence[int], turned: Sequence[int]) -> int:
        if self.mix.turned > 0 and turned and self.rng.random() < self.mix.turned:
            every = turned
        return every[int(self.rng.integers(0, len(every)))]

    def _aim(self, face: Floats, side: float, end: Floats) -> Placement:
        scale = side / float(face[2])
        mirror = bool(self.rng.random() < 0.5)
        matrix = build_similarity(scale, self._angle(), face[:2], end, mirror)
        return Placement(matrix, scale, mirror)

    def _crop_mask(self, picture: Picture, shape: tuple[int, int]) -> Floats:
        """Soft oval around the head, or soft rectangle of the real pixels."""
        height, width = shape
        mask = np.zeros((height, width), np.float32)
        x0, y0, x1, y1 = (round(v) for v in picture.valid)
        cx, cy, side = (float(v) for v in picture.faces[0, :3])
        if self.rng.random() < 0.5:
            wide, tall = self.rng.uniform(0.55, 0.75), self.rng.uniform(0.72, 1.0)
            axes = (int(wide * side), int(tall * side))
            cv2.ellipse(mask, (int(cx), int(cy - 0.08 * side)), axes, 0, 0, 360, 1.0, -1)
            mask[:y0] = mask[y1:] = 0
            mask[:, :x0] = mask[:, x1:] = 0
        else:
            mask[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2] = 1
        if self.rng.random() < 0.75:
            mask = _blurred(mask, int(self.rng.integers(2, 24)))
            mask[[0, -1]] = mask[:, [0, -1]] = 0
        return mask

    def _face_source(self) -> tuple[Picture, Image]:
        if self.rng.random() < 0.10:
            image, faces = draw_cartoon(self.rng)
            edge = float(image.shape[0])
            none = np.zeros((0, 4), np.float32)
            return Picture(
                np.zeros(0, np.uint8), faces, none, (0, 0, edge, edge), "cartoon", "drawn"
            ), image
        picture = self.crops[self._pick(range(len(self.crops)), self.turned_crops)]
        image = picture.image()
        if self.rng.random() < 0.12:
            image = stylise(image, self.rng)
        return picture, image

    def _plain(self, size: int) -> Sample:
        return Sample(np.full((size, size, 3), random_colour(self.rng), np.uint8))

    def _background(self, size: int) -> Sample:
        """What faces are pasted on; itself nearly always without a face."""
        if self.mix.elsewhere > 0 and self.rng.random() < self.mix.elsewhere:
            return self._elsewhere(size)
        if self.mix.blended > 0 and self.rng.random() < self.mix.blended:
            first, second = self._faceless(size), self._faceless(size)
            weight = float(self.rng.uniform(0.3, 0.7))
            image = cv2.addWeighted(first.image, weight, second.image, 1 - weight, 0)
            ignore = np.concatenate([first.ignore, second.ignore])
            return Sample(np.asarray(image, np.uint8), ignore=ignore)
        return self._faceless(size)

    def _elsewhere(self, size: int) -> Sample:
        """Any part of a labelled scene, enlarged: clothes, hands, rooms, now and then the face."""
        picture, image = self.scenes[
            self.with_faces[int(self.rng.integers(0, len(self.with_faces)))]
        ]
        height, width = image.shape[:2]
        window = self.rng.uniform(80, min(height, width))
        start = (self.rng.uniform(0, 1, 2) * [width, height]).astype(np.float32)
        scale, mirror = float(size / window), bool(self.rng.random() < 0.5)
        end = np.full(2, size / 2, np.float32)
        place = Placement(build_similarity(scale, self._angle(), start, end, mirror), scale, mirror)
        sample = self._plain(size)
        share = sample.paste(image, None, place)
        sample.add(share, picture.faces, picture.ignore, place)
        return sample

    def _faceless(self, size: int) -> Sample:
        """A faceless scene, a pattern, or a stretched bit of clothing or backdrop."""
        kind = self.rng.random()
        if kind < 0.55:
            picture, image = self.scenes[self.without[int(self.rng.integers(0, len(self.without)))]]
            height, width = image.shape[:2]
            scale = size / min(height, width) * np.exp(self.rng.uniform(-0.1, 1.0))
            start = np.array(
                [self.rng.uniform(0.3, 0.7) * width, self.rng.uniform(0.3, 0.7) * height],
                np.float32,
            )
            mirror = bool(self.rng.random() < 0.5)
            angle = self._angle() * (1 if self.rng.random() < 0.7 else 4)
            place = Placement(
                build_similarity(scale, angle, start, np.full(2, size / 2, np.float32), mirror),
                scale,
                mirror,
            )
            sample = Sample(np.zeros((size, size, 3), np.uint8))
            sample.paste(image, None, Placement(place.matrix, scale, mirror))
            sample.image = _fill(sample.image, image, place, size)
            sample.ignore = move_boxes(picture.ignore, place.matrix)
            return sample
        if kind < 0.8:
            return Sample(draw_pattern(self.rng, size))
        bit = cv2.resize(self._faceless_bit(), (size, size), interpolation=cv2.INTER_CUBIC)
        return Sample(np.asarray(bit, np.uint8))

    def _faceless_bit(self) -> Image:
        """Cut something that is no face out of a crop: cloth, hair, one eye, shuffled tiles."""
        picture, image = self._face_source()
        cx, cy, side = (float(v) for v in picture.faces[0, :3])
        kind = self.rng.random()
        if kind < 0.4:
            point = picture.faces[0, 3:].reshape(6, 2)[int(self.rng.integers(0, 6))]
            half = side * self.rng.uniform(0.1, 0.22)
            x, y = point
        elif kind < 0.7:
            half = side * 0.55
            x, y = cx, cy
        else:
            half = side * self.rng.uniform(0.15, 0.3)
            x = float(self.rng.choice([half + 1, image.shape[1] - half - 1]))
            y = float(self.rng.uniform(half + 1, image.shape[0] - half - 1))
        x0, x1 = np.clip([x - half, x + half], 0, image.shape[1] - 1).astype(int)
        y0, y1 = np.clip([y - half, y + half], 0, image.shape[0] - 1).astype(int)
        bit = image[y0 : max(y1, y0 + 4), x0 : max(x1, x0 + 4)]
        return self._shuffled(bit) if 0.4 <= kind < 0.7 else np.ascontiguousarray(bit)

    def _shuffled(self, bit: Image) -> Image:
        n = int(self.rng.integers(3, 6))
        step = 24
        square = cv2.resize(bit, (n * step, n * step), interpolation=cv2.INTER_AREA)
        tiles = square.reshape(n, step, n, step, 3).swapaxes(1, 2).reshape(n * n, step, step, 3)
        tiles = tiles[self.rng.permutation(n * n)]
        return np.ascontiguousarray(
            tiles.reshape(n, n, step, step, 3).swapaxes(1, 2).reshape(n * step, n * step, 3)
        )

    def _scene(self, size: int) -> Sample:
        """A labelled scene, cut so that one of its faces gets a size drawn evenly in octaves."""
        picture, image = self.scenes[self._pick(self.with_faces, self.turned_scenes)]
        face = picture.faces[int(self.rng.integers(0, len(picture.faces)))]
        side = float(np.exp(self.rng.uniform(np.log(14), np.log(0.85 * size))))
        side = min(side, 3.0 * float(face[2]))
        end = self.rng.uniform(0.2, 0.8, 2).astype(np.float32) * size
        place = self._aim(face, side, end)
        covers = place.scale * min(image.shape[:2]) / size
        sample = self._background(size) if covers < 0.9 else self._plain(size)
        share = sample.paste(image, None, place)
        sample.add(share, picture.faces, picture.ignore, place)
        if self.rng.random() < 0.25:
            self._paste_faces(sample, 1)
        return sample

    def _close_up(self, size: int) -> Sample:
        """One face crop that fills much of the frame or all of it."""
        picture, image = self._face_source()
        side = size * self.rng.uniform(0.3, 1.1)
        jitter = self.rng.normal(0, 0.10, 2).astype(np.float32) * max(0.15, 1.1 - side / size)
        end = (0.5 + np.clip(jitter, -0.3, 0.3)) * size
        place = self._aim(picture.faces[0], side, end.astype(np.float32))
        sample = self._background(size) if self.rng.random() < 0.5 else self._plain(size)
        sample.ignore = sample.ignore[:0] if side > 0.7 * size else sample.ignore
        mask = (
            None
            if self.rng.random() < 0.4
            else self._crop_mask(picture, (image.shape[0], image.shape[1]))
        )
        share = sample.paste(image, mask, place)
        sample.add(share, picture.faces, picture.ignore, place)
        return sample

    def _mosaic(self, size: int) -> Sample:
        """Faces of many sizes, and patches that only look pasted, on a faceless background."""
        sample = self._background(size)
        if self.rng.random() < 0.3:
            self._paste_bits(sample, int(self.rng.integers(1, 4)))
        self._paste_faces(sample, int(self.rng.integers(1, 7)))
        return sample

    def _negative(self, size: int) -> Sample:
        sample = self._background(size)
        if self.rng.random() < 0.4:
            self._paste_bits(sample, int(self.rng.integers(1, 5)))
        return sample

    def _paste_faces(self, sample: Sample, count: int) -> None:
        size = sample.image.shape[0]
        largest = 0.75 * size / np.sqrt(count)
        for _ in range(count):
            picture, image = self._face_source()
            side = float(np.exp(self.rng.uniform(np.log(self.mix.smallest_px), np.log(largest))))
            end = self.rng.uniform(0.02, 0.98, 2).astype(np.float32) * size
            place = self._aim(picture.faces[0], side, end)
            mask = self._crop_mask(picture, (image.shape[0], image.shape[1]))
            share = sample.paste(image, mask, place)
            sample.add(share, picture.faces, picture.ignore, place)

    def _paste_bits(self, sample: Sample, count: int) -> None:
        size = sample.image.shape[0]
        for _ in range(count):
            bit = self._faceless_bit() if self.rng.random() < 0.6 else draw_pattern(self.rng, 96)
            image = cv2.resize(bit, (96, 96))
            mask = np.zeros((96, 96), np.float32)
            cv2.ellipse(mask, (48, 48), (40, 46), 0, 0, 360, 1.0, -1)
            mask = _blurred(mask, int(self.rng.integers(2, 16)))
            side = float(np.exp(self.rng.uniform(np.log(10), np.log(0.6 * size))))
            row = np.array([48, 48, 96], np.float32)
            place = self._aim(row, side, self.rng.uniform(0, 1, 2).astype(np.float32) * size)
            share = sample.paste(np.asarray(image, np.uint8), mask, place)
            sample.hide(share)


def _fill(canvas: Image, image: Image, place: Placement, size: int) -> Image:
    """Repeat a faceless scene as a mirror image where its warp leaves the canvas empty."""
    return np.asarray(
        cv2.warpAffine(
            image,
            place.matrix,
            (size, size),
            dst=canvas,
            flags=cv2.INTER_AREA,
            borderMode=cv2.BORDER_REFLECT_101,
        ),
        np.uint8,
    )


def _blurred(mask: Floats, width: int) -> Floats:
    return np.asarray(cv2.blur(mask, (width, width)), np.float32)
