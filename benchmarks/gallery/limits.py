"""Where portraits go wrong: `python -m benchmarks.gallery.limits --portraits DIR [--faces DIR]`.

Good portraits are made smaller, softer, darker, covered and cut off step by step, and the points
that our mesh then places are compared with those of the untouched picture. With labelled faces it
also tells the error by how far heads are turned. The inspector's limits come from here
(docs/inspect.md).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from benchmarks.gallery.__main__ import find_portraits

from opensonic.engines.mesh.rig import Rig
from opensonic.face import topology
from opensonic.face.detect import FaceDetector
from opensonic.face.mesh import FaceMesh
from opensonic.inspector.measures import Measures, measure_portrait
from opensonic.media.image import read_image
from opensonic.values import Face, Portrait

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Damage = Callable[[Image, Face], tuple[Image, Floats]]
"""Gives a damaged picture, and the (2, 3) matrix from px of the picture to px of the damaged."""

_SAME = np.eye(2, 3, dtype=np.float32)
_PARTS = topology.LIPS + topology.RIGHT_EYE + topology.LEFT_EYE


def _shrink(eye_px: float) -> Damage:
    def damage(image: Image, face: Face) -> tuple[Image, Floats]:
        scale = eye_px / face.eye_distance
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8), _SAME * np.float32(scale)

    return damage


def _blur(sigma_e: float) -> Damage:
    def damage(image: Image, face: Face) -> tuple[Image, Floats]:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_e * face.eye_distance)), _SAME

    return damage


def _darken(gain: float) -> Damage:
    def damage(image: Image, face: Face) -> tuple[Image, Floats]:
        noise = np.random.default_rng(0).normal(0, 2, image.shape)
        return np.clip(image * gain + noise, 0, 255).astype(np.uint8), _SAME

    return damage


def _shade(ratio: float) -> Damage:
    """Darken the left of the picture, softly, across the middle of the face."""

    def damage(image: Image, face: Face) -> tuple[Image, Floats]:
        x = np.arange(image.shape[1]) - face.landmarks[1, 0]
        share = np.clip(0.5 + x / (0.6 * face.eye_distance), 0, 1)[None, :, None]
        return (image * (ratio + (1 - ratio) * share)).astype(np.uint8), _SAME

    return damage


def _cover(points: tuple[int, ...], grow_e: float) -> Damage:
    """Paint a grey-blue rectangle over some landmarks."""

    def damage(image: Image, face: Face) -> tuple[Image, Floats]:
        xy = face.landmarks[list(points), :2]
        low = np.round(xy.min(0) - grow_e * face.eye_distance).astype(int)
        high = np.round(xy.max(0) + grow_e * face.eye_distance).astype(int)
        covered = image.copy()
        cv2.rectangle(covered, low.tolist(), high.tolist(), (70, 80, 110), -1)
        return covered, _SAME

    return damage


def _cut(room_e: float, axis: int) -> Damage:
    """Cut the picture so close to the face's left side, or its chin."""

    def damage(image: Image, face: Face) -> tuple[Image, Floats]:
        oval = face.landmarks[list(topology.FACE_OVAL), :2]
        matrix = _SAME.copy()
        if axis:
            end = round(float(oval[:, 1].max() + room_e * face.eye_distance))
            return np.ascontiguousarray(image[:end]), matrix
        start = max(0, round(float(oval[:, 0].min() - room_e * face.eye_distance)))
        matrix[0, 2] = -start
        return np.ascontiguousarray(image[:, start:]), matrix

    return damage


def list_damages() -> Iterator[tuple[str, Damage]]:
    """Give every damage with its name, from mild to strong."""
    yield "untouched", lambda image, _: (image, _SAME)
    for px in (120, 80, 60, 45, 32, 24, 16):
        yield f"size: {px} px between the eye corners", _shrink(px)
    for sigma in (0.01, 0.02, 0.03, 0.045, 0.06, 0.09):
        yield f"blur: sigma {sigma:g} e", _blur(sigma)
    for gain in (0.5, 0.25, 0.12, 0.06, 1.5, 2.2, 3.2):
        yield f"brightness: x {gain:g}", _darken(gain)
    for ratio in (0.7, 0.5, 0.3, 0.15, 0.05):
        yield f"side light: x {ratio:g}", _shade(ratio)
    for name, points in (
        ("right eye", topology.RIGHT_EYE),
        ("both eyes", topology.RIGHT_EYE + topology.LEFT_EYE),
        ("mouth", topology.LIPS),
        ("half the mouth", (61, 13, 17)),
        ("nose and mouth", (*topology.LIPS, 4, 152, 205, 425)),
        ("chin", (152, 148, 377, 200)),
        ("cheek", (205, 50, 147)),
    ):
        yield f"covered: {name}", _cover(points, 0.06)
    for axis, side in enumerate(("cheek", "chin")):
        for room in (0.3, 0.1, 0.0, -0.1, -0.2, -0.4):
            yield f"cut {room:+g} e from the {side}", _cut(room, axis)


def compare(found: Face, true: Floats) -> tuple[float, float]:
    """Give the mean error of lips and eyes, % of e, and that of the lips' gap, % of its width.

    Args:
        found: What was placed.
        true: (478, 2) float32 where the points are, px.
    """
    e = float(np.linalg.norm(true[33] - true[263]))
    away = np.linalg.norm(found.landmarks[list(_PARTS), :2] - true[list(_PARTS)], axis=-1)
    gaps = [np.linalg.norm(points[13] - points[14]) for points in (found.landmarks[:, :2], true)]
    width = np.linalg.norm(true[61] - true[291])
    return 100 * float(away.mean()) / e, 100 * float(abs(gaps[0] - gaps[1]) / width)


def _look(image: Image, face: Face, damage: Damage) -> tuple[float, float, Measures] | None:
    damaged, matrix = damage(image, face)
    detections = FaceDetector().detect(damaged)
    if not detections:
        return None
    found = FaceMesh().find(damaged, detections[0])
    true = face.landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    portrait = Portrait(damaged, found)
    return *compare(found, true), measure_portrait(portrait, Rig(portrait))


def measure_damages(portraits: list[Path]) -> None:
    """Print the errors and the measures of every damage, medians over the portraits."""
    known = []
    for path in portraits:
        image = read_image(path)
        detections = FaceDetector().detect(image)
        known.append((image, FaceMesh().find(image, detections[0])))
    print(
        f"{'damage':40s} seen  error  worst  gap err  eye px  blur  sure  features side  light"
        "  burnt   room"
    )
    for name, damage in list_damages():
        looks = [look for image, face in known if (look := _look(image, face, damage))]
        if not looks:
            print(f"{name:40s}  0")
            continue
        errors, gaps = np.array([look[:2] for look in looks]).T
        middle = {
            key: float(np.median([getattr(look[2], key) for look in looks]))
            for key in Measures.__dataclass_fields__
        }
        print(
            f"{name:40s} {len(looks):2d}/{len(known):2d} {np.median(errors):5.1f}  "
            f"{errors.max():5.1f}  {np.median(gaps):7.1f}  {middle['eye_px']:6.0f}  "
            f"{middle['blur']:4.2f}  {middle['certainty']:4.2f}  {middle['features']:7.2f}  "
            f"{middle['side_ratio']:4.2f}  {middle['light']:5.0f}  {middle['burnt']:5.2f}  "
            f"{middle['room']:5.2f}",
            flush=True,
        )


def measure_turns(folder: Path) -> None:
    """Print the error by the turn of the head, over labelled validation faces."""
    from opensonic.engines.mesh.camera import fit_camera
    from opensonic.face.detect import Detection

    with np.load(folder / "mesh_labels.npz", allow_pickle=False) as data:
        names, labels, split = data["names"], data["landmarks"], data["split"]
    mesh, turns, errors = FaceMesh(), [], []
    for row in np.flatnonzero(split == 1)[::2]:
        e = float(np.linalg.norm(labels[row, 33] - labels[row, 263]))
        facing = fit_camera(labels[row], e).rotation[2, 2]
        turn = float(np.degrees(np.arccos(np.clip(facing, -1, 1))))
        if turn < 20 and row % 4:
            continue
        box = np.concatenate([labels[row, :, :2].min(0), labels[row, :, :2].max(0)])
        keys = labels[row][[468, 473, 4, 13, 234, 454], :2]
        image = read_image(folder / "mesh" / str(names[row]))
        detection = Detection(box.astype(np.float32), keys.astype(np.float32), 1.0)
        turns.append(turn)
        errors.append(compare(mesh.find(image, detection), labels[row, :, :2]))
    edges = (0, 10, 20, 25, 30, 35, 40, 50, 90)
    print("turn, degrees   faces  error %e: median  90th   gap error: median  90th")
    for low, high in pairwise(edges):
        here = np.array([e for t, e in zip(turns, errors, strict=True) if low <= t < high])
        if len(here):
            p50, p90 = np.percentile(here, (50, 90), axis=0)
            print(
                f"{low:3d} to {high:3d}      {len(here):5d}  {p50[0]:15.1f}  {p90[0]:4.1f}  "
                f"{p50[1]:17.1f}  {p90[1]:4.1f}"
            )


def main() -> int:
    """Print the tables; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery.limits")
    parser.add_argument("--portraits", type=Path, required=True, help="folder of good portraits")
    parser.add_argument("--faces", type=Path, help="folder of labelled faces")
    options = parser.parse_args()
    measure_damages(find_portraits(options.portraits))
    if options.faces:
        measure_turns(options.faces)
    return 0


if __name__ == "__main__":
    sys.exit(main())
