"""Measures and scores follow what is done to a picture."""

import cv2
import numpy as np
import pytest

from opensonic.engines.mesh.rig import Rig
from opensonic.face import topology
from opensonic.inspector.light import estimate_light
from opensonic.inspector.measures import measure_blur, measure_features, measure_portrait
from opensonic.inspector.scores import FINE, USABLE, name_verdict, score_measures
from opensonic.values import Portrait


def _with(portrait, image):
    return Portrait(np.ascontiguousarray(image), portrait.face, portrait.name)


def _score(portrait, name, scale=1.0):
    scores = score_measures(measure_portrait(portrait, Rig(portrait), scale))
    return next(one for one in scores if one.name == name)


def test_a_good_portrait_is_fine_in_every_respect(example_portrait):
    for one in score_measures(measure_portrait(example_portrait, Rig(example_portrait), 0.25)):
        assert one.score >= FINE, one
        assert one.advice == "Fine as it is."


def test_blur_is_measured_about_as_wide_as_it_is(example_portrait):
    e = example_portrait.face.eye_distance
    found = []
    for width in (0.02, 0.03):
        blurred = cv2.GaussianBlur(example_portrait.image, (0, 0), width * e)
        found.append(measure_blur(_with(example_portrait, blurred)))
    assert measure_blur(example_portrait) < 1.3 < found[0] < found[1]
    assert found[0] == pytest.approx(2.0, abs=0.6)
    score = _score(_with(example_portrait, blurred), "sharpness")
    assert score.score < FINE
    assert "sharper" in score.advice


def test_a_covered_eye_and_a_covered_mouth_are_told(example_portrait):
    for ring in (topology.LEFT_EYE, topology.OUTER_LIPS):
        image = example_portrait.image.copy()
        spots = example_portrait.face.landmarks[list(ring), :2]
        low, high = np.floor(spots.min(0)).astype(int) - 3, np.ceil(spots.max(0)).astype(int) + 3
        image[low[1] : high[1], low[0] : high[0]] = (90, 80, 70)
        covered = _with(example_portrait, image)
        assert measure_features(covered) < 0.05 < measure_features(example_portrait)
        assert _score(covered, "free view").score == 0


def test_dark_glasses_are_told(example_portrait):
    image = example_portrait.image.copy()
    e = example_portrait.face.eye_distance
    for ring in (topology.LEFT_EYE, topology.RIGHT_EYE):
        x, y = example_portrait.face.landmarks[list(ring), :2].mean(0).tolist()
        cv2.circle(image, (round(x), round(y + 0.06 * e)), round(0.3 * e), (15, 12, 18), -1)
    found = _score(_with(example_portrait, image), "glasses")
    assert found.score < FINE
    assert "hide the eyes" in found.measured
    assert _score(example_portrait, "glasses").measured == "no dark glasses"


def test_shadow_darkness_and_burnt_skin_are_told(example_portrait):
    image = example_portrait.image.astype(np.float32)
    left = np.arange(image.shape[1]) < example_portrait.face.landmarks[1, 0]
    shaded = np.where(left[None, :, None], image * 0.1, image).astype(np.uint8)
    assert _score(_with(example_portrait, shaded), "even light").score < USABLE
    light = estimate_light(_with(example_portrait, shaded), Rig(example_portrait))
    assert light.direction[0] > 0.3
    assert np.linalg.norm(light.direction) == pytest.approx(1, abs=1e-5)
    dark = _with(example_portrait, (image * 0.1).astype(np.uint8))
    assert _score(dark, "brightness").score < FINE
    burnt = _with(example_portrait, np.clip(image * 5, 0, 255).astype(np.uint8))
    assert _score(burnt, "burnt spots").score < USABLE


def test_room_and_size_count_from_the_picture_as_given(example_portrait):
    landmarks = example_portrait.face.landmarks
    oval = landmarks[list(topology.FACE_OVAL), :2]
    start = int(oval[:, 0].min() + 0.2 * example_portrait.face.eye_distance)
    moved = landmarks - np.array([start, 0, 0], np.float32)
    face = type(example_portrait.face)(example_portrait.face.box, moved, 0.98)
    cut = Portrait(np.ascontiguousarray(example_portrait.image[:, start:]), face)
    assert _score(cut, "room").value < 0
    assert _score(cut, "room").score < FINE
    e = example_portrait.face.eye_distance
    assert _score(example_portrait, "size", scale=e / 30).value == pytest.approx(30)
    assert _score(example_portrait, "size", scale=e / 30).score < 50


def test_a_turned_face_scores_less(example_portrait):
    rig = Rig(example_portrait)
    frontal = measure_portrait(example_portrait, rig).turn_deg
    middle = example_portrait.face.landmarks[:, 0].mean()
    landmarks = example_portrait.face.landmarks.copy()
    turn = np.radians(35)
    x, z = landmarks[:, 0] - middle, landmarks[:, 2].copy()
    landmarks[:, 0] = middle + np.cos(turn) * x - np.sin(turn) * z
    landmarks[:, 2] = np.sin(turn) * x + np.cos(turn) * z
    face = type(example_portrait.face)(example_portrait.face.box, landmarks, 0.98)
    turned = Portrait(example_portrait.image, face)
    found = _score(turned, "turn")
    assert frontal < 15
    assert found.value == pytest.approx(35, abs=8)
    assert found.score < FINE


def test_verdicts():
    assert [name_verdict(s) for s in (100, FINE, FINE - 1, USABLE, USABLE - 1, 0)] == [
        *("good", "good", "usable", "usable", "poor", "poor")
    ]
