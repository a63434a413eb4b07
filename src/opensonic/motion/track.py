"""Motion at moments of its own, as a file holds it, and the frames that a video takes from it.

A row stands for the middle of the time for which it is shown, as everywhere in this package; rows
that lie far apart are keys, and stand for the moments that they name. Values between rows are
interpolated linearly, but no closure of the lips is lost on the way: each closes at least one
frame. Outside the rows the face is at rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from opensonic.channels import CHANNELS, HIGH, INDEX, LOW, MOUTH, inner_lip_gap
from opensonic.values import Motion

Floats = npt.NDArray[np.float32]
Times = npt.NDArray[np.float64]

PARTS: Mapping[str, tuple[str, ...]] = {
    "mouth": CHANNELS[MOUTH],
    "blinks": ("blink_left", "blink_right"),
    "brows": ("brow_raise",),
    "gaze": ("gaze_x", "gaze_y"),
    "head turns": ("head_yaw", "head_pitch", "head_roll"),
    "head shifts": ("head_x", "head_y"),
    "breath": ("breath",),
}
"""Channels that only make sense together: a file that has one of them speaks for all of them."""
TOUCHING = 1e-4
"""Gap up to which lips count as touching, e."""
RELAX_S = 0.3
"""Time in which the face comes to rest after the last row, and leaves it before the first."""

_USUAL_RATES = (*map(Fraction, range(1, 121)), *(Fraction(n * 1000, 1001) for n in (24, 30, 60)))
_TOLERANCE = 0.02
"""How far a row may lie from an even beat, as a share of it: timecodes are rounded."""
_KEY_S = 0.1
"""Distance of rows from which they are keys and no frames, seconds."""
_HOLE = 0.3
"""Share by which a step differs from the usual one where rows are missing."""


@dataclass(frozen=True, eq=False)
class Track:
    """Some channels over time.

    Attributes:
        name: What messages call it.
        starts: (T,) float64, when each row begins to be shown, seconds, ascending.
        times: (T,) float64 moments for which the rows stand, seconds.
        values: (T, 21) float32, within their ranges; what is not known is 0.
        known: (21,) bool, the channels that the track tells of.
        fps: Rows per second, exact where the beat is even, else as usual as can be.
        end_s: When the last row ends, seconds.
        notes: Facts that the user should know.
        warnings: What may look wrong, and why.
    """

    name: str
    starts: Times
    times: Times
    values: Floats
    known: npt.NDArray[np.bool_]
    fps: Fraction
    end_s: float
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def build_track(
    name: str,
    starts: Times,
    values: Floats,
    known: npt.NDArray[np.bool_],
    *,
    fps: Fraction | None = None,
    notes: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
) -> Track:
    """Make a track from rows.

    Args:
        name: What messages call it.
        starts: (T,) float64, when each row begins to be shown, seconds, ascending; at least one.
        values: (T, 21) float32 channels; what lies outside its range is held to it.
        known: (21,) bool, the channels that were given; those which belong to them count as known.
        fps: Rows per second, if that is known; else it is measured.
        notes: Facts that the user should know.
        warnings: What may look wrong, and why.
    """
    given, fps = fps is not None, fps or measure_rate(starts)
    step = 1 / float(fps)
    exact = starts[0] + np.arange(len(starts)) * step
    is_even = np.abs(exact - starts).max() < _TOLERANCE * step
    if is_even:
        starts = exact
    is_dense = given or step <= _KEY_S
    is_frames = is_dense or (is_even and len(starts) > 2)
    known = known.copy()
    for names in PARTS.values():
        columns = [INDEX[channel] for channel in names]
        known[columns] = known[columns].any()
    return Track(
        name=name,
        starts=starts,
        times=starts + 0.5 * step * is_dense,
        values=np.where(known, np.clip(values, LOW, HIGH), 0).astype(np.float32),
        known=known,
        fps=fps,
        end_s=float(starts[-1] + step * is_frames),
        notes=notes,
        warnings=warnings,
    )


def track_of(motion: Motion, name: str = "motion") -> Track:
    """See a motion as a track that starts with the sound."""
    starts = np.arange(len(motion.values)) / float(motion.fps)
    known = np.ones(len(CHANNELS), bool)
    return build_track(name, starts, motion.values, known, fps=motion.fps)


def measure_rate(starts: Times) -> Fraction:
    """Measure the rows per second; the nearest usual rate if there is one within 0.1 %.

    Args:
        starts: (T,) float64, seconds, ascending. A single row counts as 25 a second.
    """
    if len(starts) < 2:
        return Fraction(25)
    steps = np.diff(starts)
    middle = np.sort(steps)[(len(steps) - 1) // 2]
    usual = np.abs(steps / middle - 1) < _HOLE  # all but holes in a recording
    rate = 1 / float(steps[usual].mean())
    nearest = min(_USUAL_RATES, key=lambda known: abs(float(known) - rate))
    if abs(float(nearest) / rate - 1) < 1e-3:
        return nearest
    return Fraction(rate).limit_denominator(1001) or Fraction(rate)


def sample_track(track: Track, fps: Fraction, n_frames: int) -> Floats:
    """Take the frames of a video from a track that starts with it.

    Args:
        track: What the face does.
        fps: Frames per second of the video.
        n_frames: Frames wanted.

    Returns:
        (n_frames, 21) float32; at the track's own rate exactly its values.
    """
    moments = np.asarray((np.arange(n_frames) + 0.5) / float(fps), np.float64)
    values = _take_rows(track, fps, moments)
    if values is None:
        values = np.empty((n_frames, len(CHANNELS)), np.float32)
        for column in range(len(CHANNELS)):
            values[:, column] = np.interp(moments, track.times, track.values[:, column])
        if track.known[MOUTH].any():
            _keep_closures(track, fps, moments, values)
    end = max(track.end_s, float(track.times[-1]))
    outside = np.maximum(track.starts[0] - moments, moments - end - 1e-9)
    share = np.clip(1 - np.maximum(outside, 0) / RELAX_S, 0, 1)
    return np.asarray(values * (share * share * (3 - 2 * share))[:, None], np.float32)


def _take_rows(track: Track, fps: Fraction, moments: Times) -> Floats | None:
    """Take the rows themselves where track and video have the same beat; else None."""
    step = 1 / float(fps)
    even = track.starts[0] + step * np.arange(len(track.starts))
    ahead = float(track.starts[0]) / step
    same_beat = abs(ahead - round(ahead)) < _TOLERANCE and np.abs(even - track.starts).max() < 1e-9
    if track.fps != fps or not same_beat:
        return None
    rows = np.arange(len(moments)) - round(ahead)
    return track.values[np.clip(rows, 0, len(track.values) - 1)]


def _keep_closures(track: Track, fps: Fraction, moments: Times, values: Floats) -> None:
    """Give each closure of the track at least one frame, the one nearest to its middle."""
    shut = inner_lip_gap(track.values) <= TOUCHING
    edges = np.flatnonzero(np.diff(np.concatenate([[0], shut.astype(np.int8), [0]])))
    for first, last in edges.reshape(-1, 2):
        when = 0.5 * (track.times[first] + track.times[last - 1])
        frame = int(np.clip((when * float(fps)) // 1, 0, len(moments) - 1))
        if abs(moments[frame] - when) <= 0.5 / float(fps) + 1e-9:
            values[frame, MOUTH] = track.values[(first + last - 1) // 2, MOUTH]
