"""The person is cut out where that is clear, and what is behind stays still."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from opensonic.channels import CHANNELS, INDEX
from opensonic.engines.mesh.person import fill_behind, find_person
from opensonic.engines.mesh.render import MeshRenderer
from opensonic.engines.mesh.rig import Rig


def pose(**channels):
    values = np.zeros(len(CHANNELS), np.float32)
    for name, value in channels.items():
        values[INDEX[name]] = value
    return values


@pytest.fixture(scope="module")
def striped(example_portrait):
    """The bundled portrait before a wall with upright stripes, and its person."""
    alpha = find_person(example_portrait.image, Rig(example_portrait)).alpha
    image = example_portrait.image.astype(np.float32)
    wall = image.copy()
    wall[:, ::24] = wall[:, 1::24] = (180, 200, 120)
    mixed = image * alpha[..., None] + wall * (1 - alpha[..., None])
    return replace(example_portrait, image=mixed.astype(np.uint8)), alpha > 0.5


def test_hair_and_face_are_the_person_and_the_wall_is_not(example_portrait):
    person = find_person(example_portrait.image, Rig(example_portrait))
    marks = example_portrait.face.landmarks
    hair = [marks[10, :2] - (0, 14), marks[234, :2] - (12, 0), marks[454, :2] + (12, 0)]
    for x, y in np.array(hair).astype(int).tolist():
        assert person.alpha[y, x] > 0.95
    assert person.alpha[:60, :20].max() < 0.05
    assert person.alpha[:60, -20:].max() < 0.05
    nose, corner = person.distance(np.array([marks[1, :2], (3, 3)], np.float32))
    assert nose == 0
    assert 0.3 < corner < 2


@pytest.mark.parametrize("channels", [{"head_roll": 5}, {"head_yaw": 8, "head_x": 0.1}])
def test_straight_lines_beside_a_moving_head_do_not_bend(striped, channels):
    portrait, person = striped
    frame = MeshRenderer(portrait).render(pose(**channels))
    head = slice(0, int(portrait.face.landmarks[152, 1]))
    reach = round(0.12 * portrait.face.eye_distance) + 14
    away = cv2.dilate(person.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8))[head] == 0
    assert away.mean() > 0.05
    np.testing.assert_array_equal(frame[head][away], portrait.image[head][away])
    assert (frame != portrait.image).any(-1)[person].mean() > 0.3


def test_the_place_that_the_head_leaves_is_filled_with_background(example_portrait):
    portrait = example_portrait
    alpha = find_person(portrait.image, Rig(portrait)).alpha
    row = int(portrait.face.landmarks[33, 1])
    edge = int(np.flatnonzero(alpha[row] > 0.95)[0])
    frame = MeshRenderer(portrait).render(pose(head_x=0.1))[row - 6 : row + 6].astype(int)
    wall = portrait.image[row - 6 : row + 6, 2 : edge - 8].reshape(-1, 3).mean(0)
    left = frame[:, edge : edge + 3]
    hair = portrait.image[row - 6 : row + 6, edge + 4 : edge + 14].reshape(-1, 3).mean(0)
    assert np.abs(left - wall).mean() < 0.4 * np.abs(hair - wall).mean()


def test_without_a_clear_outline_nothing_is_cut(drawn):
    flat = replace(drawn, image=np.full_like(drawn.image, 150))
    assert find_person(flat.image, Rig(flat)) is None
    assert MeshRenderer(flat).render(pose(head_roll=4)).shape == flat.image.shape


def test_the_background_goes_on_behind_the_person():
    image = np.zeros((40, 60, 3), np.uint8)
    image[:20] = 100
    image[20:] = 200
    alpha = np.zeros((40, 60), np.float32)
    alpha[:, 25:35] = 1
    image[:, 25:35] = 7
    filled = fill_behind(image, alpha)
    assert (filled[:20] == 100).all()
    assert (filled[20:] == 200).all()
    assert (fill_behind(image, np.ones_like(alpha)) == image).all()
