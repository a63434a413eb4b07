"""Tracks: the beat of a file and the frames that a video takes from it."""

from fractions import Fraction

import numpy as np
import pytest

from opensonic.channels import CHANNELS, HIGH, INDEX, inner_lip_gap
from opensonic.motion.track import RELAX_S, build_track, measure_rate, sample_track, track_of
from opensonic.values import Motion


def track(jaw, fps=25, start_s=0.0, known=("jaw_open",)):
    values = np.zeros((len(jaw), len(CHANNELS)), np.float32)
    values[:, INDEX["jaw_open"]] = jaw
    starts = start_s + np.arange(len(jaw)) / float(fps)
    return build_track("x", starts, values, np.isin(CHANNELS, known))


def jaw_of(values):
    return values[:, INDEX["jaw_open"]]


@pytest.mark.parametrize("fps", [1, 12, 24, 25, 60, 120, Fraction(30000, 1001)])
def test_at_its_own_rate_a_track_gives_its_values(fps):
    drawn = np.random.default_rng(0).uniform(0, 1, (200, len(CHANNELS))).astype(np.float32)
    starts = np.round(np.arange(200) / float(fps), 6)  # as a file has them
    made = build_track("x", starts, drawn * HIGH, np.ones(len(CHANNELS), bool))
    assert made.fps == fps
    assert (sample_track(made, Fraction(fps), 200) == made.values).all()


def test_a_motion_is_a_track():
    motion = Motion(np.full((10, len(CHANNELS)), 0.25, np.float32), Fraction(50))
    assert (sample_track(track_of(motion), Fraction(50), 10) == motion.values).all()
    assert track_of(motion).known.all()


@pytest.mark.parametrize(
    ("steps", "fps"),
    [
        ([1 / 60] * 9, 60),
        ([0.033, 0.034, 0.033] * 30, 30),
        ([0.0333666667] * 40, Fraction(30000, 1001)),
        ([1 / 60] * 50 + [0.2] + [1 / 60] * 50, 60),  # a hole in the middle
        ([0.08] * 5, Fraction(25, 2)),
        ([4096.0] * 5, Fraction(1, 4096)),
    ],
)
def test_the_rate_is_measured(steps, fps):
    assert measure_rate(np.cumsum([0, *steps])) == fps


def test_between_rows_values_are_interpolated():
    values = sample_track(track(np.linspace(0.1, 0.9, 50), fps=25), Fraction(50), 100)
    inner = jaw_of(values)[2:-2]
    assert (np.diff(inner) > 0).all()
    assert np.ptp(np.diff(inner)) < 1e-6


@pytest.mark.parametrize(("rate", "fps"), [(60, 25), (100, 24), (120, 10), (25, 60), (30, 25)])
def test_no_closure_is_lost(rate, fps):
    for shift in range(12):
        jaw = np.full(2 * rate, 0.5)
        jaw[rate // 2 + shift] = 0  # one row: shorter than a frame of the video
        gap = inner_lip_gap(sample_track(track(jaw, rate), Fraction(fps), 2 * fps))
        assert (gap == 0).sum() == 1
        assert (
            abs((gap.argmin() + 0.5) / fps - (rate // 2 + shift + 0.5) / rate) <= 0.5 / fps + 1e-9
        )


def test_behind_its_end_and_before_its_start_a_track_is_at_rest():
    values = jaw_of(sample_track(track(np.full(25, 0.8), start_s=1.0), Fraction(25), 100))
    assert (values[25:50] == np.float32(0.8)).all()
    assert (values[: int(25 * (1 - RELAX_S))] == 0).all()
    assert (values[50 + int(np.ceil(25 * RELAX_S)) :] == 0).all()
    assert (np.diff(values[49:60]) <= 0).all()
    assert np.abs(np.diff(values)).max() < 0.2


def test_values_are_held_to_their_range_and_unknown_ones_are_0():
    made = track([5.0, -1.0])
    assert jaw_of(made.values).tolist() == [1, 0]
    assert made.known[: INDEX["blink_left"]].all()  # the mouth is one thing
    assert not made.known[INDEX["blink_left"] :].any()


def test_rows_far_apart_are_keys():
    made = build_track(
        "x",
        np.array([0, 0.5, 2]),
        np.array([[0.0] * 21, [0.5] + [0] * 20, [0.0] * 21], np.float32),
        np.isin(CHANNELS, ["jaw_open"]),
    )
    assert made.end_s == 2
    jaw = jaw_of(sample_track(made, Fraction(20), 40))
    assert jaw[9:11] == pytest.approx([0.475, 0.5 - 0.025 / 3], abs=1e-6)
    assert jaw[-2] == pytest.approx(0.025, abs=1e-6)


def test_one_row_is_held():
    assert (jaw_of(sample_track(track([0.5]), Fraction(25), 1)) == 0.5).all()
