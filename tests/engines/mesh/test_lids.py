"""Blinks: the lid comes over the whole eye, the brow and all else stay."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from opensonic.channels import CHANNELS, INDEX
from opensonic.engines.mesh.eyes import are_covered, find_eyes
from opensonic.engines.mesh.lids import Lids
from opensonic.engines.mesh.render import MeshRenderer
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.sampling import sample
from opensonic.face import topology


def blink(share=1.0, **channels):
    values = np.zeros(len(CHANNELS), np.float32)
    values[[INDEX["blink_left"], INDEX["blink_right"]]] = share
    for name, value in channels.items():
        values[INDEX[name]] = value
    return values


def whites(frame, portrait):
    """Pixels around the eyes that are white or blue as a drawn eye."""
    corners = portrait.face.landmarks[[*topology.RIGHT_EYE, *topology.LEFT_EYE], :2]
    (x0, y0), (x1, y1) = (corners.min(0) - 14).astype(int), (corners.max(0) + 14).astype(int)
    part = frame[y0:y1, x0:x1].astype(int)
    return int((part[..., 2] > 180).sum())


def test_a_shut_eye_shows_nothing_of_the_eye_even_in_its_corners(drawn, renderer):
    assert whites(drawn.image, drawn) > 200
    assert whites(renderer.render(blink()), drawn) == 0
    half = whites(renderer.render(blink(0.5)), drawn)
    assert 0.2 < half / whites(drawn.image, drawn) < 0.8


def test_an_eye_that_is_wider_than_its_landmarks_shuts_too(drawn):
    image = drawn.image.copy()
    marks = drawn.face.landmarks
    for corner in topology.EYE_CORNERS:
        x, y = np.round(marks[corner, :2]).astype(int).tolist()
        cv2.ellipse(image, (x, y), (6, 3), 0, 0, 360, (240, 240, 240), -1)
    wide = replace(drawn, image=image)
    assert whites(image, wide) > whites(drawn.image, drawn) + 60
    assert whites(MeshRenderer(wide).render(blink()), wide) < 12


def test_the_brow_stays_where_it_is(drawn, renderer):
    image = drawn.image.copy()
    for brow in (topology.RIGHT_BROW, topology.LEFT_BROW):
        ring = np.round(drawn.face.landmarks[list(brow), :2]).astype(np.int32)
        cv2.fillPoly(image, [ring], (40, 25, 20))
    frame = MeshRenderer(replace(drawn, image=image)).render(blink())
    dark = (image.max(-1) < 60).astype(np.uint8)
    lost = dark & (frame.max(-1) > 110)
    came = (frame.max(-1) < 60) & (cv2.dilate(dark, np.ones((5, 5), np.uint8)) == 0)
    rows = np.indices(dark.shape)[0]
    eyes = drawn.face.landmarks[[*topology.RIGHT_EYE_UPPER, *topology.LEFT_EYE_UPPER], 1].min()
    assert lost.sum() < 0.03 * dark.sum()
    assert not came[rows < eyes - 3].any()


@pytest.mark.parametrize("angle", [30, 90, 180])
def test_eyes_of_turned_pictures_shut(draw, angle):
    portrait = draw(320, 80.0, (160.0, 160.0), angle)
    assert whites(portrait.image, portrait) > 200
    assert whites(MeshRenderer(portrait).render(blink()), portrait) == 0


def test_nothing_blinks_behind_dark_glasses(drawn, renderer):
    image = drawn.image.copy()
    for eye in (topology.RIGHT_EYE, topology.LEFT_EYE):
        x, y = np.round(drawn.face.landmarks[list(eye), :2].mean(0)).astype(int).tolist()
        cv2.ellipse(image, (x, y + 2), (20, 17), 0, 0, 360, (22, 22, 26), -1)
    hidden = replace(drawn, image=image)
    assert are_covered(image, Rig(hidden))
    assert not are_covered(drawn.image, Rig(drawn))
    np.testing.assert_array_equal(MeshRenderer(hidden).render(blink(gaze_x=0.5)), image)


def test_shut_eyes_do_not_move(drawn):
    marks = drawn.face.landmarks.copy()
    for upper, lower in (
        (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER),
        (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER),
    ):
        marks[list(upper)] = marks[list(lower)]
    shut = replace(drawn, face=replace(drawn.face, landmarks=marks))
    for eye in find_eyes(np.full_like(drawn.image, 160), Rig(shut)):
        assert (eye.lower - eye.upper).max() < 0.01


@pytest.mark.parametrize("closure", [-0.2, 0.0, 0.3, 0.77, 1.0])
def test_the_shares_of_an_eye_add_up_and_lids_do_not_fold(drawn, closure):
    rig = Rig(drawn)
    eye = find_eyes(drawn.image, rig)[0]
    ys, xs = np.mgrid[-20:20, -24:24].astype(np.float32)
    places = np.stack([xs, ys], -1) + eye.middle
    lids = Lids(eye, rig, lambda places: sample(drawn.image, places))
    lid = lids.show(places, closure, 1.0)
    assert lid.above.min() >= 0
    assert lid.between.min() >= -1e-6
    np.testing.assert_allclose(lid.above + lid.between + lid.below, 1, atol=1e-6)
    assert (np.diff(lid.upper[..., 1], axis=0) > -0.05).all()
    if closure == 0:
        upper, picture = lids.read(lid).astype(int), sample(drawn.image, places).astype(int)
        seen = (np.abs(upper - picture).max(-1) > 3) & (lid.above == 1)
        assert seen.sum() < 0.02 * (lid.above == 1).sum()


def test_gaze_and_brows_go_as_far_as_people_let_them(drawn, renderer):
    marks = drawn.face.landmarks
    width = np.linalg.norm(marks[33, :2] - marks[133, :2])
    rest = renderer.landmarks(blink(0))

    def way(landmark, axis, **channels):
        return float((renderer.landmarks(blink(0, **channels)) - rest)[landmark, axis])

    assert 0.05 < way(468, 0, gaze_x=0.4) / width < 0.10
    assert 0.02 < way(468, 1, gaze_y=0.4) / width < 0.08
    for side in (105, 334):
        assert 0.03 < -way(side, 1, brow_raise=0.7) / drawn.face.eye_distance < 0.08
        assert 0.02 < way(side, 1, brow_raise=-0.5) / drawn.face.eye_distance < 0.05
    assert way(107, 0, brow_raise=-1) > 0.2 > -0.2 > way(336, 0, brow_raise=-1)


@pytest.mark.parametrize("colour", [(25, 20, 18), (225, 225, 230)])
def test_rims_of_glasses_do_not_bend(drawn, colour):
    image = drawn.image.copy()
    for eye in (topology.RIGHT_EYE, topology.LEFT_EYE):
        x, y = np.round(drawn.face.landmarks[list(eye), :2].mean(0)).astype(int).tolist()
        cv2.ellipse(image, (x, y + 3), (22, 14), 0, 0, 360, colour, 2, cv2.LINE_AA)
    portrait = replace(drawn, image=image)
    glasses = np.abs(image.astype(int) - drawn.image).max(-1) > 40
    frame = MeshRenderer(portrait).render(blink())
    moved = np.abs(frame.astype(int) - image).max(-1)[glasses] > 40
    assert whites(frame, portrait) == 0 or colour[0] > 200
    assert moved.mean() < 0.02


def test_eyes_that_are_shut_in_the_picture_stay_so(drawn, renderer):
    shut = replace(drawn, image=renderer.render(blink()))
    again = MeshRenderer(shut)
    for closure in (0.5, 1.0):
        changed = np.abs(again.render(blink(closure)).astype(int) - shut.image).max(-1)
        assert (changed > 12).sum() < 12


def test_half_shut_eyes_shut(drawn, renderer):
    half = replace(drawn, image=renderer.render(blink(0.5)))
    assert whites(half.image, half) > 50
    assert whites(MeshRenderer(half).render(blink()), half) == 0


def test_the_skin_that_a_blink_brings_out_is_no_drawn_out_line(drawn):
    """Fine lines above the lid stay as fine, and the painted lid has the skin's colour."""
    image = drawn.image.copy()
    grain = np.random.default_rng(0).normal(0, 8, image.shape[:2])[..., None]
    image = np.clip(image + grain, 0, 255).astype(np.uint8)
    frame = MeshRenderer(replace(drawn, image=image)).render(blink()).astype(float)
    for centre in (468, 473):
        x, y = np.round(drawn.face.landmarks[centre, :2]).astype(int)
        lid = frame[y - 5 : y + 1, x - 7 : x + 8].mean(-1)
        down, across = np.diff(lid, axis=0), np.diff(lid, axis=1)
        down -= down.mean(1, keepdims=True)
        assert np.abs(down).mean() > 0.5 * np.abs(across).mean(), "streaks"
        colour = frame[y - 5 : y + 1, x - 7 : x + 8].mean((0, 1))
        assert np.abs(colour / np.array([205, 160, 135]) - 0.95).max() < 0.2
