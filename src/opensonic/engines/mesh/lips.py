"""Where the lips meet or part in the picture.

Landmarks of the lips may be off by some per cent of `e`, and nothing looks worse than a mouth that
opens beside its own line. So the line between closed lips is looked for in the picture: the
darkest smooth ridge near the landmarks. Whether the mouth is closed at all the picture decides too.
"""

from __future__ import annotations

import cv2
import numpy as np

from opensonic.engines.mesh.sampling import Floats, Image, sample
from opensonic.face import topology

_OPEN_GAP = 0.02
_SURE_GAP = 0.10
"""Gaps of the inner lips' landmarks, in e: below the first the mouth is closed, above the second
it is open; between them the picture decides."""
_RIM = 0.010
"""How far into parted lips their edges are taken, e: closed, no rim of teeth must stay on them."""
_MEET, _MEET_RANGE = 0.4, (0.35, 0.6)
"""Where parted lips meet as they close, as a share of the gap from the upper one: usually, and as
far as the teeth can ask for it."""
_SKIN, _LEAST_MEET = 0.185, 0.25
"""How long the skin between nose and upper lip can become as a smile closes, e, and what share of
the gap the upper lip takes at least."""
TEETH_EDGE = 0.034
"""How far the upper teeth reach below the line of closed lips, e."""
_PALE = 0.62
"""Redness of teeth between nearly closed lips over that of the lips, at most."""
_ONE_HUE = 0.03
"""Difference of redness below which a picture has no colours to tell teeth by."""
_DARK, _SOFT_EDGE = 0.5, 0.004
"""What is darkness between lips, as a share of the darker one's brightness, and how soft its edge
is, e."""
_THIN = 0.035
"""Least height of a lip, e."""
_SAMPLES = 65
"""Samples of a lip line, corner to corner."""


class Lips:
    """The inner edges of the lips.

    Args:
        image: (H, W, 3) uint8, RGB.
        landmarks: (478, 2) float32, px.
        axes: (2, 2) float32, one e to the face's right and down, px.

    Attributes:
        middle: (2,) float32 middle of the mouth, px.
        grid: (65,) float32 places along the mouth, -1 and 1 at its corners in the picture.
        upper: (65,) float32 inner edge of the upper lip, e below the middle.
        lower: (65,) float32 inner edge of the lower lip; the same where the lips touch.
        is_open: Whether the picture shows parted lips.
        heights: (2, 65) float32 height of the upper and the lower lip along the mouth, e.
        meet: Where parted lips meet when they close, as a share of the gap from the upper one.
        redness: Redness of the lips' own colour.
    """

    def __init__(self, image: Image, landmarks: Floats, axes: Floats) -> None:
        self._axes = axes
        self.middle = np.asarray(0.5 * (landmarks[13] + landmarks[14]), np.float32)
        self.grid = np.linspace(-1, 1, _SAMPLES, dtype=np.float32)
        ends = self.to_frame(0.5 * (landmarks[[61, 291]] + landmarks[[78, 308]]))
        left, right = min(float(ends[0, 0]), -0.05), max(float(ends[1, 0]), 0.05)
        width, share = right - left, float(np.clip(right / (right - left), 0.3, 0.7))
        self._ends = (-width * (1 - share), width * share)
        self.upper = self._trace(landmarks, topology.INNER_LIP_UPPER, ends)
        self.lower = self._trace(landmarks, topology.INNER_LIP_LOWER, ends)
        self.lower = np.maximum(self.lower, self.upper)
        colours = _lip_colours(image, landmarks)
        self.redness = float(np.median(redness(colours)))
        self.is_open = self._shows_interior(image, colours)
        self.meet = self._find_meeting(image, landmarks) if self.is_open else _MEET
        if self.is_open:
            self._fit_darkness(image, colours)
            rim = _RIM * np.minimum(6 * (1 - np.abs(self.grid)), 1)
            self.upper, self.lower = self.upper - rim, self.lower + rim
        else:
            self.upper = self.lower = 0.5 * (self.upper + self.lower)
            self._snap(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8))
            self._uncover_teeth(image, colours)
        outer = [
            self._outline(landmarks, contour)
            for contour in (topology.OUTER_LIP_UPPER, topology.OUTER_LIP_LOWER)
        ]
        self.heights = np.maximum(np.abs(np.stack(outer) - (self.upper, self.lower)), _THIN)

    def to_frame(self, xy: Floats) -> Floats:
        """Carry places of the picture, (N, 2) px, to e right of and below the middle."""
        return np.asarray((xy - self.middle) @ np.linalg.inv(self._axes), np.float32)

    def along(self, x: Floats) -> Floats:
        """Carry places e to the right of the middle to -1..1 between the corners."""
        left, right = self._ends
        bend = (1 / right + 1 / left) / (right - left)
        slope = 1 / right - bend * right
        inside = slope * x + bend * x * x
        over = 1 + (x - right) * (slope + 2 * bend * right)
        under = -1 + (x - left) * (slope + 2 * bend * left)
        return np.where(x > right, over, np.where(x < left, under, inside)).astype(np.float32)

    def beyond(self, x: Floats) -> Floats:
        """Tell how far places e to the right of the middle lie outside the corners, e."""
        left, right = self._ends
        return np.asarray(np.maximum(np.maximum(x - right, left - x), 0), np.float32)

    def place(self, s: Floats, down: Floats) -> Floats:
        """Carry places of the mouth to the picture.

        Args:
            s: (N,) place along the mouth.
            down: (N,) e below the mouth's middle.

        Returns:
            (N, 2) float32, px.
        """
        left, right = self._ends
        x = np.linspace(left, right, 201, dtype=np.float32)
        right_by = np.interp(s, self.along(x), x)
        frame = np.column_stack([right_by, down])
        return np.asarray(self.middle + frame @ self._axes, np.float32)

    def _outline(self, landmarks: Floats, contour: tuple[int, ...]) -> Floats:
        """(65,) float32 outer edge of a lip, e below the middle."""
        frame = self.to_frame(landmarks[list(contour)])
        s = self.along(frame[:, 0])
        order = np.argsort(s)
        return np.asarray(np.interp(self.grid, s[order], frame[order, 1]), np.float32)

    def _trace(self, landmarks: Floats, contour: tuple[int, ...], ends: Floats) -> Floats:
        frame = self.to_frame(landmarks[list(contour)])
        frame[0], frame[-1] = ends
        s = self.along(frame[:, 0])
        order = np.argsort(s)
        rough = np.interp(self.grid, s[order], frame[order, 1])
        padded = np.pad(rough, 8, mode="reflect", reflect_type="odd")
        smooth = np.convolve(padded, np.hanning(11)[1:-1] / np.hanning(11).sum(), "same")[8:-8]
        near_end = np.clip((np.abs(self.grid) - 0.8) / 0.2, 0, 1)
        missing = np.where(self.grid < 0, ends[0, 1] - smooth[0], ends[1, 1] - smooth[-1])
        return np.asarray(smooth + missing * near_end, np.float32)

    def _shows_interior(self, image: Image, lips: Floats) -> bool:
        """Tell whether teeth or darkness lie between the inner edges of the lips, not lip."""
        gap = float((self.lower - self.upper)[_SAMPLES // 2])
        if gap < _OPEN_GAP or gap > _SURE_GAP:
            return gap > _SURE_GAP
        middle = slice(_SAMPLES // 5, -_SAMPLES // 5)
        shares = np.linspace(0.2, 0.8, 7, dtype=np.float32)
        down = self.upper[middle, None] + (self.lower - self.upper)[middle, None] * shares
        s = np.repeat(self.grid[middle], len(shares))
        seen = sample(image, self.place(s, down.ravel())[None]).astype(np.float32)
        red = redness(seen)
        is_dark = seen.mean(-1) < 0.5 * np.median(lips.mean(-1), -1).min()
        is_tooth = (red < 0.65 * self.redness) & ~is_dark
        return bool(is_dark.mean() > 0.5 or is_tooth.mean() > 0.2)

    def _find_meeting(self, image: Image, landmarks: Floats) -> float:
        """Say where parted lips meet: a smile has drawn the upper one up from its teeth."""
        below_nose, lip = self.to_frame(landmarks[[2, 0]])[:, 1].tolist()
        room = _SKIN - (lip - below_nose)
        most = room / max(float((self.lower - self.upper).max()), 0.05)
        return float(min(self._ask_teeth(image), max(most, _LEAST_MEET)))

    def _ask_teeth(self, image: Image) -> float:
        """Say where parted lips would meet to cover the teeth as lips do."""
        middle = slice(_SAMPLES // 3, -(_SAMPLES // 3))
        shares = np.linspace(0.02, 0.98, 49, dtype=np.float32)
        gap = self.lower - self.upper
        down = self.upper[middle, None] + gap[middle, None] * shares
        s = np.repeat(self.grid[middle], len(shares))
        places = self.place(s, down.ravel()).reshape(len(down), len(shares), 2)
        is_tooth = like_teeth(sample(image, places).astype(np.float32), self.redness) > 0.5
        if is_tooth.mean() < 0.15:
            return _MEET
        edge = np.median(np.where(is_tooth, shares, 0).max(1)[is_tooth.any(1)])
        share = edge - TEETH_EDGE / max(float(gap[_SAMPLES // 2]), 0.05)
        return float(np.clip(share, *_MEET_RANGE))

    def _fit_darkness(self, image: Image, lips: Floats) -> None:
        """Let lips that show only darkness between them end where it begins, not before."""
        gap = self.lower - self.upper
        if gap.max() > _SURE_GAP:
            return
        shares = np.linspace(0, 1, 41, dtype=np.float32)
        down = (self.upper[:, None] + gap[:, None] * shares).ravel()
        places = self.place(np.repeat(self.grid, len(shares)), down)
        seen = sample(image, places.reshape(len(gap), len(shares), 2)).astype(np.float32)
        is_dark = seen.mean(-1) < _DARK * np.median(lips.mean(-1), -1).min()
        middle = slice(_SAMPLES // 5, -_SAMPLES // 5)
        if is_dark[middle].any(1).mean() < 0.8:
            return
        first = np.where(is_dark.any(1), is_dark.argmax(1), 0) / (len(shares) - 1)
        last = np.where(is_dark.any(1), is_dark[:, ::-1].argmax(1), 0) / (len(shares) - 1)
        top, bottom = (np.maximum(share * gap - _SOFT_EDGE, 0) for share in (first, last))
        kernel = np.hanning(9)[1:-1] / np.hanning(9).sum()
        self.upper = np.asarray(self.upper + np.convolve(top, kernel, "same"), np.float32)
        self.lower = np.asarray(self.lower - np.convolve(bottom, kernel, "same"), np.float32)

    def _snap(self, grey: Image) -> None:
        """Move the line between closed lips to the darkest ridge near it."""
        reach = np.linspace(-0.07, 0.07, 57, dtype=np.float32)
        down = (self.upper[:, None] + reach).ravel()
        maps = self.place(np.repeat(self.grid, len(reach)), down)
        profile = sample(grey, maps.reshape(len(self.grid), len(reach), 2))
        values = cv2.GaussianBlur(profile.astype(np.float32), (0, 0), 1.6, sigmaY=1.0)
        ridge = cv2.GaussianBlur(values, (0, 0), 6.0, sigmaY=0.1) - values
        ridge /= ridge.std() + 2.0
        cost = -ridge + (reach[None] / 0.05) ** 2 * 0.6
        total, back = cost[0], []
        steps = (reach[:, None] - reach[None]) ** 2 * 2e4
        for row in cost[1:]:
            joined = total[None] + steps
            best = joined.argmin(1)
            back.append(best)
            total = row + joined[np.arange(len(reach)), best]
        path = [int(total.argmin())]
        for best in reversed(back):
            path.append(int(best[path[-1]]))
        kernel = np.hanning(9)[1:-1] / np.hanning(9).sum()
        shift = np.convolve(np.pad(reach[path[::-1]], 4, "edge"), kernel, "same")
        self.upper = self.lower = np.asarray(self.upper + shift[4:-4], np.float32)

    def _uncover_teeth(self, image: Image, lips: Floats) -> None:
        """Part nearly closed lips around the bits of teeth that show between them."""
        reach = np.linspace(-0.06, 0.06, 61, dtype=np.float32)
        down = (self.upper[:, None] + reach).ravel()
        places = self.place(np.repeat(self.grid, len(reach)), down)
        seen = sample(image, places.reshape(len(self.grid), len(reach), 2)).astype(np.float32)
        is_tooth = redness(seen) < _PALE * self.redness
        is_tooth &= seen.mean(-1) > 0.8 * np.median(lips.mean(-1), -1).min()
        is_tooth[np.abs(self.grid) > 0.7] = False
        _, parts = cv2.connectedComponents(is_tooth.astype(np.uint8))
        away = np.abs(reach)
        at_line = set(np.unique(parts[:, away < 0.015])) - set(np.unique(parts[:, away > 0.048]))
        is_tooth = np.isin(parts, list(at_line - {0}))
        if is_tooth.any(1).sum() < 2:
            return
        top = np.where(is_tooth, reach, 0).min(1) - _RIM * is_tooth.any(1)
        bottom = np.where(is_tooth, reach, 0).max(1) + _RIM * is_tooth.any(1)
        kernel = np.hanning(7)[1:-1] / np.hanning(7).sum()
        top = np.convolve(np.minimum.reduce([np.roll(top, k) for k in (-1, 0, 1)]), kernel, "same")
        bottom = np.maximum.reduce([np.roll(bottom, k) for k in (-1, 0, 1)])
        self.lower = np.asarray(self.lower + np.convolve(bottom, kernel, "same"), np.float32)
        self.upper = np.asarray(self.upper + top, np.float32)
        self.is_open = True


def redness(colour: Floats) -> Floats:
    """Say how red colours, (..., 3) RGB, are: lips and gums more than teeth, in any light."""
    return np.asarray((colour[..., 0] - colour[..., 1]) / (colour.sum(-1) + 1), np.float32)


def like_teeth(seen: Floats, lip_redness: float) -> Floats:
    """Say what looks like teeth among what is seen between the lips.

    Args:
        seen: (..., 3) float32, RGB.
        lip_redness: Redness of the lips.

    Returns:
        (...) float32, 0 to 1.
    """
    bright, red = seen.mean(-1), redness(seen)
    if lip_redness - np.percentile(red, 5) < _ONE_HUE:
        level = np.percentile(bright, 85)
        return np.asarray(np.clip((bright / level - 0.55) / 0.24, 0, 1))
    pale = red < 0.6 * lip_redness
    if pale.sum() < 20:
        return np.zeros_like(bright)
    level, own = np.percentile(bright[pale], 85), float(np.median(red[pale]))
    range_ = max(lip_redness - own, 0.05)
    is_bright = np.clip((bright / level - 0.42) / 0.24, 0, 1)
    return np.asarray(is_bright * np.clip((own + 0.8 * range_ - red) / (0.4 * range_), 0, 1))


def _lip_colours(image: Image, landmarks: Floats) -> Floats:
    """(2, 5, 3) float32 colours in the middle of the upper and the lower lip."""
    pairs = (
        (topology.OUTER_LIP_UPPER, topology.INNER_LIP_UPPER),
        (topology.OUTER_LIP_LOWER, topology.INNER_LIP_LOWER),
    )
    spots = [
        0.5 * (landmarks[list(outer[3:8])] + landmarks[list(inner[3:8])]) for outer, inner in pairs
    ]
    return sample(image, np.asarray(spots, np.float32)).astype(np.float32)
