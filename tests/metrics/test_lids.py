"""Blinks in made-up eye aspect ratios."""

import numpy as np
import pytest

from opensonic.metrics.lids import close_lids, find_blinks, measure_lids

FPS = 25.0
TIMES = (np.arange(500) + 0.5) / FPS


def _eyes(depth=0.7, places=(100, 200, 210, 400), length=5):
    lids = 0.3 + 0.004 * np.sin(np.arange(500) * 0.7) + 0.03 * np.sin(np.arange(500) * 0.01)
    dip = depth * np.hanning(length + 2)[1:-1]
    for place in places:
        lids[place - length // 2 : place + length // 2 + 1] *= 1 - dip
    return lids.astype(np.float32)


@pytest.mark.parametrize("depth", [0.3, 0.6, 0.9])
def test_blinks_are_found_where_they_are(depth):
    blinks = find_blinks(close_lids(_eyes(depth), TIMES), TIMES)
    np.testing.assert_allclose(blinks.times_s, TIMES[[100, 200, 210, 400]], atol=0.05)
    assert blinks.per_minute == pytest.approx(12)
    np.testing.assert_allclose(blinks.lengths_s, 0.12, atol=0.05)
    np.testing.assert_allclose(blinks.depths, depth, atol=0.05)


def test_open_eyes_and_eyes_that_stay_shut_do_not_blink():
    assert len(find_blinks(close_lids(_eyes(0), TIMES), TIMES).times_s) == 0
    shut = _eyes(0)
    shut[100:130] *= 0.2
    assert len(find_blinks(close_lids(shut, TIMES), TIMES).times_s) == 0


def test_times_without_a_face_do_not_count():
    lids = _eyes()
    lids[150:] = np.nan
    blinks = find_blinks(close_lids(lids, TIMES), TIMES)
    assert len(blinks.times_s) == 1
    assert blinks.minutes == pytest.approx(150 / FPS / 60)


def test_without_a_face_there_is_nothing():
    nothing = close_lids(np.full(500, np.nan, np.float32), TIMES)
    assert np.isnan(nothing).all()
    assert find_blinks(nothing, TIMES).per_minute == 0


def test_lids_are_measured_against_the_width_of_the_eye(example_portrait):
    landmarks = example_portrait.face.landmarks
    assert 0.15 < measure_lids(landmarks) < 0.5
    assert measure_lids(landmarks * 3) == pytest.approx(measure_lids(landmarks), rel=1e-4)
