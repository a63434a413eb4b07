"""Pictures of any rate as 25 a second."""

import numpy as np
import pytest

from opensonic.metrics.networks.steady import Steady


def run(times):
    steady = Steady()
    given = [pair for i, t in enumerate(times) for pair in steady.push(t, i)]
    return given + list(steady.finish())


def middles(fps, n, start_s=0.0):
    return start_s + (np.arange(n) + 0.5) / fps


def test_25_a_second_stay_as_they_are():
    assert run(middles(25, 100)) == [(k, k) for k in range(100)]


@pytest.mark.parametrize("fps", [12.5, 23.976, 29.97, 50, 60])
def test_every_slot_gets_what_is_shown_then(fps):
    given = run(middles(fps, int(fps * 4)))
    slots = [slot for slot, _ in given]
    assert slots == list(range(slots[0], slots[0] + len(slots)))
    assert slots[0] == 0 and len(slots) in (99, 100)
    for slot, shown in given:
        assert abs((shown + 0.5) / fps - (slot + 0.5) / 25) <= 0.5 / fps + 1e-9


def test_a_picture_that_stays_is_given_again():
    assert run([0.02, 0.06, 0.26]) == [(0, 0), (1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2)]


def test_pictures_before_the_sound_are_left_out_and_late_ones_keep_their_slots():
    assert run(middles(25, 5, -0.08)) == [(0, 2), (1, 3), (2, 4)]
    assert run(middles(25, 2, 0.4)) == [(10, 0), (11, 1)]
    assert run([-0.5]) == []


def test_it_can_be_used_for_the_next_video():
    steady = Steady()
    for _ in range(2):
        given = [pair for t in middles(25, 3) for pair in steady.push(t, "a")]
        assert [slot for slot, _ in given + list(steady.finish())] == [0, 1, 2]
