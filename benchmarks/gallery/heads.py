"""The head in ten minutes of motion: how far it goes, whether it drifts, repeats itself, rests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.channels import INDEX

AXES = ("head_yaw", "head_pitch", "head_roll")
"""What is measured, in degrees."""
REPEAT_FROM_S = 2.0
"""Lag from which on a likeness of the motion with itself would be a repetition, seconds."""
_AT_REST = 0.5
_SPEAKING = 0.5


@dataclass(frozen=True)
class HeadFigures:
    """How somebody moves the head, for each of `AXES`.

    Attributes:
        minutes: Length of the motion.
        spread: Standard deviation, degrees.
        farthest: Largest deviation from the picture, degrees.
        drift: Largest difference of a minute's mean from the picture, degrees.
        likeness: Highest peak of the autocorrelation from two seconds on.
        likeness_s: Lag of that peak, seconds.
        at_rest: Share of the time within half a standard deviation of the picture.
        calm: Median speed in pauses over that in speech.
    """

    minutes: float
    spread: tuple[float, ...]
    farthest: tuple[float, ...]
    drift: tuple[float, ...]
    likeness: tuple[float, ...]
    likeness_s: tuple[float, ...]
    at_rest: tuple[float, ...]
    calm: tuple[float, ...]


def measure_head(
    values: npt.NDArray[np.float32], speaking: npt.NDArray[np.float32], fps: float
) -> HeadFigures:
    """Measure the head of a motion.

    Args:
        values: (T, C) channels, a minute at least.
        speaking: (T,) whether speech is heard, 0 to 1.
        fps: Frames per second.
    """
    pose = values[:, [INDEX[name] for name in AXES]].astype(np.float64)
    spread = pose.std(axis=0)
    minute = round(60 * fps)
    means = [part.mean(axis=0) for part in np.split(pose, range(minute, len(pose), minute))]
    means = means[: max(len(pose) // minute, 1)]
    speed = np.abs(np.diff(pose, axis=0))
    talks = speaking[1:] > _SPEAKING
    calm = np.median(speed[~talks], axis=0) / np.median(speed[talks], axis=0)
    peaks = [_find_likeness(column, fps) for column in pose.T]
    return HeadFigures(
        minutes=len(pose) / minute,
        spread=tuple(spread.tolist()),
        farthest=tuple(np.abs(pose).max(axis=0).tolist()),
        drift=tuple(np.abs(means).max(axis=0).tolist()),
        likeness=tuple(peak for peak, _ in peaks),
        likeness_s=tuple(lag for _, lag in peaks),
        at_rest=tuple((np.abs(pose) < _AT_REST * spread).mean(axis=0).tolist()),
        calm=tuple(calm.tolist()),
    )


def _find_likeness(column: npt.NDArray[np.float64], fps: float) -> tuple[float, float]:
    """Give the highest peak of the autocorrelation beyond two seconds, and its lag in seconds."""
    centred = column - column.mean()
    power = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    alike = np.fft.irfft(power)[: len(centred) // 2]
    alike /= max(float(alike[0]), 1e-12)
    first = round(REPEAT_FROM_S * fps)
    here = alike[first:-1]
    is_peak = (here > alike[first - 1 : -2]) & (here >= alike[first + 1 :])
    best = int(np.argmax(np.where(is_peak, here, -1)))
    return float(here[best]) if is_peak.any() else 0.0, (first + best) / fps
