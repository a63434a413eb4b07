from dataclasses import replace

import numpy as np
import pytest

from opensonic.metrics.evaluation import Moment
from opensonic.metrics.report.plots import choose_plots, lips_around, telling_time, unseen
from opensonic.metrics.report.texts import ENGLISH
from opensonic.post.sync.lag import Sync, SyncWindow


def titles(evaluation):
    return [plot.title for plot in choose_plots(evaluation, ENGLISH)]


def test_what_is_not_known_leaves_no_plot(evaluation):
    one = evaluation()
    assert titles(one)[:3] == ["Lips seen and heard", "Loudness", "Lag over time"]
    unknown = np.full(len(one.curves.time_s), np.nan, np.float32)
    deaf = replace(one.curves, heard_gap=unknown, loudness_db=unknown)
    silent = replace(one, curves=deaf, sync=None)
    assert titles(silent)[:2] == ["Lips seen and heard", "Eyelids"]
    lips = next(choose_plots(silent, ENGLISH))
    assert [line.label for line in lips.lines] == ["seen in the picture"]


def test_stretches_without_a_face_are_shaded(evaluation):
    curves = evaluation(seconds=6).curves
    (span,) = unseen(curves)
    assert (span.start_s, span.end_s) == pytest.approx((2.7, 3.0), abs=0.041)
    seen = np.ones(len(curves.time_s), bool)
    assert unseen(replace(curves, seen=seen)) == ()
    assert len(unseen(replace(curves, seen=~seen))) == 1


def test_sure_lags_set_the_axis_and_wild_guesses_do_not(evaluation):
    windows = [(0.9, 0.15), (0.6, 0.02), (0.2, 0.7), (0.2, -0.12)]
    sync = Sync(
        0.1, 0.01, 0.9, tuple(SyncWindow(i, i + 2.0, lag, c) for i, (c, lag) in enumerate(windows))
    )
    plots = {plot.title: plot for plot in choose_plots(replace(evaluation(), sync=sync), ENGLISH)}
    dots = plots["Lag over time"].dots
    assert [(dot.time_s, dot.kind) for dot in dots] == [(1, "sure"), (2, "likely"), (4, "guess")]
    assert [dot.value for dot in dots] == pytest.approx([150, 20, -120])


def test_a_long_stretch_shows_where_lips_and_sound_differ_most(evaluation):
    one = evaluation(seconds=12)
    heard = one.curves.gap.copy()
    heard[np.isnan(heard)] = 0
    heard[200] += 1
    curves = replace(one.curves, heard_gap=heard)
    time_s = float(curves.time_s[200])
    assert telling_time(Moment(1.0, "late", 1.0, 11.0, "lag"), curves) == time_s
    assert telling_time(Moment(1.0, "open", 1.0, 1.5, "x"), curves) == 1.0
    late = Moment(1.0, "late", 1.0, 11.0, "lag")
    plot, left, right = lips_around(replace(one, curves=curves), late, ENGLISH)
    assert left < time_s < right
    assert right - left == pytest.approx(6)
    assert plot.marks_s == (time_s,)


@pytest.mark.parametrize("time_s", [0.0, 5.99, 99.0])
def test_moments_at_the_ends_have_a_plot_within_the_video(evaluation, time_s):
    one = evaluation(seconds=6)
    _, left, right = lips_around(one, Moment(time_s, "x", 1.0, time_s, "x"), ENGLISH)
    assert -1e-9 <= left < right <= 6 + 1e-9
