"""How long a face is seen, whatever the frame rate."""

import numpy as np
import pytest

from opensonic.post.sync.lips import N_FEATURES, LipTrack
from opensonic.post.sync.watch import time_seen


def _track(time_s, seen):
    n = len(time_s)
    features = np.zeros((n, N_FEATURES), np.float32)
    return LipTrack(np.asarray(time_s, np.float64), features, seen, np.zeros(n, np.int32))


@pytest.mark.parametrize("rate", [6, 12.5, 25, 30, 60])
def test_three_seconds_are_three_seconds_at_any_rate(rate):
    n = round(3 * rate)
    track = _track((np.arange(n) + 0.5) / rate, np.ones(n, bool))
    assert time_seen(track) == pytest.approx(n / rate)
    track.seen[: n // 2] = False
    assert time_seen(track) == pytest.approx((n - n // 2) / rate)


def test_a_picture_that_stays_counts_for_little_and_one_alone_for_nothing():
    assert time_seen(_track([0.0, 0.04, 10.0], np.array([False, True, False]))) == 0.2
    assert time_seen(_track([0.0], np.ones(1, bool))) == 0
