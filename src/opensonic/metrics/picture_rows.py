"""The rows about the face, the picture and the reference, and the moments that went wrong there."""

from __future__ import annotations

import numpy as np

from opensonic.metrics.cadence import measure_cadence
from opensonic.metrics.evaluation import Curve, Curves, Moment, Row
from opensonic.metrics.head import measure_head, measure_jumps
from opensonic.metrics.lids import find_blinks
from opensonic.metrics.lip_rows import NO_FACE
from opensonic.metrics.moments import (
    find_flashes,
    find_frozen,
    find_jumps,
    find_lost,
    find_misfits,
)
from opensonic.metrics.proportions import follow_drift
from opensonic.metrics.scales import make_row
from opensonic.metrics.watch import Watched

_SKIN = ("lightness", "red", "yellow")
_SHORTEST_BLINKING_S = 8.0
_SHORTEST_DRIFT_S = 4.0
_FACE_ROWS = (
    *("blink_rate", "blink_length", "head_motion", "head_yaw_range", "head_pitch_range"),
    *("head_roll_range", "head_jump", "identity_drift", "sharpness", "skin_flicker"),
    "colour_drift",
)
_REFERENCE_ROWS = ("lmd", "m_lmd", "psnr", "ssim")


def judge_picture(curves: Curves, watched: Watched) -> tuple[list[Row], list[Moment]]:
    """Judge face and picture.

    Args:
        curves: What was seen.
        watched: What they come from.
    """
    cadence = measure_cadence(curves.time_s, watched.columns["change"])
    jumps = measure_jumps(curves.x, curves.y, curves.shot)
    moments = [
        *find_jumps(jumps, curves.time_s),
        *find_flashes(curves.shot, watched.jumps, curves.time_s),
        *find_misfits(watched.jumps, curves.time_s),
        *find_lost(curves.seen, curves.time_s),
        *find_frozen(cadence.repeated, curves.time_s),
    ]
    rows = [make_row("face_visible", 100 * float(curves.seen.mean()))]
    if curves.seen.any():
        rows += _blink_rows(curves) + _head_rows(curves, jumps) + _lasting_rows(curves, watched)
        rows.append(make_row("sharpness", _median(curves.sharpness)))
        rows.append(make_row("skin_flicker", _mean(watched.columns["skin_flicker"])))
    else:
        rows += [make_row(name, None, NO_FACE) for name in _FACE_ROWS]
    flicker = _mean(curves.flicker)
    why = "" if flicker is not None else "no room beside or above the head"
    rows.append(make_row("flicker", flicker, why))
    n = len(curves.time_s)
    rows.append(make_row("repeated_frames", 100 * float(cadence.repeated.sum()) / max(n - 1, 1)))
    misplaced = sum(not jump.frozen for jump in watched.jumps)
    note = f"besides, {len(watched.jumps) - misplaced} lone repeats; `opensonic smooth` mends both"
    seconds = max(n / cadence.fps, 1.0) if n > 1 else 1.0
    rows.append(make_row("jumps", 60 * misplaced / seconds, note))
    cuts = int(np.count_nonzero(np.diff(curves.shot)))
    rows.append(make_row("cuts", cuts, "the picture changes at once, or the face was lost"))
    missing = 100 * cadence.missing / (n + cadence.missing)
    note = f"{cadence.missing} by the file's times at {cadence.fps:.5g} pictures a second"
    rows.append(make_row("missing_frames", missing, note if n > 1 else "a single picture"))
    return rows, moments


def judge_reference(watched: Watched, given: bool) -> list[Row]:
    """Judge the likeness to a reference; no rows without one.

    Args:
        watched: What was seen of both.
        given: Whether there is a reference.
    """
    if not given:
        return []
    rows = []
    sources = {"lmd": "face", "m_lmd": "mouth", "psnr": "psnr", "ssim": "ssim"}
    for name, column in sources.items():
        values = watched.beside[column]
        known = np.isfinite(values)
        note = f"{100 * known.mean():.0f} % of the pictures compared" if known.any() else ""
        lacks = "no picture of the reference shows a face at the same time"
        if name in {"psnr", "ssim"}:
            lacks = "no picture of the reference is shown at the same time"
        rows.append(make_row(name, _mean(values), note or lacks))
    return rows


def _blink_rows(curves: Curves) -> list[Row]:
    blinks = find_blinks(curves.blink, curves.time_s)
    if 60 * blinks.minutes < _SHORTEST_BLINKING_S:
        why = f"less than {_SHORTEST_BLINKING_S:g} s of face"
        rate = make_row("blink_rate", None, why)
    else:
        rate = make_row("blink_rate", blinks.per_minute, f"{len(blinks.times_s)} blinks")
    if not len(blinks.lengths_s):
        return [rate, make_row("blink_length", None, "no blink")]
    return [rate, make_row("blink_length", float(np.median(blinks.lengths_s)), "median")]


def _head_rows(curves: Curves, jumps: Curve) -> list[Row]:
    head = measure_head(curves.yaw, curves.pitch, curves.roll)
    known = np.isfinite(jumps)
    jump = 100 * float(jumps[known].max()) if known.any() else None
    return [
        make_row("head_motion", head.spread, "spread (root mean square) of yaw, pitch and roll"),
        make_row("head_yaw_range", head.yaw, "2nd to 98th percentile"),
        make_row("head_pitch_range", head.pitch, "2nd to 98th percentile"),
        make_row("head_roll_range", head.roll, "2nd to 98th percentile"),
        make_row("head_jump", jump, "within one picture"),
    ]


def _lasting_rows(curves: Curves, watched: Watched) -> list[Row]:
    """Rows about what shall stay as it was in the beginning."""
    seconds = float(np.ptp(curves.time_s[curves.seen]))
    if seconds < _SHORTEST_DRIFT_S:
        why = f"less than {_SHORTEST_DRIFT_S:g} s of face"
        return [make_row(name, None, why) for name in ("identity_drift", "colour_drift")]
    skin = np.stack([watched.columns[name] for name in _SKIN], axis=1)
    colour = follow_drift(skin, curves.time_s) * np.float32(len(_SKIN) ** 0.5)
    note = "largest of any second against the first two"
    return [
        make_row("identity_drift", float(np.nanmax(curves.drift)), note),
        make_row("colour_drift", float(np.nanmax(colour)), note),
    ]


def _mean(values: Curve) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else None


def _median(values: Curve) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
