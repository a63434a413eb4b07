"""Rhubarb's shapes: a mouth that moves, and is shut where it must be."""

import numpy as np
import pytest

from opensonic.channels import HIGH, INDEX, MOUTH, inner_lip_gap, lip_width_factor
from opensonic.motion.rhubarb import RATE, SHAPES, TRANSITION_S, Cue, fill_gaps, perform_cues


def play(text, length_s=0.2):
    """Rows of some shapes of equal length."""
    cues = [Cue(i * length_s, (i + 1) * length_s, letter) for i, letter in enumerate(text)]
    return perform_cues(fill_gaps(cues))


def middle(values, number, length_s=0.2):
    return values[round((number + 0.5) * length_s * RATE)]


def test_the_shapes_are_what_rhubarb_says_of_them():
    gaps = {letter: float(inner_lip_gap(middle(play(letter), 0))) for letter in SHAPES}
    assert gaps["A"] == gaps["X"] == 0
    assert 0 < gaps["B"] < gaps["E"] < gaps["C"] <= gaps["H"] < gaps["D"]
    assert 0 < gaps["F"] < gaps["E"]
    assert 0.05 < gaps["G"] < gaps["E"]  # the upper teeth must be seen above the lower lip
    mouths = {letter: middle(play(letter), 0) for letter in SHAPES}
    assert mouths["A"][INDEX["lip_press"]] > 0.5 > mouths["X"][INDEX["lip_press"]]
    assert lip_width_factor(mouths["F"]) < lip_width_factor(mouths["E"]) < 0.9
    assert lip_width_factor(mouths["B"]) > 1
    assert mouths["G"][INDEX["lower_lip_tuck"]] > 0.8
    assert mouths["H"][INDEX["tongue_up"]] > 0.8
    assert all((mouth <= HIGH[MOUTH]).all() and (mouth >= 0).all() for mouth in mouths.values())


@pytest.mark.parametrize("around", ["DAD", "EAF", "XAD", "DAX", "GAG", "CAB"])
@pytest.mark.parametrize("length_s", [0.03, 0.08, 0.25])
def test_lips_are_shut_for_the_whole_of_an_a(around, length_s):
    values = play(around, length_s)
    shut = slice(int(np.ceil(length_s * RATE)), int(2 * length_s * RATE))
    assert (inner_lip_gap(values)[shut] == 0).all()
    assert inner_lip_gap(values).max() > 0 or around == "XAX"


def test_a_short_vowel_between_closures_still_opens():
    assert inner_lip_gap(play("ADA", 0.08)).max() > 0.15


def test_changes_are_smooth_and_take_their_time():
    gap = inner_lip_gap(play("XDXCXD", 0.3))
    step = np.abs(np.diff(gap)).max()
    assert step < 2.5 * gap.max() / (TRANSITION_S * RATE)


def test_rounding_goes_on_through_a_closure():
    values = play("FAF")
    assert 0.3 < middle(values, 1)[INDEX["lip_pucker"]] < SHAPES["F"]["lip_pucker"]
    assert middle(play("XAX"), 1)[INDEX["lip_pucker"]] == 0


def test_gaps_are_rest_and_equal_neighbours_one():
    cues = fill_gaps([Cue(0.1, 0.2, "D"), Cue(0.2, 0.3, "D"), Cue(0.3, 0.3, "A"), Cue(0.5, 1, "A")])
    assert cues == [
        Cue(0, 0.1, "X"),
        Cue(0.1, 0.3, "D"),
        Cue(0.3, 0.5, "X"),
        Cue(0.5, 1, "A"),
    ]
    assert len(perform_cues(cues)) == RATE
