"""Faces brought to five points, their embeddings, and CSIM over a video."""

import cv2
import numpy as np
import pytest

from opensonic.errors import WeightsError
from opensonic.face.crop import map_points
from opensonic.metrics.evaluation import Sight
from opensonic.metrics.networks.embedding import TEMPLATE, FaceEmbedder, align_face
from opensonic.metrics.networks.identity import IdentityObserver
from opensonic.metrics.networks.onnx_nodes import first_operations
from opensonic.values import Face

POINTS = [468, 473, 4, 61, 291]


def moved(image, face, angle_deg, scale, shift):
    """Turn, scale and move a picture together with its face."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, scale)
    matrix[:, 2] += shift
    warp = matrix.copy()
    warp[:, 2] += warp[:, :2].sum(1) * 0.5 - 0.5
    turned = cv2.warpAffine(image, warp, (width, height), flags=cv2.INTER_CUBIC)
    landmarks = face.landmarks.copy()
    landmarks[:, :2] = map_points(landmarks[:, :2].astype(np.float64), matrix)
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    return turned, Face(np.concatenate([low, high]), landmarks, 1.0)


def test_the_five_points_come_to_the_template():
    landmarks = np.zeros((478, 3), np.float32)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 3
    landmarks[POINTS, :2] = TEMPLATE @ turn.T + [200, 90]
    face = Face(np.zeros(4, np.float32), landmarks, 1.0)
    placed = map_points(landmarks[POINTS, :2].astype(np.float64), align_face(face))
    np.testing.assert_allclose(placed, TEMPLATE, atol=1e-3)


def test_a_real_face_is_upright_and_fills_the_crop(example_portrait):
    face = example_portrait.face
    placed = map_points(face.landmarks[POINTS, :2].astype(np.float64), align_face(face))
    assert np.abs(placed - TEMPLATE).max() < 8  # everybody's face is a little different
    assert placed[0, 0] < placed[1, 0]
    assert placed[3, 0] < placed[4, 0]


def test_turning_and_scaling_the_picture_changes_nothing(example_portrait, embedder_file):
    embedder = FaceEmbedder(embedder_file[0])
    image, face = example_portrait.image, example_portrait.face
    own = embedder.embed(image, face)
    assert np.linalg.norm(own) == pytest.approx(1, abs=1e-5)
    other = embedder.embed(*moved(image, face, 25, 0.8, (6, -9)))
    assert float(own @ other) > 0.998
    mirrored = embedder.embed(np.ascontiguousarray(image[::-1]), face)  # no face there
    assert float(own @ mirrored) < 0.9


def test_files_that_scale_by_themselves_get_bytes(example_portrait, embedder_file):
    plain, raw = embedder_file
    assert first_operations(plain, 8) == ["AveragePool", "Flatten"]
    assert first_operations(raw, 3) == ["Sub", "Mul", "AveragePool"]
    image, face = example_portrait.image, example_portrait.face
    both = [FaceEmbedder(path).embed(image, face) for path in embedder_file]
    np.testing.assert_allclose(*both, atol=1e-5)


def test_damaged_files_are_no_trouble(tmp_path, embedder_file):
    path = tmp_path / "cut.onnx"
    for contents in (b"", b"\x3a", b"\x3a\xff\xff", embedder_file[0].read_bytes()[:40]):
        path.write_bytes(contents)
        assert len(first_operations(path, 8)) <= 2
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"cut\.onnx"):
        FaceEmbedder(path)


def test_a_network_for_other_pictures_is_refused():
    from opensonic.weights import weights_path

    with pytest.raises(WeightsError, match="expected one of 3 colours and 112 px"):
        FaceEmbedder(weights_path("face_detector"))


def measure(observer, sights):
    for sight, reference in sights:
        observer.look(sight, reference)
    return {row.name: row for row in observer.rows(None, None)}


def video(portrait, seconds, change=lambda image, time_s: image):
    for i in range(round(25 * seconds)):
        time_s = (i + 0.5) / 25
        yield Sight(time_s, change(portrait.image, time_s), portrait.face, 0)


def shaded(image, share):
    """A face in the light of a window: another person to this network."""
    light = np.linspace(1, 1 - share, image.shape[1])[None, :, None]
    return (image * light).astype(np.uint8)


def test_csim_against_portrait_and_reference(example_portrait, embedder_file):
    embedder = FaceEmbedder(embedder_file[0])
    own = measure(
        IdentityObserver(embedder, "ArcFace", example_portrait),
        ((sight, None) for sight in video(example_portrait, 2)),
    )
    assert own["csim"].value == pytest.approx(1, abs=1e-5)
    assert own["csim"].note == "ArcFace, 10 pictures against the portrait"
    assert own["csim_start"].value == pytest.approx(1, abs=1e-5)
    assert own["csim_loss"].value is None
    changed = video(example_portrait, 2, lambda image, _: shaded(image, 0.9))
    pairs = zip(video(example_portrait, 2), changed, strict=True)
    other = measure(IdentityObserver(embedder, "SFace"), pairs)
    assert other["csim"].value < 0.95
    assert other["csim"].note == "SFace, 10 pictures against the reference"


def test_a_face_that_turns_into_another_loses_likeness(example_portrait, embedder_file):
    embedder = FaceEmbedder(embedder_file[0])
    away = video(example_portrait, 12, lambda image, t: shaded(image, min(t / 13, 0.95)))
    rows = measure(IdentityObserver(embedder, "ArcFace"), ((sight, None) for sight in away))
    assert rows["csim"].value is None
    assert rows["csim"].note == "needs a portrait or a reference"
    assert rows["csim_loss"].value > 0.1
    still = ((sight, None) for sight in video(example_portrait, 12))
    rows = measure(IdentityObserver(embedder, "ArcFace"), still)
    assert rows["csim_loss"].value == pytest.approx(0, abs=1e-4)


def test_no_face_says_so(example_portrait, embedder_file):
    observer = IdentityObserver(FaceEmbedder(embedder_file[0]), "ArcFace", example_portrait)
    sights = (Sight(i / 25, example_portrait.image, None, 0) for i in range(50))
    rows = measure(observer, ((sight, None) for sight in sights))
    assert [row.value for row in rows.values()] == [None] * 3
    assert rows["csim"].note == "no face in both"
