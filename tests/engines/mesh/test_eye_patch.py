"""Eyes drawn into the sheet depend on nothing but what is asked for."""

import itertools

import numpy as np
import pytest

from opensonic.channels import CHANNELS, INDEX
from opensonic.engines.mesh.render import MeshRenderer


def pose(**channels):
    values = np.zeros(len(CHANNELS), np.float32)
    for name, value in channels.items():
        values[INDEX[name]] = value
    return values


@pytest.mark.parametrize(
    "channels",
    [
        {},
        {"gaze_x": 0.5, "gaze_y": 0.3},
        {"blink_left": 0.4, "blink_right": 0.4},
        {"blink_left": 1.0, "gaze_y": -0.4, "head_roll": 3.0},
    ],
)
def test_a_frame_does_not_depend_on_the_frames_before(drawn, renderer, channels):
    fresh = MeshRenderer(drawn).render(pose(**channels))
    for before in ({"blink_left": 1, "blink_right": 1}, {"gaze_x": -0.8, "gaze_y": -0.6}, {}):
        renderer.render(pose(**before))
        np.testing.assert_array_equal(renderer.render(pose(**channels)), fresh)


def test_lids_move_evenly_between_the_drawn_closures(renderer):
    closures = np.linspace(0.02, 0.98, 97)
    frames = [renderer.render(pose(blink_right=c)).astype(np.float32) for c in closures]
    steps = np.array([np.abs(b - a).sum() for a, b in itertools.pairwise(frames)])
    assert steps.max() < 3 * np.median(steps)
    assert steps.min() > 0


def test_a_shut_eye_opens_to_the_very_same_picture(drawn, renderer):
    renderer.render(pose(blink_left=1, blink_right=1))
    rest = renderer.render(pose())
    np.testing.assert_array_equal(rest, MeshRenderer(drawn).render(pose()))
