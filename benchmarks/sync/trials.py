"""The three questions: is the lag right, is a planted change right, is a wrong sound found out?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.lips.tables import Table
from benchmarks.sync.takes import Take, delay, measure

SHIFTS_MS = tuple(range(-200, 201, 20))
SEGMENT_S = 3.0
_FRAME_MS = 40.0


def area(right: Sequence[float], wrong: Sequence[float]) -> float:
    """Give the area under the ROC curve: how often a right pair is above a wrong one."""
    good, bad = np.array(right)[:, None], np.array(wrong)[None]
    return float((good > bad).mean() + (good == bad).mean() / 2)


def cut_segments(takes: list[Take]) -> list[Take]:
    """Cut every video into pieces of 3 s; what is left over is dropped."""
    return [
        take.part(number * SEGMENT_S, (number + 1) * SEGMENT_S)
        for take in takes
        for number in range(int((take.seconds + 0.05) / SEGMENT_S))
    ]


def measure_lags(title: str, takes: list[Take], truth: dict[str, float]) -> Table:
    """Measure lags, and how well planted changes of -200 to +200 ms are found."""
    rows, figures, worst, n_right, n_frames_right = [], {}, 0.0, 0, 0
    for take in takes:
        own = measure(take.lips, take.sound)
        errors = []
        for shift_ms in SHIFTS_MS:
            moved = measure(take.lips, delay(take.sound, shift_ms / 1000))
            errors.append(1000 * (moved.lag_s - own.lag_s) - shift_ms)
        true_ms = _FRAME_MS * truth.get(take.name, 0.0)
        largest = float(np.abs(errors).max())
        worst = max(worst, largest)
        n_right += abs(1000 * own.lag_s - true_ms) <= _FRAME_MS
        n_frames_right += abs(round(1000 * own.lag_s / _FRAME_MS) - true_ms / _FRAME_MS) <= 1
        figures[take.name] = {
            "lag_ms": 1000 * own.lag_s,
            "error_ms": 1000 * own.error_s,
            "true_ms": true_ms,
            "confidence": own.confidence,
            "shift_errors_ms": errors,
        }
        rows.append(
            (
                take.name,
                f"{take.seconds:.1f}",
                f"{1000 * own.lag_s:+.0f} ± {1000 * own.error_s:.0f}",
                f"{true_ms:+.0f}",
                f"{own.confidence:.3f}",
                f"{largest:.1f}",
            )
        )
    header = ("video", "s", "lag, ms", "given", "confidence", "worst error of a planted change, ms")
    notes = [
        f"Within one frame of what is given, as whole frames: {n_frames_right} of {len(takes)}; "
        f"within {_FRAME_MS:g} ms of it: {n_right}; worst error over all "
        f"{len(SHIFTS_MS) * len(takes)} planted changes: {worst:.1f} ms."
    ]
    return Table(title, header, rows, notes, figures)


def measure_pairs(title: str, takes: list[Take], others: list[Take]) -> Table:
    """Measure how well confidence tells right sounds from wrong ones.

    Args:
        title: Of the table.
        takes: Whole videos.
        others: More videos whose sounds are wrong for all of them.
    """
    rows, figures = [], {}
    pieces = cut_segments(takes)
    for name, own, more in (
        ("segments of 3 s", pieces, cut_segments(others)),
        ("whole videos", takes, others),
    ):
        right = [measure(take.lips, take.sound).confidence for take in own]
        wrong = [
            measure(take.lips, other.sound).confidence
            for take in own
            for other in (*own, *more)
            if other is not take
        ]
        roc = area(right, wrong)
        shares = [float(np.mean(np.array(part) >= 0.8)) for part in (right, wrong)]
        figures[name] = {"right": right, "wrong": wrong, "roc_area": roc}
        rows.append(
            (
                name,
                str(len(right)),
                str(len(wrong)),
                f"{roc:.3f}",
                f"{100 * shares[0]:.0f} %",
                f"{100 * shares[1]:.1f} %",
            )
        )
    header = ("what", "right", "wrong", "ROC area", "right with 0.8 or more", "wrong with that")
    return Table(title, header, rows, [], figures)
