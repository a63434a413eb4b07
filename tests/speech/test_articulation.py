import numpy as np
import pytest

from opensonic.channels import INDEX, inner_lip_gap, lip_width_factor
from opensonic.speech.articulation import GAP, SHUT, shape_mouth, trace_curves
from opensonic.speech.network import APERTURE, CLOSURE, JAW, LABIODENTAL, WIDTH, quiet_row
from opensonic.speech.phones import PHONE_INDEX, SILENCE


def open_vowel(n_rows=100):
    heard = np.zeros((n_rows, 47), np.float32)
    heard[:, PHONE_INDEX["aa"]] = 1
    heard[:, APERTURE] = 0.8
    heard[:, JAW] = 0.9
    return heard


@pytest.mark.parametrize("length", [2, 4, 8, 15])
def test_a_heard_closure_shuts_the_lips_for_two_frames(length):
    heard = open_vowel()
    heard[50 : 50 + length, CLOSURE] = 1
    shut = trace_curves(heard)[:, SHUT]
    assert max(8, length) - 1 <= (shut == 1).sum() <= max(8, length) + 3
    middles = np.arange(2, 100, 4)
    assert (inner_lip_gap(shape_mouth(trace_curves(heard)[middles])) == 0).sum() >= 2
    assert shut[:40].max() == shut[75:].max() == 0


def test_lips_open_and_close_no_faster_than_lips_can():
    heard = open_vowel()
    heard[30:45, CLOSURE] = 1
    gap = inner_lip_gap(shape_mouth(trace_curves(heard)))
    before = inner_lip_gap(shape_mouth(trace_curves(open_vowel())))
    assert 0.015 < np.diff(gap).max() < 0.0185
    assert 0.021 < -np.diff(gap).min() < 0.0255
    assert gap[33:42].max() == 0
    np.testing.assert_allclose(gap[75:], before[75:], atol=1e-5)
    np.testing.assert_allclose(gap[:20], before[:20], atol=1e-5)


def test_an_unsure_closure_leaves_the_vowel_alone():
    heard = open_vowel()
    heard[50:60, CLOSURE] = 0.3
    assert trace_curves(heard)[:, SHUT].max() == 0


def test_the_channels_open_the_lips_as_far_as_the_curve_asks():
    curves = trace_curves(open_vowel())
    for gap in (0.0, 0.01, 0.05, 0.15, 0.28):
        curves[:, GAP] = gap
        np.testing.assert_allclose(inner_lip_gap(shape_mouth(curves)), gap, atol=1e-5)


def test_the_jaw_stays_down_under_shut_lips():
    heard = open_vowel()
    heard[40:60, CLOSURE] = 1
    mouth = shape_mouth(trace_curves(heard))
    assert mouth[50, INDEX["jaw_open"]] > 0.1
    assert mouth[50, INDEX["lip_press"]] == 1
    assert inner_lip_gap(mouth)[50] == 0


def test_sure_silence_is_rest_and_a_short_gap_is_not():
    heard = open_vowel(200)
    heard[100:, SILENCE] = 1
    heard[40:50, SILENCE] = 1
    gap = inner_lip_gap(shape_mouth(trace_curves(heard)))
    assert gap[45] > 0.1
    assert gap[130:].max() < 1e-4


def test_silence_is_rest_in_every_channel():
    rows = np.concatenate([np.tile(quiet_row(), (50, 1)), np.full((50, 1), -4, np.float32)], axis=1)
    assert np.abs(shape_mouth(trace_curves(rows))).max() == 0


def test_width_and_lip_teeth_reach_their_channels():
    heard = open_vowel()
    heard[:50, WIDTH], heard[50:, WIDTH] = -0.6, 0.6
    heard[70:80, LABIODENTAL] = 1
    mouth = shape_mouth(trace_curves(heard))
    assert lip_width_factor(mouth)[20] < 0.85
    assert lip_width_factor(mouth)[60] > 1.05
    assert mouth[75, INDEX["lower_lip_tuck"]] > 0.9
    assert mouth[30, INDEX["lower_lip_tuck"]] == 0


def vague(n_rows=300):
    """What music sounds like to the network: many phones, none for sure, and an open mouth."""
    heard = open_vowel(n_rows)
    heard[:, :40] = 0.02
    heard[:, SILENCE] = 0.2
    return heard


def test_where_no_phone_is_sure_nobody_speaks():
    assert inner_lip_gap(shape_mouth(trace_curves(vague()))).max() == 0
    assert inner_lip_gap(shape_mouth(trace_curves(open_vowel(300)))).min() > 0.1


def test_a_mumbled_syllable_amid_sure_ones_is_spoken():
    heard = open_vowel(400)
    heard[200:230] = vague(30)
    assert inner_lip_gap(shape_mouth(trace_curves(heard)))[200:230].min() > 0.05


def test_lips_open_late_after_a_long_silence():
    heard = open_vowel(300)
    heard[:200, :40] = 0
    heard[:200, SILENCE] = 1
    gap = inner_lip_gap(shape_mouth(trace_curves(heard)))
    assert gap[:170].max() < 1e-3
    assert gap[205:].min() > 0.1
