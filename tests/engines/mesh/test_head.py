"""The head turns as a solid head does."""

import numpy as np
import pytest

from opensonic.channels import CHANNELS, INDEX
from opensonic.engines.mesh.camera import CANONICAL

NECK = np.array([0, 0.55, -0.45])


def turn(yaw_deg, pitch_deg):
    yaw, pitch = np.deg2rad([yaw_deg, pitch_deg])
    around_down = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    around_right = [
        [1, 0, 0],
        [0, np.cos(pitch), np.sin(pitch)],
        [0, -np.sin(pitch), np.cos(pitch)],
    ]
    return np.array(around_right) @ np.array(around_down)


@pytest.mark.parametrize(("yaw", "pitch"), [(6, 0), (-6, 0), (0, 5), (4, -3)])
def test_the_face_moves_as_a_turned_solid_head(drawn, renderer, yaw, pitch):
    rest, turned = (np.zeros(len(CHANNELS), np.float32) for _ in range(2))
    turned[INDEX["head_yaw"]], turned[INDEX["head_pitch"]] = yaw, pitch
    moved = renderer.landmarks(turned) - renderer.landmarks(rest)
    places = CANONICAL - NECK
    wanted = (places @ turn(yaw, pitch).T - places)[:, :2]
    error = moved[:468, :2] / drawn.face.eye_distance - wanted
    assert np.sqrt((error**2).sum(1).mean()) < 0.01
    nose, ears = (np.linalg.norm(wanted[part], axis=-1).mean() for part in ([1], [234, 454]))
    assert nose > 3 * ears
    assert np.linalg.norm(error[1]) < 0.006
