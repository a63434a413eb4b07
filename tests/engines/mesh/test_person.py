"""The person is cut out where that is clear, and what is behind stays still."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from opensonic.channels import CHANNELS, INDEX
from opensonic.engines.mesh.behind import fill_behind
from opensonic.engines.mesh.head import head_basis
from opensonic.engines.mesh.matte import cut_out
from opensonic.engines.mesh.person import Person, find_person
from opensonic.engines.mesh.render import MeshRenderer
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import combine
from opensonic.engines.mesh.sheet import Sheet
from opensonic.engines.mesh.warp import Lattice


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
    assert nose < -0.3
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


@pytest.mark.parametrize("slope", [0.0, 0.5, -0.5])
def test_a_straight_edge_goes_on_straight_behind_the_person(slope):
    rows, columns = np.indices((120, 160))
    below = rows > 60 + slope * (columns - 80)
    image = np.where(below[..., None], (200, 180, 90), (60, 80, 140)).astype(np.uint8)
    hidden = (np.hypot(columns - 80, rows - 60) < 26).astype(np.uint8)
    portrait = np.where(hidden[..., None] > 0, 7, image).astype(np.uint8)
    filled = fill_behind(portrait, hidden, 60.0)
    assert (filled[hidden == 0] == image[hidden == 0]).all()
    ring = (hidden > 0) & (np.hypot(columns - 80, rows - 60) > 16)
    wrong = np.abs(filled.astype(int) - image).max(-1) > 60
    assert wrong[ring].mean() < 0.05


def test_nothing_of_the_person_is_seen_behind_it():
    rng = np.random.default_rng(0)
    image = rng.integers(80, 200, (120, 160, 3)).astype(np.uint8)
    image[30:, 60:100] = (255, 0, 0)
    hidden = np.zeros((120, 160), np.uint8)
    hidden[30:, 60:100] = 1
    filled = fill_behind(image, hidden, 60.0)
    assert filled[..., 0].max() < 205
    assert filled[..., 2].min() > 40
    assert (fill_behind(image, np.ones_like(hidden), 60.0) == image).all()


def test_loose_hair_before_a_plain_wall_belongs_to_the_person():
    image = np.full((200, 200, 3), 200, np.uint8)
    rows, columns = np.indices((200, 200))
    away = np.hypot(columns - 100, rows - 100) - 50
    image[away < 0] = (60, 40, 30)
    image[48:51, 100:103] = image[40:60, 100:102] = (60, 40, 30)  # stands out of the outline
    matte = cut_out(image, (away / 80).astype(np.float32), np.zeros((200, 200), np.float32), 80.0)
    assert matte.alpha[44:48, 100:102].min() > 0.6
    assert matte.alpha[42:47, 108:].max() < 0.02
    assert np.abs(matte.behind.astype(int) - 200)[matte.alpha > 0.5].max() < 12
    share = matte.alpha[..., None]
    own = image - (1 - share) * matte.behind
    assert (own > -2).all()
    assert (own < 255 * share + 2).all()


def test_shoulders_and_what_is_beside_them_rest(example_portrait):
    image = np.pad(example_portrait.image, ((0, 120), (0, 0), (0, 0)), mode="edge")
    portrait = replace(example_portrait, image=image)
    rig = Rig(portrait)
    height, width = image.shape[:2]
    columns = np.arange(width, dtype=np.float32)[None].repeat(height, 0)
    away = np.abs(columns - rig.camera.origin[0]) / rig.e - 0.6
    found = find_person(portrait.image, rig)
    rig.person = replace(found, away=away, corner=(0, 0), scale=1.0)
    x, y = np.meshgrid(np.arange(0, width, 4.0), np.arange(0, height, 4.0))
    points = rig.points(np.column_stack([x.ravel(), y.ravel()]).astype(np.float32))
    basis = np.abs(head_basis(points, rig))
    outside = (points.face[:, 1] > 1.5) & (rig.person.distance(points.xy) > 0)
    assert outside.sum() > 20
    assert basis[outside].max() == 0
    inside = (np.abs(points.face[:, 1]) < 0.9) & (np.abs(points.face[:, 0]) < 0.3)
    assert basis[inside, 0, INDEX["head_x"]].min() > 0.9 * rig.e
    assert 0.002 < basis[:, 1, INDEX["breath"]].max() / rig.e < 0.02


def test_a_border_holds_only_what_it_cuts_off(example_portrait):
    portrait = example_portrait
    rig = Rig(portrait)
    rig.person = find_person(portrait.image, rig)
    face = portrait.face.landmarks
    top = int(face[10, 1] - 0.25 * rig.e)
    cropped = replace(
        portrait,
        image=np.ascontiguousarray(portrait.image[top:]),
        face=replace(portrait.face, landmarks=face - np.array([0, top, 0], np.float32)),
    )
    low = Rig(cropped)
    low.person = find_person(cropped.image, low)
    middle = float(cropped.face.landmarks[10, 0])
    place = np.array([[middle, 0.0]], np.float32)
    moved = head_basis(low.points(place), low)[0]
    assert abs(moved[1, INDEX["head_y"]]) < 1e-3
    assert moved[0, INDEX["head_x"]] > 0.8 * low.e
    free = np.array([[middle, face[10, 1] - 0.35 * rig.e]], np.float32)
    assert head_basis(rig.points(free), rig)[0, 1, INDEX["head_y"]] > 0.8 * rig.e


@pytest.mark.parametrize("channels", [{"breath": 1}, {"head_yaw": 3}, {"head_roll": 4}])
def test_what_does_not_move_is_untouched_also_beside_the_outline(example_portrait, channels):
    image = np.pad(example_portrait.image, ((0, 120), (0, 0), (0, 0)), mode="edge")
    portrait = replace(example_portrait, image=image)
    rig = Rig(portrait)
    rig.person = find_person(image, rig)
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(0, width, 4), np.arange(0, height, 4))
    points = rig.points(np.column_stack([x.ravel(), y.ravel()]).astype(np.float32))
    moved = np.abs(combine(head_basis(points, rig), np.append(pose(**channels), 0))).max(1)
    moves = cv2.resize((moved.reshape(x.shape) > 0.01).astype(np.uint8), (width, height))
    still = cv2.dilate(moves, np.ones((9, 9), np.uint8)) == 0
    assert still.mean() > 0.1
    frame = MeshRenderer(portrait).render(pose(**channels)).astype(int)
    assert np.abs(frame - image)[still].max() <= 2


def test_hoops_that_hang_from_the_ears_belong_to_the_person(example_portrait):
    portrait = example_portrait
    rig = Rig(portrait)
    lobe = rig.camera.origin + np.array([-0.9, 0.33], np.float32) @ rig.camera.axes[:2]
    image = portrait.image.copy()
    middle = np.round(lobe + np.array([0, 0.2 * rig.e])).astype(int).tolist()
    radius = round(0.17 * rig.e)
    cv2.circle(image, middle, radius, (255, 240, 120), max(round(0.03 * rig.e), 1), cv2.LINE_AA)
    before = find_person(portrait.image, rig).alpha
    after = find_person(image, rig).alpha
    x, y = middle
    outer = x - radius
    assert before[y, outer] < 0.2
    assert after[y, outer] > 0.8
    assert after[y, x - radius - round(0.25 * rig.e)] == 0


def test_a_band_is_joined_also_where_the_outline_rests():
    image = np.full((144, 96, 3), 200, np.uint8)
    grid = Lattice((0, 0, 96, 144), 8)
    alpha = np.ones((144, 96), np.float32)
    alpha[:48] = np.linspace(0, 1, 48, dtype=np.float32)[:, None]
    sheet = Sheet(image, grid, 8, Person(alpha, image.copy(), alpha, (0, 0), 1.0))
    places = grid.xy.copy()
    places[8:, :, 1] += 2
    frame = image.copy()
    sheet.lay(places, np.abs(places - grid.xy).max(-1), frame)
    assert np.abs(frame.astype(int) - 200).max() <= 2


def test_a_part_higher_than_a_band_is_joined_with_what_is_behind():
    image = np.full((240, 160, 3), 200, np.uint8)
    behind = np.full_like(image, 40)
    alpha = np.zeros((240, 160), np.float32)
    alpha[:, 80:] = 1
    grid = Lattice((0, 0, 160, 240), 8)
    sheet = Sheet(image, grid, 8, Person(alpha, behind, alpha, (0, 0), 1.0))
    part = (2, 1, 18, 29)
    picture = sheet.settle(sheet.show(grid.xy, part), part)
    assert picture.shape == (224, 128, 3)
    assert (picture[:, 70:] == 200).all()
    assert (picture[:, :60] == 40).all()


def test_many_places_are_read_at_once(example_portrait):
    person = find_person(example_portrait.image, Rig(example_portrait))
    few = np.array([[5, 5], [60, 90]], np.float32)
    many = np.tile(few, (40000, 1))
    np.testing.assert_array_equal(person.distance(many)[-2:], person.distance(few))
