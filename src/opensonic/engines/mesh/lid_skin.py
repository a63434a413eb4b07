"""The skin of an upper lid, unrolled: what an open eye hides and a blink brings out.

When a lid closes, the skin between brow and lashes is hardly drawn out: the fold above the lashes
stays almost where it is, and what was rolled in behind it comes out. So the picture around an eye
is opened along a seam just above the lashes, and a strip is painted into the opening: in the
colours of the skin beside the seam, shaded by the fold and by the ball beneath, with the grain of
the skin nearby.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.eyes import REACH, Eye
from opensonic.engines.mesh.sampling import Floats, Image, sample
from opensonic.engines.mesh.warp import ramp

Reader = Callable[[Floats], Image]
"""Reads the picture at (H, W, 2) float32 places, px: (H, W, 3 or 4) uint8."""
_LEAST_RIM, _MOST_RIM = 0.018, 0.055
"""Height of the rim with the dark lashes above the edge of the lid, e."""
_LIT = 0.84
"""Brightness, as a share of the lid's, from which skin counts as free of lashes and lines."""
_STRIP = 0.06
"""How far above the seam the colours of the skin are read, e."""
_LINE, _LINE_WIDTH = 0.05, 0.011
_SHADOW, _SHADOW_WIDTH = 0.10, 0.04
"""What the line of the fold and its shadow take from the light, and how far they reach, e."""
_LIKE = 0.015
"""How far from its ends the strip is like the skin that it comes from, e."""
_CHEEK, _LIKE_CHEEK = np.linspace(0.2, 0.35, 17, dtype=np.float32)[:, None], 0.4
"""Where the cheek is, e below the lower lid, and how far the strip takes its hue."""
_USUAL = 0.68
"""Brightness of a shut lid, as a share of the cheek's; one that was in shadow comes out of it."""
_WARM = np.array([0.8, 1.08, 1.15], np.float32)
"""Share of a shadow on skin that each colour takes."""
_ROUND = 0.13
"""What the turn of the ball takes from the light at the upper and lower end of the strip."""
_CAME_OUT = 0.3
"""Closure from which what came out of the fold looks as painted; before, it is what it came from.
"""
_MARGIN = 0.16
"""How far the unrolled picture goes on beyond what the lids move, e."""
_PER_PX = 2
"""Pixels of the unrolled picture for each of the picture, along each side."""
_DETAIL = 0.02
"""Size of what counts as grain of the skin, e."""
_GRAIN_FROM = (0.18, 0.26, 0.34, -0.42, -0.5)
"""Where grain is looked for: below the lower lid or above the upper one, e."""


def find_seam(eye: Eye, axes: Floats, read: Reader) -> Floats:
    """Find where clear skin begins above the lashes.

    Args:
        eye: The eye.
        axes: (2, 2) float32, one e to the right and one down in the picture, px.
        read: Reads the picture.

    Returns:
        (97,) float32, e below the middle of the eye.
    """
    up = np.linspace(0, 0.12, 49, dtype=np.float32)[:, None]
    light = _read(eye.upper - up, eye, axes, read)[..., :3].mean(-1)
    light = _mix(np.asarray(light.T, np.float32), 1).T
    near = (up > 0.03) & (up < np.maximum(0.7 * eye.room, 0.045))
    level = np.array([np.percentile(light[near[:, i], i], 70) for i in range(light.shape[1])])
    lit = (light > _LIT * _mix(level[:, None], 5)[:, 0]) & (up >= _LEAST_RIM)
    most = np.minimum(_MOST_RIM, 0.6 * eye.room)
    rim = np.clip(np.where(lit.any(0), up[lit.argmax(0), 0], most), _LEAST_RIM, most)
    rim = cv2.dilate(rim.astype(np.float32)[:, None], np.ones((5, 1), np.uint8))
    return np.asarray(eye.upper - _mix(rim, 5)[:, 0], np.float32)


def _read(y: npt.NDArray[Any], eye: Eye, axes: Floats, read: Reader) -> Floats:
    """Read the picture at heights ((R, 97), e) in the columns of the eye: (R, 97, D) float32."""
    right = eye.middle + (eye.grid * eye.half)[:, None] * axes[0]
    return read(np.asarray(right + y[..., None] * axes[1], np.float32)).astype(np.float32)


def _mix(rows: npt.NDArray[Any], width: int) -> Floats:
    """Mix each row of (N, D) with those up to some rows away."""
    size = (1, 4 * width + 1)
    kind = cv2.BORDER_REPLICATE
    mixed = cv2.GaussianBlur(rows.astype(np.float32), size, 1.0, sigmaY=width, borderType=kind)
    return np.asarray(mixed, np.float32).reshape(rows.shape)


class LidSkin:
    """The unrolled picture around one upper lid.

    Args:
        eye: The eye.
        seam: (97,) float32 height of the seam, e below the middle of the eye.
        hidden: (97,) float32 height of what is rolled in there, e.
        down: Heights between which the lids move, e.
        axes: (2, 2) float32, one e to the right and one down in the picture, px.
        read: Reads the picture.
    """

    def __init__(
        self,
        eye: Eye,
        seam: Floats,
        hidden: Floats,
        down: tuple[float, float],
        axes: Floats,
        read: Reader,
    ) -> None:
        self._eye, self._seam, self._hidden = eye, seam, hidden
        self._axes, self._read = axes, read
        self.per_e = _PER_PX * float(np.sqrt(np.abs(np.linalg.det(axes))))
        """Pixels of the unrolled picture in one e."""
        right = REACH * eye.half + _MARGIN
        self.corner = np.array([-right, down[0] - _MARGIN], np.float32)
        """(2,) float32 where its first pixel lies to the right of and below the eye's middle, e."""
        bottom = down[1] + float(hidden.max()) + _MARGIN
        size = (np.array([right, bottom]) - self.corner) * self.per_e
        self._columns, self._rows = (int(n) + 2 for n in size)
        self._open = self._unroll()
        self._shut = self._open.copy()
        self._mixed = self._open.copy()
        self._band = self._paint_band()

    def read(self, places: Floats, closure: float) -> Image:
        """Read the unrolled picture.

        Args:
            places: (H, W, 2) float32, px of the unrolled picture.
            closure: How far the lid is shut, 0 to 1.

        Returns:
            (H, W, D) uint8, as what reads the picture gives it.
        """
        share = min(closure / _CAME_OUT, 1.0)
        if share >= 1:
            return sample(self._shut, places)
        if share <= 0:
            return sample(self._open, places)
        band = self._band
        cv2.addWeighted(
            self._open[band], 1 - share, self._shut[band], share, 0, dst=self._mixed[band]
        )
        return sample(self._mixed, places)

    def _lay_out(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Give for all columns x in e, seam and height of the strip, and for all rows t in e."""
        x = self.corner[0] + np.arange(self._columns, dtype=np.float32) / np.float32(self.per_e)
        s = x / self._eye.half
        seam = np.interp(s, self._eye.grid, self._seam).astype(np.float32)
        hidden = np.interp(s, self._eye.grid, self._hidden).astype(np.float32)
        t = self.corner[1] + np.arange(self._rows, dtype=np.float32) / np.float32(self.per_e)
        return x, seam, hidden, t[:, None]

    def _unroll(self) -> Image:
        x, seam, hidden, t = self._lay_out()
        y = np.where(t < seam + hidden, np.minimum(t, seam), t - hidden)
        return self._read(self._place(x, y))

    def _place(self, x: Floats, y: Floats) -> Floats:
        right = self._eye.middle + x[:, None] * self._axes[0]
        return np.asarray(right + y[..., None] * self._axes[1], np.float32)

    def _paint_band(self) -> slice:
        """Paint the strip into the picture of the shut eye; its rows."""
        x, seam, hidden, t = self._lay_out()
        first = int(np.searchsorted(t[:, 0], float(seam.min()) - 0.03))
        last = int(np.searchsorted(t[:, 0], float((seam + hidden).max()) + 0.03))
        band = slice(first, max(last, first + 1))
        under = t[band] - seam
        inside = ramp(under, -0.014, 0.006) * (1 - ramp(under - hidden, -0.012, 0.006))
        near = 1 - ramp(np.abs(x / self._eye.half), 1.05, 1.35)  # beyond, there may be hair
        inside = np.asarray(inside * ramp(hidden, 0.004, 0.02) * near, np.float32)[..., None]
        skin = self._paint(x, under, hidden)
        mixed = self._open[band] + inside * (skin - self._open[band])
        self._shut[band] = np.clip(np.rint(mixed), 0, 255)
        return band

    def _paint(self, x: Floats, under: Floats, hidden: Floats) -> Floats:
        """Paint the strip: (h, W, D) float32, what is `under` the seam by so many e."""
        colours, s = self._mix_colours(), x / self._eye.half
        base, beside = (
            np.stack([np.interp(s, self._eye.grid, column) for column in each.T], -1)
            for each in colours
        )
        ends = np.exp(-np.maximum(under, 0) / _LIKE) + np.exp(
            -np.maximum(hidden - under, 0) / _LIKE
        )
        base = base + 0.8 * np.minimum(ends, 1)[..., None] * (beside - base)
        v = np.clip(under / np.maximum(hidden, 1e-3), 0, 1)
        fold = ramp(hidden, 0.01, 0.04)
        dark = _LINE * np.exp(-((under / _LINE_WIDTH) ** 2))
        dark += _SHADOW * np.exp(-((np.maximum(under, 0) / _SHADOW_WIDTH) ** 2))
        dark += _ROUND * (1 - np.sin(np.pi * v))
        skin = base + np.zeros((*under.shape, 1), np.float32)
        skin[..., :3] *= 1 - (fold * dark)[..., None] * _WARM
        skin[..., :3] += self._take_grain(x, len(under))
        return np.asarray(np.clip(skin, 0, 255), np.float32)

    def _mix_colours(self) -> tuple[Floats, Floats]:
        """(97, D) float32 colours of the skin above the seam, free of lines and hair, and at it."""
        eye = self._eye
        room = np.maximum(eye.room - (eye.upper - self._seam), 0.01)
        up = np.linspace(0, 1, 17, dtype=np.float32)[:, None] * np.minimum(_STRIP, 0.7 * room)
        seen = _read(self._seam - up, eye, self._axes, self._read)
        light = seen[..., :3].mean(-1)
        usual = _mix(np.percentile(light, 70, axis=0)[:, None], 6)[:, 0]
        weight = np.exp(-(((light / np.maximum(usual, 1) - 1) / 0.15) ** 2)) + 1e-3
        rows = np.column_stack([(seen * weight[..., None]).sum(0), weight.sum(0)])
        rows = _mix(rows, 7)
        wide = np.asarray(rows[:, :-1] / rows[:, -1:], np.float32)
        cheek = _read(np.median(eye.lower) + _CHEEK + 0 * up, eye, self._axes, self._read)
        hue = np.median(cheek[..., :3], (0, 1)) + 1
        grey = wide[:, :3].mean(1, keepdims=True)
        change = grey * hue / hue.mean() - wide[:, :3]
        far = np.abs(change).mean(1, keepdims=True) / np.maximum(grey, 1)  # make-up, or a drawing
        wide[:, :3] += _LIKE_CHEEK * np.exp(-((far / 0.18) ** 2)) * change
        share = float(grey[np.abs(eye.grid) < 0.7].mean()) / float(hue.mean())
        wide[:, :3] *= 1 + 0.6 * float(np.clip(_USUAL / max(share, 0.1) - 1, 0, 0.6))
        close = _mix(seen[:5].mean(0), 5)
        down = np.linspace(0.05, 0.09, 9, dtype=np.float32)[:, None]
        below = _mix(np.median(_read(eye.lower + down, eye, self._axes, self._read), 0), 7)
        tight = _mix(1 - ramp(room, 0.015, 0.04)[:, None], 6)
        return wide + tight * (below - wide), close + tight * (below - close)

    def _take_grain(self, x: Floats, n_rows: int) -> Floats:
        """(h, W, 3) float32 grain of the smoothest skin nearby, free of lines and edges."""
        down = np.arange(n_rows, dtype=np.float32)[:, None] / np.float32(self.per_e)
        middle = float(np.median(self._eye.lower))
        near = np.abs(x) <= max(1.1 * self._eye.half, float(np.abs(x).min()))
        found = []
        for start in _GRAIN_FROM:
            y = middle + start + np.copysign(down, start)
            seen = self._read(self._place(x, y + 0 * x))[..., :3].astype(np.float32)
            grain = seen - _blur(seen, _DETAIL * self.per_e)
            power = _blur((grain**2).mean(-1), 2 * _DETAIL * self.per_e)
            size = np.sqrt(np.maximum(power, 1e-3))
            usual = float(np.percentile(size[:, near], 50))
            even = grain * np.minimum(usual / size, 1)[..., None]
            found.append((usual, np.clip(even, -2.5 * usual, 2.5 * usual)))
        return np.asarray(sorted(found, key=lambda each: each[0])[1][1], np.float32)


def _blur(picture: Floats, sigma: float) -> Floats:
    """Blur by a triangle as wide as a Gaussian, px: as fast for any width."""
    side = 2 * max(round(2.45 * sigma), 1) + 1
    return np.asarray(cv2.stackBlur(picture, (side, side)), np.float32)
