"""The example portrait: a person modelled from smooth solids and drawn by tracing rays.

Every shape is a signed distance, blended with its neighbours by a smooth minimum (Quilez, "Smooth
minimum", 2013); rays walk by those distances (Hart, "Sphere tracing", 1996). Light: one soft key
with a soft shadow, sky, a rim, ambient occlusion, and a red bleed at the terminator for skin.

Units: the head is about 2.2 high; x to the picture's right, y up, z towards the camera.
One file, longer than most, since it is one drawing and nothing else uses its parts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

CAMERA = np.array([0.0, -0.30, 9.6], np.float32)
TOP, BOTTOM = 1.40, -1.86
STEPS, FAR = 72, 13.0
SKIN, EYE, HAIR, SHIRT = range(4)
EYE_X, EYE_Y, EYE_Z, EYE_R = 0.315, 0.045, 0.535, 0.182
KEY = np.array([-0.55, 0.62, 0.72], np.float32) / np.float32(1.098)
RIM = np.array([0.75, 0.45, -0.55], np.float32) / np.float32(1.033)


def draw_portrait(width: int, height: int, samples: int = 2) -> npt.NDArray[np.uint8]:
    """Draw the portrait.

    Args:
        width: Width, px.
        height: Height, px.
        samples: Rays per pixel along each side.

    Returns:
        (height, width, 3) uint8, RGB.
    """
    total = np.zeros((height, width, 3), np.float32)
    for number in range(samples * samples):
        offset_x = (number % samples + 0.5) / samples
        offset_y = (number // samples + 0.5) / samples
        total += _trace_picture(width, height, offset_x, offset_y)
    return _to_srgb(total / (samples * samples))


def _trace_picture(width: int, height: int, offset_x: float, offset_y: float) -> Array:
    scale = (TOP - BOTTOM) / height
    columns = (np.arange(width, dtype=np.float32) + offset_x - width / 2) * scale
    rows = TOP - (np.arange(height, dtype=np.float32) + offset_y) * scale
    x, y = (plane.ravel() for plane in np.meshgrid(columns, rows))
    target = np.stack([x, y, np.zeros_like(x)], 1)
    ray = target - CAMERA
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    colour = _background(x, y)
    depth = np.full(len(x), 7.2, np.float32)
    alive = np.arange(len(x))
    for _ in range(STEPS):
        distance = scene(CAMERA + ray[alive] * depth[alive, None])
        depth[alive] += 0.85 * distance
        alive = alive[(distance > 8e-4) & (depth[alive] < FAR)]
        if len(alive) == 0:
            break
    hit = np.flatnonzero(depth < FAR)
    points = CAMERA + ray[hit] * depth[hit, None]
    colour[hit] = _shade(points, ray[hit])
    return colour.reshape(height, width, 3)


def _to_srgb(linear: Array) -> npt.NDArray[np.uint8]:
    linear = np.clip(linear, 0, None)
    toned = linear * (1 + linear / 6.0) / (1 + linear * 0.62)
    curve = np.where(toned < 0.0031308, 12.92 * toned, 1.055 * toned ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(255 * curve + 0.5, 0, 255), np.uint8)


# --- shapes: each gives the signed distance of points (N, 3) ------------------------------------


def scene(points: Array) -> Array:
    """Give the distance to the nearest surface, (N,)."""
    return np.minimum.reduce(_parts(points))


def _parts(points: Array) -> list[Array]:
    return [_skin(points), _eyes(points), _hair(points), _shirt(points)]


def _mirror(points: Array) -> Array:
    mirrored = points.copy()
    mirrored[:, 0] = np.sqrt(mirrored[:, 0] ** 2 + np.float32(4e-4))  # no crease in the middle
    return mirrored


def _ball(points: Array, centre: tuple[float, float, float], radius: float) -> Array:
    return np.linalg.norm(points - np.array(centre, np.float32), axis=1) - np.float32(radius)


def _egg(
    points: Array, centre: tuple[float, float, float], radii: tuple[float, float, float]
) -> Array:
    inside = (points - np.array(centre, np.float32)) / np.array(radii, np.float32)
    size = np.linalg.norm(inside, axis=1)
    slope = np.linalg.norm(inside / np.array(radii, np.float32), axis=1)
    return size * (size - 1) / np.maximum(slope, np.float32(1e-4))


def _bone(
    points: Array,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radius_start: float,
    radius_end: float,
) -> Array:
    first = np.array(start, np.float32)
    along = np.array(end, np.float32) - first
    share = np.clip((points - first) @ along / (along @ along), 0, 1)
    radius = radius_start + (radius_end - radius_start) * share
    return np.linalg.norm(points - first - share[:, None] * along, axis=1) - radius


def _join(a: Array, b: Array, width: float) -> Array:
    overlap = np.maximum(width - np.abs(a - b), 0) / width
    return np.minimum(a, b) - overlap * overlap * np.float32(width / 4)


def _carve(a: Array, b: Array, width: float) -> Array:
    return -_join(-a, b, width)


def _step(low: float, high: float, value: Array) -> Array:
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def _lid_opening(points: Array) -> Array:
    # The almond between two circles, seen from the front; negative inside.
    x = np.abs(points[:, 0]) - EYE_X
    y = points[:, 1] - EYE_Y - 0.06 * x
    upper = np.hypot(x + 0.012, y + 0.160) - 0.226
    lower = np.hypot(x - 0.01, y - 0.235) - 0.292
    return np.maximum(upper, lower)


def _skin(points: Array) -> Array:
    half = _mirror(points)
    skin = _egg(half, (0, 0.36, -0.16), (0.76, 0.84, 0.90))
    skin = _join(skin, _egg(half, (0, -0.24, 0.10), (0.605, 0.755, 0.67)), 0.28)
    skin = _join(skin, _ball(half, (0, -0.865, 0.515), 0.150), 0.32)
    skin = _join(skin, _ball(half, (0.36, -0.26, 0.42), 0.25), 0.26)
    skin = _join(skin, _bone(half, (0.17, 0.235, 0.69), (0.46, 0.24, 0.53), 0.03, 0.06), 0.22)
    skin = _carve(skin, _ball(half, (0.31, 0.06, 0.86), 0.15), 0.2)
    skin = _join(skin, _nose(half), 0.12)
    skin = _join(skin, _lids(half), 0.045)
    skin = _mouth(half, skin)
    ear = _egg(half, (0.80, 0.0, -0.12), (0.085, 0.215, 0.14))
    ear = _carve(ear, _egg(half, (0.87, 0.02, -0.06), (0.04, 0.13, 0.08)), 0.05)
    skin = _join(skin, ear, 0.08)
    neck = _bone(half, (0, -0.6, -0.22), (0, -1.8, -0.34), 0.32, 0.37)
    skin = _join(skin, neck, 0.16)
    chest = _egg(half, (0, -2.08, -0.42), (1.05, 0.62, 0.5))
    return _join(skin, chest, 0.3)


def _nose(half: Array) -> Array:
    nose = _bone(half, (0, 0.13, 0.735), (0, -0.25, 0.925), 0.055, 0.088)
    nose = _join(nose, _ball(half, (0, -0.275, 0.925), 0.095), 0.07)
    nose = _join(nose, _egg(half, (0.105, -0.305, 0.83), (0.068, 0.062, 0.085)), 0.07)
    return _carve(nose, _egg(half, (0.062, -0.365, 0.885), (0.038, 0.022, 0.05)), 0.03)


def _lids(half: Array) -> Array:
    shell = _ball(half, (EYE_X, EYE_Y, EYE_Z), EYE_R + 0.022)
    crease = np.abs(half[:, 1] - EYE_Y - 0.128 + 1.1 * (half[:, 0] - EYE_X - 0.01) ** 2)
    shell = shell + 0.014 * np.exp(-((crease / 0.016) ** 2)) * (half[:, 2] > EYE_Z)
    return _carve(shell, _lid_opening(half), 0.012)


def _mouth(half: Array, skin: Array) -> Array:
    bow = _bone(half, (0.055, -0.530, 0.752), (0.250, -0.560, 0.635), 0.040, 0.016)
    skin = _join(skin, bow, 0.05)
    lower = _egg(half, (0, -0.616, 0.700), (0.215, 0.052, 0.092))
    skin = _join(skin, lower, 0.06)
    line = np.abs(half[:, 1] - _lip_line(half[:, 0]))
    front = _step(0.4, 0.6, half[:, 2]) * _step(0.275, 0.235, half[:, 0])
    skin = skin + 0.022 * np.exp(-((line / 0.012) ** 2)) * front
    philtrum = np.exp(-((half[:, 0] / 0.03) ** 2)) * np.exp(-(((half[:, 1] + 0.44) / 0.045) ** 2))
    return skin + 0.010 * philtrum * _step(0.4, 0.6, half[:, 2])


def _lip_line(x: Array) -> Array:
    x = np.abs(x)
    bow = 0.010 * np.exp(-(((x - 0.09) / 0.06) ** 2)) - 0.010 * np.exp(-((x / 0.05) ** 2))
    return -0.574 + bow + 0.34 * x**2


def _eyes(points: Array) -> Array:
    return _ball(_mirror(points), (EYE_X, EYE_Y, EYE_Z), EYE_R)


def _hair(points: Array) -> Array:
    half = _mirror(points)
    cap = _egg(half, (0, 0.40, -0.20), (0.89, 0.93, 1.0))
    sides = _bone(half, (0.80, 0.25, -0.20), (0.74, -0.85, -0.22), 0.20, 0.24)
    sides = _join(sides, _bone(half, (0.74, -0.85, -0.22), (0.58, -1.10, -0.14), 0.22, 0.13), 0.2)
    back = _egg(half, (0, -0.3, -0.55), (0.85, 1.05, 0.55))
    hair = _join(_join(cap, sides, 0.25), back, 0.2)
    # The face is cut free along a hairline that is parted on one side.
    part = points[:, 0] + 0.22
    line = 0.86 - 0.55 * np.abs(part) ** 1.5 - 0.10 * (points[:, 0] > -0.22) * np.abs(part)
    face = np.maximum(points[:, 1] - line, 0.05 - points[:, 2])
    face = _carve(face, 0.67 - np.abs(points[:, 0]), 0.30)
    hair = _carve(hair, face, 0.16)
    strands = _strands(points)
    return hair - 0.009 * strands * _step(0.05, 1.0, 1.30 - points[:, 1])


def _strands(points: Array) -> Array:
    angle = np.arctan2(points[:, 0] + 0.22, 1.25 - points[:, 1])
    wave = angle + 0.04 * np.sin(3.1 * points[:, 1] + 1.3 * points[:, 2])
    return (
        np.sin(47 * wave + 2.2 * points[:, 2])
        + 0.6 * np.sin(101 * wave + 1.7)
        + 0.4 * np.sin(151 * wave + 4 * points[:, 2])
    ) / 2


def _shirt(points: Array) -> Array:
    half = _mirror(points)
    body = _egg(half, (0, -2.44, -0.45), (1.62, 0.92, 0.66))
    arm = _ball(half, (1.10, -2.07, -0.5), 0.42)
    body = _join(body, arm, 0.4)
    opening = _egg(half, (0, -1.55, 0.12), (0.47, 0.34, 0.75))
    body = _carve(body, opening, 0.05)
    return body


# --- colour and light ---------------------------------------------------------------------------


def _background(x: Array, y: Array) -> Array:
    glow = np.exp(-((x + 0.5) ** 2 + (y - 0.3) ** 2) / 3.2)[:, None]
    far = np.array([0.060, 0.105, 0.135], np.float32)
    near = np.array([0.30, 0.42, 0.44], np.float32)
    return np.asarray(far + (near - far) * glow, np.float32)


def _normals(points: Array) -> Array:
    offset = np.float32(1.5e-3)
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32)
    normal = sum(corner * scene(points + offset * corner)[:, None] for corner in corners)
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True), np.float32)


def _shade(points: Array, ray: Array) -> Array:
    normal = _normals(points)
    part = np.argmin(np.stack(_parts(points)), axis=0)
    base, gloss, skin = _surface(points, part)
    facing = np.clip(-(normal * ray).sum(1), 0, 1)
    key = normal @ KEY
    shadow = _shadow(points + 0.02 * normal)
    openness = _openness(points, normal)
    wrap = np.where(part == SKIN, 0.28, 0.05)
    lit = np.clip((key + wrap) / (1 + wrap), 0, 1) * (0.12 + 0.88 * shadow)
    bleed = np.exp(-((key / 0.28) ** 2))[:, None] * np.array([0.10, 0.020, 0.010], np.float32)
    sky = 0.5 + 0.5 * normal[:, 1]
    light = lit[:, None] * np.array([2.35, 2.15, 1.95], np.float32)
    light = light + (0.30 + 0.34 * sky * openness)[:, None] * np.array([0.80, 0.95, 1.05]) * (
        0.25 + 0.75 * openness[:, None]
    )
    light = light + 0.30 * np.clip(normal @ np.array([0.2, -0.9, 0.4]), 0, 1)[:, None] * np.array(
        [1.0, 0.75, 0.6]
    )
    light = light + skin[:, None] * bleed * (0.4 + 0.6 * shadow[:, None])
    half_way = KEY - ray
    half_way /= np.linalg.norm(half_way, axis=1, keepdims=True)
    shine = np.clip((normal * half_way).sum(1), 0, 1)
    sharp = np.where(part == EYE, 220.0, np.where(part == HAIR, 30.0, 26.0))
    specular = gloss * shine**sharp * (0.2 + 0.8 * shadow)
    rim = np.clip(normal @ RIM, 0, 1) * (1 - facing) ** 2 * np.choose(part, [1.2, 0.0, 0.5, 0.8])
    colour = (
        base * light * 0.62
        + specular[:, None]
        + (rim * openness)[:, None] * np.array([0.9, 1.0, 1.1]) * (0.25 + base)
    )
    return np.asarray(colour, np.float32)


def _shadow(points: Array) -> Array:
    light = np.ones(len(points), np.float32)
    depth = np.full(len(points), 0.03, np.float32)
    for _ in range(26):
        distance = scene(points + depth[:, None] * KEY)
        light = np.minimum(light, np.clip(0.5 + 0.5 * 7 * distance / depth, 0, 1))
        depth += np.clip(distance, 0.02, 0.16)
    return light * light * (3 - 2 * light)


def _openness(points: Array, normal: Array) -> Array:
    closed = np.zeros(len(points), np.float32)
    for reach, weight in ((0.03, 1.6), (0.08, 1.2), (0.18, 0.9), (0.35, 0.55)):
        closed += weight * (reach - scene(points + reach * normal)) / reach * 0.32
    return np.clip(1 - closed, 0.05, 1)


def _surface(points: Array, part: npt.NDArray[np.int64]) -> tuple[Array, Array, Array]:
    # Base colour (N, 3) in linear light, gloss (N,), and how much a point is skin (N,).
    base = np.empty_like(points)
    gloss = np.choose(part, [0.16, 1.6, 0.12, 0.03]).astype(np.float32)
    for kind, paint in ((SKIN, _paint_skin), (EYE, _paint_eye), (HAIR, _paint_hair)):
        chosen = part == kind
        base[chosen] = paint(points[chosen])
    base[part == SHIRT] = _paint_shirt(points[part == SHIRT])
    lips = np.zeros(len(points), np.float32)
    lips[part == SKIN] = _lip_mask(_mirror(points[part == SKIN]))
    return base, gloss + 0.22 * lips, (part == SKIN).astype(np.float32)


def _mix(colour: Array, other: tuple[float, float, float], share: Array) -> Array:
    return np.asarray(colour + (np.array(other, np.float32) - colour) * share[:, None], np.float32)


def _lip_mask(half: Array) -> Array:
    x, y = half[:, 0], half[:, 1]
    top = -0.502 - 0.020 * np.exp(-((x / 0.03) ** 2)) - 0.66 * np.maximum(x - 0.03, 0) ** 1.7
    bottom = -0.672 + 1.0 * x**2.0 + 6 * np.maximum(x - 0.17, 0) ** 2
    inside = _step(-0.006, 0.012, top - y) * _step(-0.006, 0.014, y - bottom)
    return inside * _step(0.272, 0.245, x) * (half[:, 2] > 0.4)


def _paint_skin(points: Array) -> Array:
    half = _mirror(points)
    x, y, z = half[:, 0], half[:, 1], half[:, 2]
    base = np.broadcast_to(np.array([0.62, 0.345, 0.235], np.float32), points.shape).copy()
    cheek = np.exp(-(((x - 0.40) / 0.20) ** 2 + ((y + 0.26) / 0.17) ** 2)) * (z > 0)
    base = _mix(base, (0.62, 0.22, 0.16), 0.42 * cheek)
    nose = np.exp(-((x / 0.13) ** 2 + ((y + 0.28) / 0.12) ** 2)) * (z > 0.6)
    base = _mix(base, (0.60, 0.22, 0.16), 0.30 * nose)
    lids = np.exp(-(((x - EYE_X) / 0.20) ** 2 + ((y - 0.13) / 0.07) ** 2)) * (z > 0.3)
    base = _mix(base, (0.40, 0.18, 0.13), 0.35 * lids)
    base = _mix(base, (0.52, 0.125, 0.110), 0.80 * _lip_mask(half))
    line = np.exp(-(((y - _lip_line(x)) / 0.0075) ** 2)) * _step(0.272, 0.245, x) * (z > 0.45)
    base = _mix(base, (0.11, 0.022, 0.020), 0.85 * line)
    # Lashes: a dark edge along the upper lid, thinner along the lower one.
    edge = _lid_opening(half)
    front = (z > 0.5) & (np.hypot(x - EYE_X, y - EYE_Y) < 0.24)
    upper = y > EYE_Y + 0.02 + 0.06 * (x - EYE_X)
    lash = np.exp(-((edge / np.where(upper, 0.026, 0.009)) ** 2)) * front
    base = _mix(base, (0.012, 0.008, 0.007), np.where(upper, 0.95, 0.45) * lash)
    roots = np.exp(-np.maximum(_hair(points), 0) / 0.028) * (points[:, 1] > -0.2)
    base = _mix(base, (0.085, 0.036, 0.020), 0.9 * roots)
    return _mix(base, (0.055, 0.026, 0.016), 0.92 * _brow_mask(half))


def _brow_mask(half: Array) -> Array:
    x, y = half[:, 0], half[:, 1]
    share = np.clip((x - 0.11) / 0.44, 0, 1)
    middle = 0.256 + 0.075 * np.sin(np.pi * np.minimum(share * 0.80 + 0.06, 1)) - 0.030 * share
    thick = 0.036 * (1 - share) ** 0.55 + 0.006
    hairs = 0.93 + 0.07 * np.sin(230 * x + 170 * (y - middle))
    across = np.exp(-(np.abs((y - middle) / thick) ** 2.4))
    along = _step(0.085, 0.15, x) * _step(0.565, 0.50, x)
    return across * along * hairs * (half[:, 2] > 0.2)


def _paint_eye(points: Array) -> Array:
    side = np.sign(points[:, 0])
    x = points[:, 0] - side * (EYE_X - 0.008)
    y = points[:, 1] - EYE_Y - 0.004
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    base = np.broadcast_to(np.array([0.80, 0.78, 0.76], np.float32), points.shape).copy()
    base = _mix(base, (0.62, 0.40, 0.36), 0.5 * _step(0.11, 0.19, radius))
    fibres = 0.5 + 0.25 * np.sin(23 * angle) + 0.25 * np.sin(41 * angle + 1)
    iris = np.broadcast_to(np.array([0.050, 0.135, 0.130], np.float32), points.shape).copy()
    iris = _mix(iris, (0.24, 0.20, 0.08), _step(0.075, 0.035, radius) * (0.4 + 0.6 * fibres))
    iris = _mix(iris, (0.16, 0.34, 0.32), 0.45 * fibres * _step(0.09, 0.06, radius))
    iris = _mix(iris, (0.006, 0.012, 0.012), _step(0.074, 0.092, radius))
    inside = _step(0.097, 0.089, radius)[:, None]
    base = base * (1 - inside) + iris * inside
    base = _mix(base, (0.003, 0.003, 0.003), _step(0.040, 0.034, radius))
    glint = np.exp(-(((x + 0.034) ** 2 + (y - 0.040) ** 2) / 0.00018))
    base = _mix(base, (3.2, 3.2, 3.2), 0.9 * glint)
    shade = _step(0.02, 0.095, points[:, 1] - EYE_Y + 0.35 * x * x)
    return np.asarray(base * (1 - 0.55 * shade)[:, None], np.float32)


def _paint_hair(points: Array) -> Array:
    strands = _strands(points)
    base = np.broadcast_to(np.array([0.085, 0.036, 0.020], np.float32), points.shape).copy()
    base = _mix(base, (0.23, 0.105, 0.052), 0.55 * np.clip(strands, 0, 1))
    return _mix(base, (0.030, 0.013, 0.009), 0.6 * np.clip(-strands, 0, 1))


def _paint_shirt(points: Array) -> Array:
    base = np.broadcast_to(np.array([0.060, 0.165, 0.250], np.float32), points.shape).copy()
    knit = np.sin(95 * points[:, 0] + 20 * points[:, 2]) * np.sin(95 * points[:, 1])
    return np.asarray(base * (1 + 0.08 * knit)[:, None], np.float32)
