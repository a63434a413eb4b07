"""How late the lips of finished videos come, measured from their frames.

A video is saved and opened again; its frames are tracked, and the tracked gap between the lips is
compared with the motion that was asked for and, for clips of real people, with what their lips did.
How late the sound lies in the file is measured too and taken away. Slow movements are removed
first; the lag is the peak of Pearson's r, refined by a parabola.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.lips.truth import read_mono, track_file

import opensonic
from opensonic.channels import inner_lip_gap
from opensonic.metrics.curves import Curve, find_lag
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.train.speech.evaluate import TrueClip
from opensonic.train.speech.tracks import measure_lips
from opensonic.values import N_LANDMARKS

DRIFT_S = 0.4
"""Seconds over which the mean is taken away before a lag is measured."""
_SOUND_REACH_S = 0.2


@dataclass(frozen=True)
class Lag:
    """How late lips come.

    Attributes:
        ms: Milliseconds; above 0 the lips come after the sound.
        error_ms: Its standard error.
        r: Pearson's r at the peak.
    """

    ms: float
    error_ms: float
    r: float


@dataclass(frozen=True)
class RenderedResult:
    """Lags of one finished video.

    Attributes:
        name: Of the sound.
        sound_ms: How late the sound lies in the file, ms.
        to_motion: Lips against the motion that was asked for, the sound's place taken away.
        to_truth: Lips against those of the person who really spoke, or None.
    """

    name: str
    sound_ms: float
    to_motion: Lag
    to_truth: Lag | None


def measure_delay(found: Curve, true: Curve) -> float:
    """Give how many samples later `found` has what `true` has, by the peak of their correlation."""
    reach = int(_SOUND_REACH_S * SAMPLE_RATE)
    size = 1 << (len(found) + len(true)).bit_length()
    product = np.fft.irfft(np.fft.rfft(found, size) * np.conj(np.fft.rfft(true, size)), size)
    near = np.concatenate([product[-reach:], product[: reach + 1]])
    return float(near.argmax() - reach)


def _lag_between(gap: Curve, other: Curve, fps: float, sound_ms: float) -> Lag:
    length = min(len(gap), len(other))
    peak, error = find_lag(gap[:length], other[:length], round(DRIFT_S * fps))
    return Lag(peak.lag / fps * 1000 - sound_ms, error / fps * 1000, peak.r)


def measure_rendered(
    portrait: Path,
    sound: Path,
    clip: TrueClip | None,
    size_px: int,
    python: str | None = None,
) -> RenderedResult:
    """Make a video of a sound, open it again and measure its lips.

    Args:
        portrait: A picture seen from the front.
        sound: Any file with sound.
        clip: What the lips of the speaker really did, or None.
        size_px: Short side of the video.
        python: Interpreter that has MediaPipe, which then tracks; None takes our own mesh.
    """
    fps = clip.fps if clip is not None else 25
    video = opensonic.animate(
        str(portrait), str(sound), engine="mesh", min_resolution=size_px, fps=fps
    )
    motions = [chunk.motion.values for chunk in video if chunk.motion is not None]
    asked = inner_lip_gap(np.concatenate(motions))
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "video.mp4"
        video.save(saved)
        points, _ = track_file(saved, python)
        delay = measure_delay(read_mono(saved), read_mono(sound))
    gap, _ = measure_lips(points, np.arange(N_LANDMARKS))
    sound_ms = delay / SAMPLE_RATE * 1000
    return RenderedResult(
        name=sound.stem,
        sound_ms=sound_ms,
        to_motion=_lag_between(gap, asked, float(fps), sound_ms),
        to_truth=None if clip is None else _lag_between(gap, clip.gap, float(fps), sound_ms),
    )
