from fractions import Fraction

import numpy as np
import pytest

from opensonic.channels import CHANNELS, HIGH, INDEX, LOW, inner_lip_gap
from opensonic.motion.gain import scale_motion
from opensonic.values import Motion


def _motion(**values):
    row = np.zeros((1, len(CHANNELS)), np.float32)
    for name, value in values.items():
        row[0, INDEX[name]] = value
    return Motion(row, Fraction(25))


def test_scale_one_leaves_the_motion_and_never_writes_into_it():
    motion = _motion(jaw_open=0.4, blink_left=1, head_yaw=3)
    assert np.array_equal(scale_motion(motion, 1, 1).values, motion.values)
    scale_motion(motion, 2, 2)
    assert motion.values[0, INDEX["jaw_open"]] == pytest.approx(0.4)


@pytest.mark.parametrize("scale", [0, 0.5, 1, 2])
@pytest.mark.parametrize(
    "lips",
    [
        {"jaw_open": 0.4, "mouth_close": 0.4, "lip_press": 1},
        {"jaw_open": 0.8, "mouth_close": 0.9, "upper_lip_raise": 0.5},
    ],
)
def test_lips_that_touch_stay_together(scale, lips):
    assert inner_lip_gap(scale_motion(_motion(**lips), scale, 1).values) == pytest.approx(
        0, abs=1e-6
    )


def test_zero_rests_the_head_and_eyes_and_leaves_the_mouth():
    scaled = scale_motion(_motion(jaw_open=0.3, blink_left=1, head_yaw=5, breath=1), 1, 0).values
    assert scaled[0, INDEX["jaw_open"]] == pytest.approx(0.3)
    assert np.count_nonzero(scaled) == 1


def test_at_zero_the_mouth_moves_a_little_and_more_from_there_on():
    jaws = [
        scale_motion(_motion(jaw_open=0.4), scale, 1).values[0, INDEX["jaw_open"]]
        for scale in (0, 0.1, 0.2, 1, 2)
    ]
    np.testing.assert_allclose(jaws, [0.04, 0.04, 0.08, 0.4, 0.8])


def test_a_blink_is_whole_from_half_the_strength_on():
    scaled = [
        scale_motion(_motion(blink_left=1), 1, s).values[0, INDEX["blink_left"]]
        for s in (0.25, 0.5, 0.8)
    ]
    assert scaled == [0.5, 1, 1]


def test_everything_stays_in_its_range():
    wild = Motion(np.full((1, len(CHANNELS)), 100, np.float32), Fraction(25))
    assert np.array_equal(scale_motion(wild, 2, 2).values[0], HIGH)
    wild = Motion(-wild.values, Fraction(25))
    assert np.array_equal(scale_motion(wild, 2, 2).values[0], LOW)
