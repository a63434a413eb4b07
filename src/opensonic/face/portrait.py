"""From a picture to a portrait: which face speaks, what is cut away, how large the video is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.errors import NoFaceError
from opensonic.face.crop import expand_box, square_crop
from opensonic.face.detect import Detection, FaceDetector
from opensonic.face.mesh import FaceMesh
from opensonic.settings import (
    DEFAULT_EXPAND_RATIO,
    MAX_OWN_RESOLUTION,
    PUBLISHED_EXPAND_RATIO,
    Settings,
)
from opensonic.values import Face, Portrait

Image = npt.NDArray[np.uint8]

MAX_LONG_SIDE = 4096
"""Long side of the video, px: what common H.264 players take."""
MIN_FACE_PX = 32
"""Faces smaller than this in the given picture are refused."""
SMALL_FACE_PX = 96
"""Faces smaller than this in the given picture get a warning."""
MIN_SCORE, SURE_SCORE = 0.25, 0.6
"""Certainty of detector and mesh together: below the first the face is refused, below the second
there is a warning."""
MAX_YAW_DEG = 30.0
"""Faces turned further than this get a warning."""


@dataclass(frozen=True)
class Prepared:
    """A portrait ready for an engine, and what the user should know about it.

    Attributes:
        portrait: The picture at the size of the video, both sides even.
        notes: Facts (which face, which size).
        warnings: What may look wrong, and what to do.
    """

    portrait: Portrait
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def prepare_portrait(
    image: Image, name: str, settings: Settings, *, keep_original: bool = False
) -> Prepared:
    """Find the face that shall speak and bring the picture to the size of the video.

    Args:
        image: (H, W, 3) uint8, RGB.
        name: What messages call the picture.
        settings: `face`, `crop`, `expand_ratio`, `compat` and `min_resolution` are read.
        keep_original: Whether the portrait shall hold the picture before it was resized, too.

    Raises:
        NoFaceError: There is no face, it is too small, or the chosen one does not exist.
    """
    found = FaceDetector().detect(image) if min(image.shape[:2]) >= MIN_FACE_PX else []
    detection = choose_face(found, settings.face_choice(), name)
    face = FaceMesh().find(image, detection)
    if face.score < MIN_SCORE:
        x, y = detection.box[0::2].mean(), detection.box[1::2].mean()
        raise NoFaceError(
            f"{name}: what looks like a face at {x:.0f},{y:.0f} has no clear eyes, nose and mouth; "
            "expected a face seen from the front or half from the side; try another picture"
        )
    notes, warnings = _remarks(found, detection, face, settings)
    if settings.crop:
        image, face = _crop(image, face, settings)
    original = Portrait(image, face, name) if keep_original else None
    image, face, size_notes = _resize(image, face, settings.min_resolution)
    return Prepared(Portrait(image, face, name, original), (*notes, *size_notes), tuple(warnings))


def choose_face(
    found: list[Detection], choice: str | int | tuple[float, float], name: str
) -> Detection:
    """Take one of the faces found.

    Args:
        found: The faces, largest first.
        choice: "largest", a number from 0 (largest first), or a point in px.
        name: What messages call the picture.

    Raises:
        NoFaceError: There is no face, or none that fits the choice, or it is too small.
    """
    if not found:
        raise NoFaceError(
            f"{name}: no face found; expected a picture in which a face is seen from the front or "
            "half from the side, at least 96 px high; try a closer or sharper picture"
        )
    detection = _pick(found, choice, name)
    size = _side(detection)
    if size < MIN_FACE_PX:
        raise NoFaceError(
            f"{name}: the face is only {size:.0f} px large; expected at least {MIN_FACE_PX} px, "
            f"better {SMALL_FACE_PX * 2}; use a larger or closer picture"
        )
    return detection


def _pick(found: list[Detection], choice: str | int | tuple[float, float], name: str) -> Detection:
    if isinstance(choice, str):
        return found[0]
    if isinstance(choice, int):
        if choice >= len(found):
            raise NoFaceError(
                f"{name}: face {choice} was asked for, but {_count(found)} found; "
                f"expected a number from 0 to {len(found) - 1}, the largest face being 0"
            )
        return found[choice]
    x, y = choice
    for detection in found:
        x0, y0, x1, y1 = detection.box
        if x0 <= x <= x1 and y0 <= y <= y1:
            return detection
    centres = ", ".join(f"{d.box[0::2].mean():.0f},{d.box[1::2].mean():.0f}" for d in found)
    raise NoFaceError(
        f"{name}: no face at {x:g},{y:g}; {_count(found)} found, centred at {centres}"
    )


def _count(found: list[Detection]) -> str:
    return "1 face was" if len(found) == 1 else f"{len(found)} faces were"


def _side(detection: Detection) -> float:
    x0, y0, x1, y1 = detection.box
    return float(max(x1 - x0, y1 - y0))


def _remarks(
    found: list[Detection], taken: Detection, face: Face, settings: Settings
) -> tuple[list[str], list[str]]:
    notes, warnings = [], []
    if len(found) > 1:
        x, y = taken.box[0::2].mean(), taken.box[1::2].mean()
        notes.append(
            f"{len(found)} faces found; the one at {x:.0f},{y:.0f} speaks (--face chooses another)"
        )
    if _side(taken) < SMALL_FACE_PX:
        warnings.append(
            f"the face is only {_side(taken):.0f} px large: lips and eyes will be soft; "
            "use a larger or closer picture"
        )
    if face.score < SURE_SCORE:
        warnings.append(
            "the face is hard to make out: eyes and lips may be misplaced; "
            "use a clearer picture or one from the front"
        )
    yaw = abs(estimate_yaw(face.landmarks))
    if yaw > MAX_YAW_DEG:
        warnings.append(
            f"the face is turned about {yaw:.0f} degrees away: the far side may look wrong; "
            "a view from the front works best"
        )
    if settings.expand_ratio is not None and not settings.crop:
        warnings.append("expand_ratio has no effect without crop")
    return notes, warnings


def estimate_yaw(landmarks: npt.NDArray[np.float32]) -> float:
    """Estimate how far a head is turned to the side, in degrees; 0 is frontal.

    Args:
        landmarks: (478, 3) float32.
    """
    across = landmarks[454] - landmarks[234]
    return float(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1]))))


def _crop(image: Image, face: Face, settings: Settings) -> tuple[Image, Face]:
    height, width = image.shape[:2]
    ratio = settings.expand_ratio
    if settings.compat:
        ratio = PUBLISHED_EXPAND_RATIO if ratio is None else ratio
        x0, y0, x1, y1 = square_crop(face.box, ratio, width, height)
    else:
        ratio = DEFAULT_EXPAND_RATIO if ratio is None else ratio
        x0, y0, x1, y1 = (round(float(v)) for v in expand_box(face.box, ratio, (width, height)))
    return image[y0:y1, x0:x1], _moved(face, -x0, -y0, 1.0, 1.0)


def _resize(image: Image, face: Face, short_side: int | None) -> tuple[Image, Face, list[str]]:
    height, width = image.shape[:2]
    wanted = short_side or min(height, width, MAX_OWN_RESOLUTION)
    wanted += wanted % 2 if short_side else 0  # H.264 needs even sides, and less was not asked for
    scale = min(wanted / min(height, width), MAX_LONG_SIDE / max(height, width))
    new_width, new_height = (max(2, round(side * scale / 2) * 2) for side in (width, height))
    notes = []
    if short_side and scale > 1:
        notes.append(f"picture enlarged from {width}x{height} to {new_width}x{new_height}")
    elif scale < 1:
        notes.append(f"picture reduced from {width}x{height} to {new_width}x{new_height}")
    if short_side and min(new_width, new_height) < short_side:
        notes.append(
            f"the short side is {min(new_width, new_height)} px, not {short_side}: "
            f"players take at most {MAX_LONG_SIDE} px on the long one"
        )
    if scale == 1:  # cut an odd last row or column: no pixel is resampled for nothing
        new_width, new_height = width // 2 * 2, height // 2 * 2
        return np.ascontiguousarray(image[:new_height, :new_width]), face, notes
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(image, (new_width, new_height), interpolation=how)
    moved = _moved(face, 0, 0, new_width / width, new_height / height)
    return np.asarray(resized, np.uint8), moved, notes


def _moved(face: Face, dx: float, dy: float, scale_x: float, scale_y: float) -> Face:
    scale = np.array([scale_x, scale_y, (scale_x * scale_y) ** 0.5], np.float32)
    landmarks = (face.landmarks + np.array([dx, dy, 0], np.float32)) * scale
    box = np.concatenate([landmarks[:, :2].min(0), landmarks[:, :2].max(0)])
    return Face(box.astype(np.float32), landmarks.astype(np.float32), face.score)
