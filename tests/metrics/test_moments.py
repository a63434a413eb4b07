"""What went wrong, when, and how bad it is; and how figures are judged."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from opensonic.metrics.moments import (
    MOST_MOMENTS,
    find_flashes,
    find_frozen,
    find_jumps,
    find_lags,
    find_lost,
    find_misfits,
    find_missed,
    find_open_silence,
    sort_moments,
)
from opensonic.metrics.scales import SCALES, make_row
from opensonic.post.smooth.finder import Jump
from opensonic.post.sync.lag import SyncWindow

TIMES = (np.arange(250) + 0.5) / 25


def _flags(*spans):
    flags = np.zeros(250, bool)
    for first, last in spans:
        flags[first:last] = True
    return flags


def test_open_lips_in_silence_are_one_moment_per_stretch():
    gap = np.full(250, 0.02, np.float32)
    gap[10:30], gap[100:104] = 0.1, 0.08
    wide, narrow = find_open_silence(_flags((10, 30), (100, 104)), gap, 0.01, TIMES)
    assert (wide.time_s, wide.end_s) == (TIMES[10], TIMES[29])
    assert wide.severity > 1 > narrow.severity > 0
    assert wide.what == "lips open in silence"


def test_missed_closures_are_as_bad_as_the_lips_are_open():
    gap = np.full(250, 0.1, np.float32)
    gap[:25] = 0.01
    gap[70:80] = 0.05
    worse, better = find_missed(np.array([[2.0, 2.1], [3.0, 3.1]]), gap, TIMES)
    assert worse.time_s == 2.0
    assert worse.severity > better.severity > 0
    gap[:] = np.nan
    assert not list(find_missed(np.array([[2.0, 2.1]]), gap, TIMES))


def test_only_clear_and_large_lags_are_told():
    windows = (
        SyncWindow(0, 8, 0.02, 0.9),
        SyncWindow(8, 16, 0.2, 0.9),
        SyncWindow(16, 24, -0.1, 0.9),
        SyncWindow(24, 32, 0.3, 0.3),
    )
    late, early = find_lags(SimpleNamespace(windows=windows), 0.8)
    assert late.what == "sound 200 ms late"
    assert early.what == "sound 100 ms early"
    assert late.severity > 1 > early.severity


def test_jumps_of_the_head_and_lost_faces():
    jumps = np.full(250, 0.01, np.float32)
    jumps[[0, 249]], jumps[99:102] = np.nan, (0.15, 0.3, 0.15)
    (jump,) = find_jumps(jumps, TIMES)
    assert jump.severity == pytest.approx(1.5)
    short, long = find_lost(~_flags((20, 22), (100, 200)), TIMES)
    assert short.severity < 1 < long.severity


def test_pictures_that_stand_still_or_do_not_fit():
    (still,) = find_frozen(_flags((50, 51), (100, 130)), TIMES)
    assert still.time_s == TIMES[100]
    shot = np.zeros(250, np.int32)
    shot[60:], shot[61:], shot[120:] = 1, 2, 3
    (flash,) = find_flashes(shot, (), TIMES)
    assert flash.time_s == TIMES[60]
    assert not list(find_flashes(shot, (Jump(60, False),), TIMES))
    out, repeated = find_misfits((Jump(60, False), Jump(90, True)), TIMES)
    assert (out.what, repeated.what) == ("picture out of place", "picture repeated")
    assert out.severity > repeated.severity


def test_the_worst_come_first_and_not_all_are_kept():
    moments = list(find_jumps(np.tile([0.01, 0.3], 125).astype(np.float32), TIMES))
    moments += find_frozen(_flags((0, 100)), TIMES)
    kept = sort_moments(moments)
    assert len(kept) == MOST_MOMENTS
    assert kept[0].what == "picture stands still"
    assert kept[1].time_s < kept[2].time_s


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("lag", 0, "good"),
        ("lag", 60, "good"),
        ("lag", -60, "fair"),
        ("lag", 200, "poor"),
        ("lag_confidence", 0.9, "good"),
        ("lag_confidence", 0.2, "poor"),
        ("open_in_silence", 3, "good"),
        ("open_in_silence", 90, "poor"),
        ("blink_rate", 0, "poor"),
        ("blink_rate", 15, "good"),
        ("head_motion", 3, ""),
        ("psnr", 30, ""),
    ],
)
def test_verdicts(name, value, verdict):
    assert make_row(name, value).verdict == verdict


def test_what_is_not_known_has_no_verdict():
    for value in (None, math.nan, math.inf):
        row = make_row("lag", value, "no sound")
        assert (row.value, row.verdict, row.badness, row.note) == (None, "", None, "no sound")


def test_badness_grows_to_the_worse_end():
    assert make_row("psnr", 20).badness > make_row("psnr", 30).badness
    assert make_row("flicker", 3).badness > make_row("flicker", 1).badness
    assert make_row("lag", -100).badness > make_row("lag", 10).badness
    assert make_row("head_yaw_range", 10).badness is None


def test_good_and_fair_of_every_scale_fit_together():
    for name, scale in SCALES.items():
        assert (scale.best is None) == (scale.fair is None), name
        if scale.best is not None:
            assert scale.fair[0] <= scale.best[0] < scale.best[1] <= scale.fair[1], name
        assert scale.better in {"high", "low", "near", ""}
