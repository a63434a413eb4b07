"""Landmark distances, proportions, head, cadence and appearance, on made-up values."""

import cv2
import numpy as np
import pytest

from opensonic.metrics.appearance import Appearance, find_background
from opensonic.metrics.cadence import measure_cadence
from opensonic.metrics.head import measure_head, measure_jumps
from opensonic.metrics.landmarks import compare_landmarks
from opensonic.metrics.proportions import follow_drift, measure_proportions
from opensonic.values import Face

TIMES = (np.arange(250) + 0.5) / 25


def test_landmark_distance_forgives_place_and_size_alone(example_portrait):
    true = example_portrait.face.landmarks
    moved = true * 2 + np.array([30, -5, 3], np.float32)
    assert max(compare_landmarks(moved, true)) < 1e-3


def test_landmark_distance_of_a_mouth_that_opens(example_portrait):
    true = example_portrait.face.landmarks
    e = np.linalg.norm(true[33] - true[263])
    open_mouth = true.copy()
    lower = [17, 84, 314, 181, 405, 91, 321, 14, 87, 317, 178, 402, 88, 318]
    open_mouth[lower, 1] += 0.1 * e
    found = compare_landmarks(open_mouth, true)
    # 14 of 40 points move by 10 %, and the mean that is taken away by 3.5 %
    assert found.mouth == pytest.approx((14 * 6.5 + 26 * 3.5) / 40, abs=0.01)
    assert 0 < found.face < found.mouth / 5


def test_proportions_do_not_depend_on_size(example_portrait):
    landmarks = example_portrait.face.landmarks
    np.testing.assert_allclose(
        measure_proportions(landmarks * 2), measure_proportions(landmarks), rtol=1e-4
    )


def test_drift_grows_from_the_beginning_on():
    rows = np.ones((250, 3), np.float32)
    rows[125:] += np.array([0.1, 0.2, 0.2], np.float32)
    drift = follow_drift(rows, TIMES)
    assert drift[:100].max() < 1e-6
    assert drift[-1] == pytest.approx(np.sqrt(0.09 / 3), rel=1e-3)
    rows[30:60] = np.nan
    assert np.isnan(follow_drift(rows, TIMES)[30:60]).all()


def test_head_motion():
    swing = np.sin(np.arange(250) / 10).astype(np.float32)
    found = measure_head(10 * swing, 5 * swing, np.full(250, 3, np.float32))
    assert found.yaw == pytest.approx(20, rel=0.02)
    assert found.pitch == pytest.approx(10, rel=0.02)
    assert found.roll == 0
    assert found.spread == pytest.approx(np.sqrt((50 + 12.5) / 3), rel=0.05)
    assert np.isnan(measure_head(*np.full((3, 5), np.nan, np.float32)).yaw)


def test_a_jump_is_found_and_steady_movement_is_none():
    x = (0.02 * np.arange(250)).astype(np.float32)
    y, shot = np.zeros(250, np.float32), np.zeros(250, np.int32)
    assert np.nanmax(measure_jumps(x, y, shot)) < 1e-5
    x[100] += 0.1
    jumps = measure_jumps(x, y, shot)
    assert np.nanargmax(jumps) == 100
    assert jumps[100] == pytest.approx(0.1, rel=1e-3)
    shot[101:] = 1
    assert np.isnan(measure_jumps(x, y, shot)[100])


def test_repeated_and_missing_pictures():
    change = np.full(250, 3, np.float32)
    change[[0, 10, 11]] = np.nan, 0.01, 0.2
    kept = np.delete(np.arange(250), [50, 51, 120])
    found = measure_cadence(TIMES[kept], change[kept])
    assert np.flatnonzero(found.repeated).tolist() == [10, 11]
    assert found.missing == 3
    assert found.fps == pytest.approx(25)


def test_repeats_that_compression_changed_a_little():
    change = np.full(250, 12, np.float32)
    change[80::4] = 1.2
    repeated = measure_cadence(TIMES, change).repeated
    assert np.flatnonzero(repeated).tolist() == list(range(80, 250, 4))
    change[140:160] = 1.2  # a pause of the movement
    assert not measure_cadence(TIMES, change).repeated[140:160].any()
    quiet = np.minimum(change, 3)  # hardly anything moves
    assert not measure_cadence(TIMES, quiet).repeated.any()


def _looks(images, face):
    appearance = Appearance()
    return [appearance.look(image, face, 0) for image in images]


def _with_room(portrait):
    """Put a portrait into a larger picture, so that there is something beside the head."""
    image = np.pad(portrait.image, ((160, 0), (160, 160), (0, 0)), "edge")
    landmarks = portrait.face.landmarks + np.array([160, 160, 0], np.float32)
    return image, Face(portrait.face.box + np.float32(160), landmarks, 1.0)


def test_appearance_of_harmed_pictures(example_portrait):
    image, face = _with_room(example_portrait)
    still = _looks([image] * 3, face)
    assert still[2].flicker == still[2].skin_flicker == still[2].change == 0
    assert np.isnan(still[1].flicker)
    blurred = _looks([cv2.GaussianBlur(image, (0, 0), 2)], face)[0]
    assert blurred.sharpness < 0.7 * still[0].sharpness
    lit = np.clip(image.astype(int) + 6, 0, 255).astype(np.uint8)
    flickering = _looks([image, lit, image], face)
    assert flickering[2].flicker == pytest.approx(6, abs=0.5)
    assert flickering[2].skin_flicker == pytest.approx(6, abs=0.5)
    assert flickering[1].change == pytest.approx(6, abs=0.5)
    assert flickering[1].lightness > still[1].lightness + 1
    brightening = _looks([image, lit, np.clip(lit.astype(int) + 6, 0, 255).astype(np.uint8)], face)
    assert brightening[2].flicker < 0.5


def test_appearance_without_a_face_and_across_a_cut(example_image):
    appearance = Appearance()
    looks = [appearance.look(example_image, None, shot) for shot in (0, 0, 1)]
    assert np.isnan(looks[0].sharpness)
    assert looks[1].change == 0
    assert np.isnan(looks[2].change)


def test_background_lies_beside_and_above_the_head(example_portrait):
    mask = find_background(example_portrait.face, example_portrait.image.shape, (64, 64))
    x0, y0, x1, y1 = example_portrait.face.box / example_portrait.image.shape[0] * 64
    assert not mask[int(y0) : int(y1), int(x0) : int(x1)].any()
    assert not mask[int(y1) + 1 :].any()
