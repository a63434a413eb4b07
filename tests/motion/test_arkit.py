"""Our channels and ARKit's shapes: there, back, and what must not be lost on the way."""

import numpy as np
import pytest

from opensonic.channels import (
    CHANNELS,
    HIGH,
    INDEX,
    LOW,
    inner_lip_gap,
    lip_width_factor,
)
from opensonic.motion.arkit import COLUMN, COLUMNS, SHAPES, find_arkit, from_arkit, to_arkit

ALL = np.ones(len(COLUMNS), bool)
LOST = ("tongue_up", "head_x", "head_y", "breath")


def ours(**values):
    row = np.zeros((1, len(CHANNELS)), np.float32)
    for name, value in values.items():
        row[0, INDEX[name]] = value
    return row


def theirs(**values):
    row = np.zeros((1, len(COLUMNS)), np.float32)
    for name, value in values.items():
        row[0, COLUMN[name]] = value
    return row


def shape(values, name):
    return float(to_arkit(values)[0, COLUMN[name]])


def channel(table, name):
    return float(from_arkit(table, ALL)[0][0, INDEX[name]])


def test_there_are_52_shapes_in_the_order_of_the_app():
    assert len(SHAPES) == len(set(SHAPES)) == 52
    assert SHAPES[14:24] == (
        *("jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel"),
        *("mouthPucker", "mouthRight", "mouthLeft", "mouthSmileLeft"),
    )
    assert COLUMNS[51:] == (
        *("tongueOut", "headYaw", "headPitch", "headRoll"),
        *("leftEyeYaw", "leftEyePitch", "leftEyeRoll"),
        *("rightEyeYaw", "rightEyePitch", "rightEyeRoll"),
    )


def test_gap_and_width_survive_for_any_face():
    drawn = np.random.default_rng(0).random((5000, len(CHANNELS)))
    values = (LOW + (HIGH - LOW) * drawn).astype(np.float32)
    back, known = from_arkit(to_arkit(values), ALL)
    assert np.abs(inner_lip_gap(back) - inner_lip_gap(values)).max() < 1e-6
    assert np.abs(lip_width_factor(back) - lip_width_factor(values)).max() < 1e-6
    assert known.sum() == len(CHANNELS) - 3
    kept = [i for i, name in enumerate(CHANNELS) if name not in (*LOST, "lower_lip_tuck")]
    assert np.abs(back - values)[:, kept].max() < 1e-4


def test_shapes_stay_between_0_and_1():
    values = np.random.default_rng(1).uniform(LOW, HIGH, (1000, len(CHANNELS))).astype(np.float32)
    shapes = to_arkit(values)[:, : len(SHAPES)]
    assert shapes.min() >= 0
    assert shapes.max() <= 1


def test_tuck_and_press_are_told_apart():
    for values in (ours(lip_press=0.8), ours(lower_lip_tuck=0.9), ours(lip_press=0.3)):
        back, _ = from_arkit(to_arkit(values), ALL)
        assert back == pytest.approx(values, abs=1e-6)


def test_a_closed_mouth_over_an_open_jaw_stays_closed():
    values = ours(jaw_open=0.4, mouth_close=0.4, lip_press=1)
    assert inner_lip_gap(from_arkit(to_arkit(values), ALL)[0]) == 0


def test_an_open_round_mouth_is_a_funnel_and_a_closed_one_a_pucker():
    o = ours(jaw_open=0.3, upper_lip_raise=0.4, lower_lip_drop=0.4, lip_pucker=0.7)
    assert shape(o, "mouthFunnel") > 0.6
    assert shape(o, "mouthPucker") < 0.4
    u = ours(lip_pucker=0.7)
    assert shape(u, "mouthFunnel") == 0
    assert shape(u, "mouthPucker") == pytest.approx(0.7)


def test_sides_are_the_persons_own():
    # The picture's right is the person's left.
    assert shape(ours(gaze_x=1), "eyeLookOutLeft") > 0.2
    assert shape(ours(gaze_x=1), "eyeLookInRight") > 0.2
    assert shape(ours(gaze_x=1), "eyeLookOutRight") == 0
    assert shape(ours(blink_left=1), "eyeBlinkLeft") == 1
    assert shape(ours(head_yaw=10), "headYaw") == pytest.approx(-np.deg2rad(10))
    assert shape(ours(head_pitch=10), "headPitch") == pytest.approx(np.deg2rad(10))
    assert shape(ours(gaze_y=1), "eyeLookDownLeft") > 0.1


def test_eye_angles_serve_where_looks_are_missing():
    present = np.array([not name.startswith("eyeLook") for name in COLUMNS])
    table = to_arkit(ours(gaze_x=0.5, gaze_y=-0.4)) * present
    values, known = from_arkit(table.astype(np.float32), present)
    assert values[0, INDEX["gaze_x"]] == pytest.approx(0.5, abs=1e-5)
    assert values[0, INDEX["gaze_y"]] == pytest.approx(-0.4, abs=1e-5)
    assert known[INDEX["gaze_x"]]


def test_smiles_frowns_and_brows():
    assert channel(theirs(mouthSmileLeft=0.6, mouthSmileRight=0.4), "corner_up") == pytest.approx(
        0.5
    )
    assert channel(theirs(mouthFrownLeft=1, mouthFrownRight=1), "corner_up") == -1
    assert channel(theirs(browDownLeft=1, browDownRight=1), "brow_raise") == -1
    assert channel(theirs(browInnerUp=1), "brow_raise") == 0.5


def test_what_never_moves_is_not_known_but_the_mouth():
    values, known = from_arkit(np.zeros((3, len(COLUMNS)), np.float32), ALL)
    assert known.tolist() == [True] * 10 + [False] * 11
    assert not values.any()
    _, known = from_arkit(theirs(headYaw=0.1), ALL)
    assert known[INDEX["head_pitch"]]
    _, known = from_arkit(theirs(), np.zeros(len(COLUMNS), bool))
    assert not known.any()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("EyeBlinkLeft", "eyeBlinkLeft"),
        ("eyeBlink_L", "eyeBlinkLeft"),
        ("mouthSmile_R", "mouthSmileRight"),
        ("mouth_smile_right", "mouthSmileRight"),
        (" JawOpen ", "jawOpen"),
        ("HeadYaw", "headYaw"),
        ("Timecode", None),
        ("jaw_width", None),
    ],
)
def test_all_spellings_are_found(text, name):
    assert find_arkit(text) == name
