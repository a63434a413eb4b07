"""Pictures of what the engine sees: boxes, mesh, lips, mouth, depth and light."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.rig import Rig
from opensonic.face import topology
from opensonic.face.detect import Detection
from opensonic.inspector.light import Light
from opensonic.inspector.scores import Score
from opensonic.inspector.sheets import PAPER, Box, Tile, cut, head_box, mouth_box, write_words
from opensonic.values import Portrait

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Colour = tuple[int, int, int]

TAKEN, OTHER = (80, 255, 120), (255, 190, 60)
"""RGB of the face that speaks, and of other faces."""
UPPER, LOWER, INSIDE = (255, 220, 0), (0, 220, 255), (255, 0, 200)
"""RGB of the upper and the lower lip's inner edge, and of the mouth between them."""
_MESH, _PART, _IRIS = (110, 190, 255), (255, 255, 255), (80, 255, 120)
_VERDICTS = {"good": (70, 170, 90), "usable": (200, 160, 50), "poor": (210, 70, 60)}
_PANEL_PX = 640
_TITLE, _LINE, _TABLE_PX = 56, 24, 1820
_SHIFT = 4
_BALL, _BALL_SHADE = 0.16, 0.7
_DEPTHS = 48


def draw_scores(title: str, scores: Sequence[Score]) -> Image:
    """Write the scores down, with a bar for each.

    Args:
        title: Words above them.
        scores: The scores.
    """
    sheet = np.full((_TITLE + _LINE * len(scores), _TABLE_PX, 3), PAPER, np.uint8)
    write_words(sheet, title, (8, 36), 0.8)
    for row, one in enumerate(scores):
        y = _TITLE + _LINE * row
        colour = _VERDICTS[one.verdict]
        cv2.rectangle(sheet, (150, y), (150 + 2 * one.score, y + 16), colour, -1)
        write_words(sheet, one.name, (8, y + 14))
        write_words(sheet, str(one.score), (360, y + 14))
        words = one.measured if one.verdict == "good" else f"{one.measured}. {one.advice}"
        write_words(sheet, words, (410, y + 14))
    return sheet


def draw_faces(image: Image, found: Sequence[Detection], taken: int) -> Tile:
    """Draw what the detector found.

    Args:
        image: (H, W, 3) uint8, RGB.
        found: The faces.
        taken: Which of them speaks.
    """
    scale = _PANEL_PX / max(image.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    shown = np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
    for number, one in enumerate(found):
        colour = TAKEN if number == taken else OTHER
        corners = np.round(one.box * scale).astype(int)
        cv2.rectangle(shown, corners[:2].tolist(), corners[2:].tolist(), colour, 2)
        for x, y in np.round(one.keypoints * scale).astype(int).tolist():
            cv2.circle(shown, (x, y), 3, colour, -1, cv2.LINE_AA)
    several = f", {len(found)} found, green speaks" if len(found) > 1 else ""
    return Tile(shown, f"detector: {found[taken].score:.2f} sure{several}")


def draw_mesh(portrait: Portrait) -> Tile:
    """Draw the points of the mesh, its triangles, lips, lids and irises."""
    shown, points = _enlarge(portrait, _head(portrait))
    for triangle in topology.TRIANGLES:
        _line(shown, points[triangle], _MESH, closed=True)
    for ring in (topology.OUTER_LIPS, topology.INNER_LIPS, topology.RIGHT_EYE, topology.LEFT_EYE):
        _line(shown, points[list(ring)], _PART, closed=True)
    for iris in (topology.RIGHT_IRIS, topology.LEFT_IRIS):
        _line(shown, points[list(iris[1:])], _IRIS, closed=True)
    return Tile(shown, f"mesh: {portrait.face.score:.2f} sure")


def draw_lips(portrait: Portrait, rig: Rig) -> Tile:
    """Draw where the lips meet or part, and the mouth between them where it is open."""
    box = mouth_box(portrait.face, _size(portrait))
    shown, _ = _enlarge(portrait, box)
    lips = rig.lips
    edges = [lips.place(lips.grid, line) + 0.5 for line in (lips.upper, lips.lower)]
    scale = shown.shape[1] / (box[2] - box[0])
    upper, lower = ((edge - box[:2]) * np.float32(scale) for edge in edges)
    if lips.is_open:
        veil = shown.copy()
        ring = np.vstack([upper, lower[::-1]])
        cv2.fillPoly(veil, [_fixed(ring)], INSIDE, cv2.LINE_AA, _SHIFT)
        shown = np.asarray(cv2.addWeighted(shown, 0.55, veil, 0.45, 0), np.uint8)
        _line(shown, lower, LOWER, width=2)
    _line(shown, upper, UPPER, width=2)
    what = "open: lip edges and mouth" if lips.is_open else "closed: the line between the lips"
    return Tile(shown, what)


def draw_depth(portrait: Portrait, rig: Rig) -> Tile:
    """Draw how far each place lies in front: yellow near, dark blue far."""
    box = _head(portrait)
    x0, y0, x1, y1 = box
    xs, ys = np.linspace(x0, x1 - 1, _DEPTHS), np.linspace(y0, y1 - 1, _DEPTHS)
    places = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2).astype(np.float32)
    depth = rig.points(places).depth.reshape(_DEPTHS, _DEPTHS)
    shown, _ = _enlarge(portrait, box)
    smooth = cv2.resize(depth, shown.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    low, high = float(depth.min()), float(depth.max())
    grey = np.clip((smooth - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    colour = cv2.applyColorMap(grey, cv2.COLORMAP_CIVIDIS)[:, :, ::-1]
    mixed = cv2.addWeighted(shown, 0.35, np.ascontiguousarray(colour), 0.65, 0)
    return Tile(np.asarray(mixed, np.uint8), f"depth: {high - low:.2f} eye distances")


def draw_light(portrait: Portrait, light: Light) -> Tile:
    """Draw the light as a ball that is lit as the face is, and an arrow from where it comes."""
    shown, points = _enlarge(portrait, _head(portrait))
    height, width = shown.shape[:2]
    radius = round(_BALL * min(height, width))
    middle = np.array([radius + 12, height - radius - 12])
    y, x = (np.mgrid[-radius : radius + 1, -radius : radius + 1] / radius).astype(np.float32)
    inside = x * x + y * y <= 1
    front = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
    facing = np.clip(np.stack([x, y, front], -1) @ light.direction, 0, 1)
    shade = (1 - _BALL_SHADE) + _BALL_SHADE * facing
    ball = np.clip(shade[..., None] * light.colour, 0, 255).astype(np.uint8)
    part = shown[
        middle[1] - radius : middle[1] + radius + 1, middle[0] - radius : middle[0] + radius + 1
    ]
    part[inside] = ball[inside]
    nose = points[1]
    start = nose + light.direction[:2] * 0.36 * width
    cv2.arrowedLine(
        shown, np.round(start).astype(int).tolist(), np.round(nose).astype(int).tolist(),
        UPPER, 3, cv2.LINE_AA, tipLength=0.12,
    )  # fmt: skip
    red, green, blue = (round(float(v)) for v in light.colour)
    return Tile(shown, f"light: from the arrow; lit skin {red} {green} {blue}")


def _size(portrait: Portrait) -> tuple[int, int]:
    height, width = portrait.image.shape[:2]
    return width, height


def _head(portrait: Portrait) -> Box:
    return head_box(portrait.face, _size(portrait))


def _enlarge(portrait: Portrait, box: Box) -> tuple[Image, Floats]:
    """Bring a part of the picture to the size of a panel, and the landmarks with it."""
    part = cut(portrait.image, box)
    scale = _PANEL_PX / part.shape[1]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (_PANEL_PX, max(1, round(part.shape[0] * scale)))
    shown = np.asarray(cv2.resize(part, size, interpolation=how), np.uint8)
    points = (portrait.face.landmarks[:, :2] - box[:2]) * np.float32(scale)
    return shown, np.asarray(points, np.float32)


def _fixed(points: Floats) -> npt.NDArray[np.int32]:
    """Give points as OpenCV draws them between pixels."""
    return np.round((points - 0.5) * (1 << _SHIFT)).astype(np.int32)


def _line(
    picture: Image, points: Floats, colour: Colour, *, closed: bool = False, width: int = 1
) -> None:
    cv2.polylines(picture, [_fixed(points)], closed, colour, width, cv2.LINE_AA, _SHIFT)
