from fractions import Fraction

import numpy as np
import pytest

from opensonic.post.sync.retime import Retimer
from opensonic.values import Chunk


def blend(first, second, share):
    return ((1 - float(share)) * first + float(share) * second).astype(np.uint8)


def frame(value):
    landmarks = np.full((1, 478, 3), value, np.float32)
    return Chunk(np.full((1, 4, 4, 3), value, np.uint8), None, landmarks)


def retimed(values, delays, gaps=None, fps=25):
    """What each frame of the result shows, where frame k of the source shows `values[k]`."""
    retimer = Retimer(blend, fps, len(values))
    shown = []
    for number, value in enumerate(values):
        retimer.take(frame(value), None if gaps is None else gaps[number])
        while retimer.n_made < len(values) and retimer.is_ready(delays(retimer.n_made)):
            made = retimer.make(delays(retimer.n_made))
            shown.append(int(made.frames[0, 0, 0, 0]))
            assert made.landmarks[0, 0, 0] == pytest.approx(shown[-1], abs=1)
    return shown


VALUES = list(range(0, 240, 8))


def test_without_delay_every_frame_is_itself():
    assert retimed(VALUES, lambda k: 0.0) == VALUES


@pytest.mark.parametrize("delay", [1, 3, -2])
def test_whole_frames_move_and_the_ends_are_held(delay):
    shown = retimed(VALUES, lambda k: delay / 25)
    expected = [VALUES[min(max(k - delay, 0), 29)] for k in range(30)]
    assert shown == expected


@pytest.mark.parametrize("delay", [1.25, -0.5, 0.75])
def test_parts_of_frames_lie_between(delay):
    shown = retimed(VALUES, lambda k: delay / 25)
    assert len(shown) == 30
    for k in range(3, 27):
        assert shown[k] == pytest.approx(8 * (k - delay), abs=1)


def test_next_to_a_whole_frame_that_is_taken():
    assert retimed(VALUES, lambda k: 0.003) == VALUES


def test_a_mouth_that_is_shut_for_one_frame_stays_shut():
    gaps = [0.2] * 30
    gaps[12] = 0.0
    shown = retimed(VALUES, lambda k: 0.3 / 25, gaps)
    assert VALUES[12] in shown
    assert sum(value % 8 == 0 for value in shown[2:28]) == 1
    assert VALUES[12] not in retimed(VALUES, lambda k: 0.3 / 25, [0.2] * 30)


def test_a_delay_that_changes_slowly_loses_no_frame():
    shown = retimed(VALUES, lambda k: 0.05 * k / 29)
    assert len(shown) == 30
    assert (np.diff(shown) >= 0).all()
    assert shown[-1] == pytest.approx(8 * (29 - 1.25), abs=1)


def test_few_frames_are_held():
    retimer = Retimer(blend, 25, 1000)
    for number in range(1000):
        retimer.take(frame(number % 200), None)
        while retimer.n_made < retimer.n_taken and retimer.is_ready(0.03):
            retimer.make(0.03)
        assert len(retimer._held) < 12


def test_landmarks_and_motion_that_are_unknown_stay_so():
    retimer = Retimer(blend, 25, 2)
    for value in (0, 100):
        retimer.take(Chunk(np.full((1, 2, 2, 3), value, np.uint8)), None)
    retimer.make(-0.5 / 25)
    made = retimer.make(0.5 / 25)
    assert (made.landmarks, made.motion) == (None, None)
    assert made.frames[0, 0, 0, 0] == 50
    assert blend(np.zeros(1), np.full(1, 100), Fraction(1, 2)) == 50
