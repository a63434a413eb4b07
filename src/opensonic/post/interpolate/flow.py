"""The frame between two frames by dense optical flow, on any CPU.

Flow by dense inverse search (Kroeger et al., arXiv 1603.03590) as OpenCV has it, both ways, on a
small copy; brought to full size it fetches pixels of both frames, so the picture stays as sharp as
it is. Each pixel's way is followed back from the wanted time, not forth from a frame: nothing is
left without a colour. Where the two flows contradict each other something was covered or has
changed its shape (lips, lids): there one of the frames is taken, never a mixture of two mouths.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

MAX_SIDE = 192
"""Long side of the copy on which flow is found, px."""
CUT_SHARE = 0.4
"""Where more of the picture than this share is unlike after all, the shot has changed: nothing lies
between, and the nearer frame is shown."""

_STEPS_BACK = 3
_TRUST_PX = 0.7
_LIKE_LEVELS = 16.0
_TELL_APART = 12.0
_NEARER = 0.2
_CALM_PX = 1.5
_NOISE_SHARE = 0.2
_NOISE_LEVELS = 0.2
_REST_PX = 0.02
_REST_WEIGHT = 0.01

Gray = npt.NDArray[np.uint8]
Frames = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]
Pixels = TypeVar("Pixels", Gray, Field)


def shrink(frame: npt.NDArray[np.uint8], max_side: int = MAX_SIDE) -> Gray:
    """Make the small grey copy of a frame.

    Args:
        frame: (H, W, 3) uint8 RGB.
        max_side: Long side of the copy, px; smaller frames keep their size.

    Returns:
        (h, w) uint8, brightness.
    """
    height, width = frame.shape[:2]
    share = min(1.0, max_side / max(height, width))
    size = (max(1, round(width * share)), max(1, round(height * share)))
    small = frame if share == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


class FlowFinder:
    """Dense optical flow between small pictures; keeps its working memory from pair to pair."""

    MIN_SIDE = 16
    """Short side under which flow is not looked for, px: nothing is taken to move."""

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def find(self, first: Gray, second: Gray) -> Field:
        """Find where each pixel of the first picture goes.

        Args:
            first: (h, w) uint8.
            second: The same.

        Returns:
            (h, w, 2) float32 px, to the right and down.
        """
        flow = np.zeros((*first.shape, 2), np.float32)
        if min(first.shape) < self.MIN_SIDE:
            return flow
        return np.asarray(self._dis.calc(first, second, flow), np.float32)


@lru_cache(maxsize=4)
def pixel_grid(height: int, width: int) -> Field:
    """Give the place of each pixel: (H, W, 2) float32 px, x and y; not to be written to."""
    grid = np.empty((height, width, 2), np.float32)
    grid[..., 0] = np.arange(width)
    grid[..., 1] = np.arange(height)[:, None]
    grid.flags.writeable = False
    return grid


def fetch(image: Pixels, places: Field) -> Pixels:
    """Fetch each pixel from a place; beyond the picture its edge is repeated.

    Args:
        image: (H, W) or (H, W, C), uint8 or float32.
        places: (h, w, 2) float32 px, x and y.
    """
    fetched = cv2.remap(  # type: ignore[call-overload]
        image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(fetched, image.dtype)


class FlowBetween:
    """Makes frames between frames; a `Between` for uint8 frames.

    The flows of the last pair are kept, so that several frames between the same two cost little
    more than one.
    """

    def __init__(self) -> None:
        self._finder = FlowFinder()
        self._pair: tuple[Gray, Gray] | None = None
        self._flows: tuple[Field, Field] | None = None

    def __call__(self, first: Frames, second: Frames, share: Fraction | float) -> Frames:
        """Make the frame at a share of the way.

        Args:
            first: (1, H, W, 3) uint8 RGB.
            second: The same.
            share: 0 gives the first frame, 1 the second.

        Returns:
            (1, H, W, 3) uint8 RGB.
        """
        t = float(share)
        small = shrink(first[0]), shrink(second[0])
        forth, back = self._find(*small)
        here, there, weight = _trace(*small, forth, back, t)
        made = np.asarray(cv2.addWeighted(first[0], 1 - t, second[0], t, 0), np.uint8)
        size = made.shape[0], made.shape[1]
        box = _box_of_change(here, there, weight, t, size)
        if box is not None:
            ahead = _fetch_far(first[0], here, box)
            behind = _fetch_far(second[0], there, box)
            large = _enlarge(weight, size)[box]
            made[box] = cv2.blendLinear(ahead, behind, 1 - large, large)
        return made[None]

    def _find(self, first: Gray, second: Gray) -> tuple[Field, Field]:
        known = self._pair is not None and all(
            np.array_equal(old, new) for old, new in zip(self._pair, (first, second), strict=True)
        )
        if self._flows is None or not known:
            self._flows = (
                _calm(self._finder.find(first, second), first, second),
                _calm(self._finder.find(second, first), second, first),
            )
            self._pair = first, second
        return self._flows


def _box_of_change(
    here: Field, there: Field, weight: Field, t: float, size: tuple[int, int]
) -> tuple[slice, slice] | None:
    """Find the part of the full picture, (H, W), in which more is to be done than to mix by time.

    Returns:
        Rows and columns, with some room; None where nothing moves.
    """
    moves = np.abs(weight - t) > _REST_WEIGHT
    for way in (here, there):
        for axis in (0, 1):
            moves |= np.abs(way[..., axis]) > _REST_PX
    if not moves.any():
        return None
    spans = []
    for axis, length in enumerate(size):
        scale = length / moves.shape[axis]
        where = np.flatnonzero(moves.any(1 - axis))
        low, high = int((where[0] - 1) * scale), int((where[-1] + 2) * scale) + 1
        spans.append(slice(max(0, low), min(length, high)))
    return spans[0], spans[1]


def _enlarge(field: Field, size: tuple[int, int]) -> Field:
    return np.asarray(cv2.resize(field, size[::-1]), np.float32)


def _fetch_far(image: Gray, way: Field, box: tuple[slice, slice]) -> Gray:
    """Fetch a part of the full picture by a way that is known on the small copy.

    Places are rounded to 1/32 px, as OpenCV's quick way of fetching has them.
    """
    height, width = image.shape[:2]
    scale = np.array([width / way.shape[1], height / way.shape[0]], np.float32)
    places = cv2.add(_enlarge(way * scale, (height, width))[box], pixel_grid(height, width)[box])
    coarse, fine = cv2.convertMaps(places, None, cv2.CV_16SC2)  # type: ignore[call-overload]
    fetched = cv2.remap(image, coarse, fine, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(fetched, np.uint8)


def _calm(flow: Field, first: Gray, second: Gray) -> Field:
    """Still the flow where it explains no more than rest does: there it follows noise."""
    moved = fetch(second, pixel_grid(*first.shape) + flow)
    at_rest, in_motion = (
        cv2.GaussianBlur(cv2.absdiff(first, other).astype(np.float32), (0, 0), 3 * _CALM_PX)
        for other in (second, moved)
    )
    gain = (at_rest - in_motion) / (_NOISE_SHARE * at_rest + _NOISE_LEVELS)
    return np.asarray(cv2.multiply(flow, cv2.merge([gain.clip(0, 1)] * 2)), np.float32)


def _trace(
    first: Gray, second: Gray, forth: Field, back: Field, t: float
) -> tuple[Field, Field, Field]:
    """Follow every pixel at time t back to both frames.

    Returns:
        (h, w, 2) way to its place in the first frame and in the second, px; (h, w) weight of the
        second, 0 to 1.
    """
    grid = pixel_grid(*first.shape)
    here, there = -t * forth, (t - 1) * back
    for _ in range(_STEPS_BACK - 1):
        here = -t * fetch(forth, grid + here)
        there = (t - 1) * fetch(back, grid + there)
    doubt = _contradiction(forth, back, grid), _contradiction(back, forth, grid)
    ahead = fetch(doubt[0], grid + here), fetch(first, grid + here)
    behind = fetch(doubt[1], grid + there), fetch(second, grid + there)
    unlike = cv2.GaussianBlur(cv2.absdiff(ahead[1], behind[1]).astype(np.float32), (0, 0), _CALM_PX)
    lean = cv2.GaussianBlur((ahead[0] - behind[0]).astype(np.float32), (0, 0), 2 * _CALM_PX)
    # Alike: mixed by time, which hides noise and changes of light. Unlike: the one whose flow comes
    # back to itself, and where neither or both do, the nearer frame.
    chosen = 1 / (1 + np.exp(-_TELL_APART * (lean + (_NEARER if t > 0.5 else -_NEARER))))
    choice = np.square(np.square(unlike / _LIKE_LEVELS))
    choice /= choice + 1
    if float(choice.mean()) > CUT_SHARE:
        rest = np.zeros_like(forth)
        return rest, rest, np.full(first.shape, float(t > 0.5), np.float32)
    weight = (1 - choice) * t + choice * chosen
    return here, there, np.asarray(weight, np.float32)


def _contradiction(flow: Field, opposite: Field, grid: Field) -> Field:
    """Tell how far flow forth and back does not lead home: (h, w), 0 agrees, 1 does not."""
    off = flow + fetch(opposite, grid + flow)
    apart = np.square(off[..., 0]) + np.square(off[..., 1])
    return np.asarray(1 - np.exp(apart * np.float32(-1 / _TRUST_PX**2)), np.float32)
