"""Every figure's title, unit and limits: what is good, what is fair, and which end is worse.

Limits are from standards where there are any, else from what the real clips of docs/evaluate.md and
the harmed ones beside them get. Where no honest limit can be given, as for the amount of head
motion, there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from opensonic.metrics.evaluation import Row, Verdict

_INF = math.inf

Range = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """How a figure is read.

    Attributes:
        title: What people call it.
        unit: Its unit, empty where it has none.
        group: Word of `evaluation.GROUPS`.
        good: What is good, in words.
        best: Range of good values, or None where there is no limit.
        fair: Range of values that are good or fair.
        better: "high", "low", "near" (the middle of `best`), or empty where neither end is worse.
    """

    title: str
    unit: str
    group: str
    good: str
    best: Range | None
    fair: Range | None
    better: str

    def judge(self, value: float) -> Verdict:
        """Say how a value is to be judged."""
        if self.best is None or self.fair is None:
            return ""
        if self.best[0] <= value <= self.best[1]:
            return "good"
        return "fair" if self.fair[0] <= value <= self.fair[1] else "poor"

    def badness(self, value: float) -> float | None:
        """Give a number that is larger for worse values; None where neither end is worse."""
        if self.better == "near" and self.best is not None:
            return abs(value - sum(self.best) / 2)
        return {"high": -value, "low": value}.get(self.better)


def _high(title: str, unit: str, group: str, good: float, fair: float) -> Scale:
    words = f"at least {good:g}{_spaced(unit)}"
    return Scale(title, unit, group, words, (good, _INF), (fair, _INF), "high")


def _low(title: str, unit: str, group: str, good: float, fair: float) -> Scale:
    words = f"at most {good:g}{_spaced(unit)}"
    return Scale(title, unit, group, words, (-_INF, good), (-_INF, fair), "low")


def _open(title: str, unit: str, group: str, words: str, better: str) -> Scale:
    return Scale(title, unit, group, words, None, None, better)


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""


SCALES = {
    "lag": Scale(
        *("Lag of the sound", "ms", "lips", "-40 to 60 (EBU R 37)"),
        *((-40, 60), (-90, 185), "near"),
    ),
    "lag_confidence": _high("Confidence in the lag", "", "lips", 0.8, 0.5),
    "lag_drift": Scale(
        *("Drift of the lag", "ms/min", "lips", "-20 to 20", (-20, 20), (-60, 60), "near")
    ),
    "lip_correlation": _high("Lip correlation", "", "lips", 0.3, 0.1),
    "lip_correlation_aligned": _high("Lip correlation, lag taken away", "", "lips", 0.3, 0.1),
    "closure_recall": _high("Closures met (recall)", "%", "lips", 75, 55),
    "closure_precision": _open(
        *("Closures right (precision)", "%", "lips", "well above chance", "high")
    ),
    "closure_recall_heard": _high("Closures met, as heard", "%", "lips", 65, 45),
    "closure_precision_heard": _open(
        *("Closures right, as heard", "%", "lips", "well above chance", "high")
    ),
    "open_in_silence": _low("Open mouth in silence", "%", "lips", 10, 30),
    "face_visible": _high("Face visible", "%", "face", 98, 90),
    "blink_rate": Scale(
        *("Blinks", "per min", "face", "6 to 40", (6, 40), (2, 60), "near"),
    ),
    "blink_length": Scale(
        *("Length of a blink", "s", "face", "0.1 to 0.4", (0.1, 0.4), (0.06, 0.6), "near"),
    ),
    "head_motion": _open("Head motion", "°", "face", "as wanted; still heads look dead", ""),
    "head_yaw_range": _open("Range of yaw", "°", "face", "as wanted", ""),
    "head_pitch_range": _open("Range of pitch", "°", "face", "as wanted", ""),
    "head_roll_range": _open("Range of roll", "°", "face", "as wanted", ""),
    "head_jump": _low("Largest jump of the head", "% of e", "face", 12, 25),
    "identity_drift": _low("Drift of the face's proportions", "% of e", "face", 3, 5),
    "sharpness": _high("Sharpness of the face", "", "picture", 0.08, 0.06),
    "flicker": _low("Flicker beside the head", "levels", "picture", 1, 2.5),
    "skin_flicker": _low("Flicker of the skin", "levels", "picture", 1.5, 3),
    "colour_drift": _low("Drift of the skin's colour", "ΔE", "picture", 6, 10),
    "repeated_frames": _low("Repeated pictures", "%", "picture", 1, 5),
    "jumps": _low("Jumps of the picture", "per min", "picture", 10, 30),
    "cuts": _open("Cuts", "", "picture", "0 in a video of one take", "low"),
    "missing_frames": _low("Missing pictures", "%", "picture", 0.5, 2),
    "lmd": _open("LMD (face)", "% of e", "reference", "lower; 0 is equal", "low"),
    "m_lmd": _open("M-LMD (mouth)", "% of e", "reference", "lower; 0 is equal", "low"),
    "psnr": _open("PSNR", "dB", "reference", "higher; above 30 looks alike", "high"),
    "lse_d": _open("LSE-D (SyncNet)", "", "lips", "lower; real videos: about 7", "low"),
    "lse_c": _open("LSE-C (SyncNet)", "", "lips", "higher; real videos: 7 to 8", "high"),
    "syncnet_lag": _open("Lag of the sound by SyncNet", "ms", "lips", "near 0", ""),
    "csim": _open("CSIM", "", "reference", "higher; 1 is the very same face", "high"),
    "csim_start": _open("Likeness to its own beginning", "", "face", "higher; 1 is equal", "high"),
    "csim_loss": _open("Likeness lost over time", "per min", "face", "near 0", "low"),
    "lpips": _open("LPIPS", "", "reference", "lower; 0 is equal", "low"),
    "fid": _open("FID", "", "reference", "lower; 0 is equal", "low"),
    "fvd": _open("FVD", "", "reference", "lower; 0 is equal", "low"),
    "ssim": _open("SSIM", "", "reference", "higher; 1 is equal", "high"),
}
"""How every figure is read, by its name."""


def make_row(name: str, value: float | None, note: str = "") -> Row:
    """Make a row of a figure in `SCALES`.

    Args:
        name: Its key.
        value: The figure; None or NaN where it could not be measured.
        note: Why not, or how to read it.
    """
    scale = SCALES[name]
    known = None if value is None or not math.isfinite(value) else value
    return Row(
        name=name,
        title=scale.title,
        value=known,
        unit=scale.unit,
        note=note,
        good=scale.good,
        group=scale.group,
        verdict="" if known is None else scale.judge(known),
        badness=None if known is None else scale.badness(known),
    )
