"""What is measured on the renders of one portrait.

Lengths are in shares of the mouth's width or of `e`, the distance of the outer eye corners;
colours in steps of 1/255.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from benchmarks.gallery.renders import Renders
from benchmarks.gallery.trackers import Tracker

from opensonic.channels import INDEX, inner_lip_gap
from opensonic.face.topology import CHIN, EYE_CORNERS, FOREHEAD, INNER_LIPS
from opensonic.inspector.poses import CLOSED, VISEMES, pose_values
from opensonic.inspector.sheets import head_box
from opensonic.metrics.closures import TOUCHING_GAP

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_LOOK_PX = 480
"""Width of what the tracker sees, px."""
_LIP_PAIRS = ((82, 87), (13, 14), (312, 317))
_CORNERS = (61, 291)
_SKIN = (9, 151, 108, 337, 118, 347, 6, 197)
"""Landmarks on forehead, upper cheeks and nose: skin that no pose draws anew."""
_PATCH = 0.05
"""Side of the patch around each, e."""
_QUIET_STEP = 0.3
"""Step that counts as next to nothing, % of e."""
_BACKGROUND_U, _SHOULDERS_V = 2.1, 1.0
"""Beside the head, above the shoulders: from here on only background, e."""
_HELD_FRAMES = 50
_HELD = "ah"


@dataclass(frozen=True)
class Figures:
    """What was measured on one portrait.

    Attributes:
        mouth_open: Whether the picture's own mouth stands open.
        gap_picture: Gap between the inner lips over the mouth's width, in the picture itself, %.
        gap_rest: The same at rest (silence), %.
        gap_closed: The largest of p b m at three strengths, %.
        gap_speech: The median over the frames of the speech in which the lips shall touch, %.
        gap_speech_worst: The largest of those, %.
        changed_at_rest: Pixels that differ from the picture at rest.
        changed_outside: Pixels that differ from rest where a pose moves nothing, the most of all.
        skin: Change of the colour of skin, median over the face, the largest of all poses, 1/255.
        step_asked: Largest movement of a landmark from frame to frame that the motion asks for,
            % of e.
        step_over: By how much a tracked landmark moves further than any is asked to, % of e.
        step_noise: Largest movement of a tracked landmark where next to nothing is asked: the
            tracker's own unrest, % of e.
        flicker_still: Mean change inside an open mouth from frame to frame, nothing moving, 1/255.
        flicker_breath: The same while only the chest breathes.
        flicker_drift: The same while the head drifts by parts of a pixel.
    """

    mouth_open: bool
    gap_picture: float
    gap_rest: float
    gap_closed: float
    gap_speech: float
    gap_speech_worst: float
    changed_at_rest: int
    changed_outside: int
    skin: float
    step_asked: float
    step_over: float
    step_noise: float
    flicker_still: float
    flicker_breath: float
    flicker_drift: float


def measure(renders: Renders, tracker: Tracker, frames: Iterable[Image]) -> Figures:
    """Measure the renders of one portrait.

    Args:
        renders: The renders.
        tracker: Places the landmarks.
        frames: Those of the speech, in order.
    """
    look = _Look(renders)
    stills = look.track(tracker, [renders.portrait.image, *renders.stills])
    gaps = 100 * lip_gap(stills)
    closed = [k + 1 for k, pose in enumerate(renders.poses) if pose.name.startswith(CLOSED)]
    spoken = look.track(tracker, frames)
    shall_touch = inner_lip_gap(renders.speech) <= TOUCHING_GAP / 4
    touching = 100 * lip_gap(spoken[shall_touch]) if shall_touch.any() else gaps[1:2]
    asked, over, noise = _measure_steps(renders, spoken)
    flicker = [_measure_flicker(renders, held) for held in _hold_mouth()]
    return Figures(
        mouth_open=renders.mouth_stands_open,
        gap_picture=float(gaps[0]),
        gap_rest=float(gaps[1]),
        gap_closed=float(np.max(gaps[closed])),
        gap_speech=float(np.nanmedian(touching)),
        gap_speech_worst=float(np.nanmax(touching)),
        changed_at_rest=_count_changes(renders.portrait.image, renders.stills[0]),
        changed_outside=_measure_outside(renders),
        skin=_measure_skin(renders),
        step_asked=asked,
        step_over=over,
        step_noise=noise,
        flicker_still=flicker[0],
        flicker_breath=flicker[1],
        flicker_drift=flicker[2],
    )


def lip_gap(points: Floats) -> Floats:
    """Give the gap between the inner lips over the mouth's width, (T,), of (T, 478, 2) points."""
    across = np.linalg.norm(points[:, _CORNERS[0]] - points[:, _CORNERS[1]], axis=-1)
    gaps = [np.linalg.norm(points[:, a] - points[:, b], axis=-1) for a, b in _LIP_PAIRS]
    return np.asarray(np.mean(gaps, axis=0) / across, np.float32)


class _Look:
    """The part of the frames that a tracker sees."""

    def __init__(self, renders: Renders) -> None:
        self._box = head_box(renders.portrait.face, renders.size)
        self._scale = _LOOK_PX / (self._box[2] - self._box[0])

    def _see(self, frames: Iterable[Image]) -> Iterator[Image]:
        x0, y0, x1, y1 = self._box
        how = cv2.INTER_AREA if self._scale < 1 else cv2.INTER_CUBIC
        size = (_LOOK_PX, round((y1 - y0) * self._scale))
        for frame in frames:
            seen = cv2.resize(frame[y0:y1, x0:x1], size, interpolation=how)
            yield np.asarray(seen, np.uint8)

    def track(self, tracker: Tracker, frames: Iterable[Image]) -> Floats:
        """Give (T, 478, 2) landmarks in px of the frames."""
        points = tracker.track(self._see(frames)) / self._scale + self._box[:2]
        return np.asarray(points, np.float32)


def _count_changes(a: Image, b: Image, where: npt.NDArray[np.bool_] | None = None) -> int:
    differs = (a != b).any(-1)
    return int((differs if where is None else differs & where).sum())


def _face_places(renders: Renders) -> tuple[Floats, Floats]:
    """Give (H, W) places right of and below the middle of the eyes, along the face, in e."""
    landmarks = renders.portrait.face.landmarks[:, :2]
    eyes = landmarks[list(EYE_CORNERS)].mean(0)
    down = landmarks[CHIN] - landmarks[FOREHEAD]
    down /= np.linalg.norm(down) * renders.portrait.face.eye_distance
    width, height = renders.size
    x, y = np.meshgrid(np.arange(width) + 0.5 - eyes[0], np.arange(height) + 0.5 - eyes[1])
    return (
        np.asarray(x * down[1] - y * down[0], np.float32),
        np.asarray(x * down[0] + y * down[1], np.float32),
    )


def _measure_outside(renders: Renders) -> int:
    u, v = _face_places(renders)
    far = (np.abs(u) > 2.6) | (v < -2.8) | (v > 4.2)
    still = {
        "mouth": far | (v < 0.08) | (np.abs(u) > 1.7),
        "eyes": far | (v > 0.55) | (v < -1.1) | (np.abs(u) > 1.3),
        "head": far | ((np.abs(u) > _BACKGROUND_U) & (v < _SHOULDERS_V)),
    }
    at_rest = renders.stills[0]
    return max(
        _count_changes(at_rest, frame, still[pose.kind])
        for pose, frame in zip(renders.poses, renders.stills, strict=True)
        if pose.kind in still
    )


def _measure_skin(renders: Renders) -> float:
    """Compare small patches of skin with the picture, where the engine says they have gone."""
    side = max(3, round(_PATCH * renders.portrait.face.eye_distance))
    here = renders.portrait.face.landmarks[list(_SKIN), :2]
    before = _patch_colours(renders.portrait.image, here, side)
    largest = 0.0
    for pose, frame in zip(renders.poses, renders.stills, strict=True):
        there = renders.renderer.landmarks(pose.values)[list(_SKIN), :2]
        change = np.abs(_patch_colours(frame, there, side) - before)
        largest = max(largest, float(np.median(change.max(1))))
    return largest


def _patch_colours(image: Image, places: Floats, side: int) -> Floats:
    """(N, 3) float32 mean colours of squares around places, px."""
    patches = [
        cv2.getRectSubPix(image, (side, side), (float(x) - 0.5, float(y) - 0.5)).mean((0, 1))
        for x, y in places
    ]
    return np.array(patches, np.float32)


def _measure_steps(renders: Renders, spoken: Floats) -> tuple[float, float, float]:
    """Compare the steps of tracked landmarks with those that are asked for, % of e.

    Returns:
        The largest step asked for; by how much a tracked one is larger than what is asked for
        around it; the largest tracked one where next to nothing is asked for.
    """
    percent = 100 / renders.portrait.face.eye_distance
    asked = np.stack([renders.renderer.landmarks(values)[:, :2] for values in renders.speech])
    wanted = percent * np.linalg.norm(np.diff(asked, axis=0), axis=-1).max(1)
    padded = np.pad(wanted, 1, "edge")
    around = np.maximum.reduce([padded[:-2], padded[1:-1], padded[2:]])
    found = percent * np.linalg.norm(np.diff(spoken, axis=0), axis=-1)[:, :468].max(1)
    seen = np.isfinite(found)
    quiet = seen & (around < _QUIET_STEP)
    return (
        float(wanted.max()),
        float(np.max(found[seen] - around[seen])) if seen.any() else float("nan"),
        float(found[quiet].max()) if quiet.any() else float("nan"),
    )


def _hold_mouth() -> Iterator[Floats]:
    """Give motions that hold the mouth open: still, breathing, and with a drifting head."""
    still = np.tile(pose_values(VISEMES[_HELD]), (_HELD_FRAMES, 1))
    time = np.arange(_HELD_FRAMES, dtype=np.float32) / _HELD_FRAMES
    breath, drift = still.copy(), still.copy()
    breath[:, INDEX["breath"]] = np.sin(np.pi * time)
    drift[:, INDEX["head_yaw"]] = 0.25 * np.sin(2 * np.pi * time)
    drift[:, INDEX["head_y"]] = 0.001 * np.sin(2 * np.pi * time)
    yield from (still, breath, drift)


def _measure_flicker(renders: Renders, held: Floats) -> float:
    """Mean absolute change inside the mouth from frame to frame, 1/255."""
    ring = renders.renderer.landmarks(held[0])[list(INNER_LIPS), :2]
    inside = np.zeros(renders.portrait.image.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.round(ring - 0.5).astype(np.int32)], 1)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return 0.0
    part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    seen = inside[part] > 0
    changes, before = [], None
    frame = np.empty_like(renders.portrait.image)
    for values in held:
        now = renders.renderer.render(values, frame)[part][seen].astype(np.float32)
        if before is not None:
            changes.append(float(np.abs(now - before).mean()))
        before = now
    return float(np.mean(changes))
