import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from opensonic.face.detect import Detection
from opensonic.face.mesh import FaceMesh
from opensonic.face.topology import FLIP, INNER_LIP_LOWER, INNER_LIP_UPPER, LEFT_IRIS, RIGHT_IRIS

KEYPOINTS = np.array(
    [[204, 101], [247, 103], [223, 128], [224, 146], [179, 118], [268, 122]], np.float32
)
SEEN = {RIGHT_IRIS[0]: (204, 101), LEFT_IRIS[0]: (247, 103), 61: (203, 139), 291: (245, 141)}
"""Where a person sees points of the astronaut's face, px: irises and corners of the mouth."""


@pytest.fixture(scope="module")
def mesh():
    return FaceMesh()


@pytest.fixture(scope="module")
def picture():
    return np.ascontiguousarray(astronaut()[:320])


@pytest.fixture(scope="module")
def detection():
    return Detection(np.array([178, 76, 268, 166], np.float32), KEYPOINTS, 0.95)


@pytest.fixture(scope="module")
def face(mesh, picture, detection):
    return mesh.find(picture, detection)


def _gap(first, second, unit):
    return np.linalg.norm(first[:, :2] - second[:, :2], axis=1).mean() / unit


def test_points_lie_where_a_person_sees_them(face):
    assert face.landmarks.shape == (478, 3)
    assert face.landmarks.dtype == np.float32
    for point, (x, y) in SEEN.items():
        assert np.hypot(*(face.landmarks[point, :2] - (x, y))) < 2.2
    assert abs(face.landmarks[152, 1] - 179) < 4


def test_an_open_smile_is_open_and_its_lips_in_order(face):
    upper, lower = face.landmarks[list(INNER_LIP_UPPER)], face.landmarks[list(INNER_LIP_LOWER)]

    assert 3 < lower[5, 1] - upper[5, 1] < 10
    assert (np.diff(upper[:, 0]) > 0).all()
    assert (np.diff(lower[:, 0]) > 0).all()


def test_the_nose_is_nearer_than_the_ears(face):
    depth = face.landmarks[:, 2]

    assert depth[1] < depth[[234, 454]].min() - 0.3 * face.eye_distance


def test_box_holds_the_landmarks_exactly(face):
    low, high = face.landmarks[:, :2].min(axis=0), face.landmarks[:, :2].max(axis=0)

    assert np.array_equal(face.box, np.concatenate([low, high]))


def test_score_is_high_on_a_face_and_falls_where_there_is_none(mesh, face, picture):
    elsewhere = Detection(
        np.array([20, 200, 110, 290], np.float32), KEYPOINTS + np.float32([-158, 124]), 0.95
    )

    assert face.score > 0.9
    assert mesh.find(picture, elsewhere).score < 0.25


def test_a_mirrored_picture_gives_mirrored_points(mesh, face, picture, detection):
    width = picture.shape[1]
    box = detection.box[[2, 1, 0, 3]] * [-1, 1, -1, 1] + [width, 0, width, 0]
    keypoints = KEYPOINTS[[1, 0, 2, 3, 5, 4]] * [-1, 1] + [width, 0]
    flipped = np.ascontiguousarray(picture[:, ::-1])

    other = mesh.find(flipped, Detection(box.astype(np.float32), keypoints, 0.95))

    back = other.landmarks[FLIP] * [-1, 1, 1] + [width, 0, 0]
    assert _gap(back, face.landmarks, face.eye_distance) < 0.01


@pytest.mark.parametrize("angle_deg", [-60, 25, 180])
def test_a_turned_picture_gives_turned_points(mesh, face, picture, detection, angle_deg):
    turn = cv2.getRotationMatrix2D((223, 120), angle_deg, 1.5)
    turned = cv2.warpAffine(picture, turn, (460, 330), borderMode=cv2.BORDER_REPLICATE)
    keypoints = (KEYPOINTS @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    middle = keypoints[:4].mean(axis=0)
    box = np.concatenate([middle - 67, middle + 67]).astype(np.float32)

    other = mesh.find(turned, Detection(box, keypoints, 0.95))

    expected = face.landmarks[:, :2] @ turn[:, :2].T + turn[:, 2]
    assert _gap(other.landmarks, expected, 1.5 * face.eye_distance) < 0.03


def test_box_may_miss_the_mark(mesh, face, picture):
    box = np.array([190, 70, 300, 180], np.float32)

    other = mesh.find(picture, Detection(box, KEYPOINTS, 0.95))

    assert _gap(other.landmarks, face.landmarks, face.eye_distance) < 0.02


def test_one_glance_and_following_agree_with_the_careful_look(mesh, face, picture, detection):
    glance = mesh.glance(picture, detection)
    shifted = np.roll(picture, 4, axis=1)
    followed = mesh.follow(shifted, glance)

    assert _gap(glance.landmarks, face.landmarks, face.eye_distance) < 0.04
    assert _gap(followed.landmarks - [4, 0, 0], face.landmarks, face.eye_distance) < 0.035


def test_the_same_picture_gives_the_same_points(mesh, face, picture, detection):
    assert np.array_equal(mesh.find(picture, detection).landmarks, face.landmarks)


def test_validation_faces_stay_below_the_gate(shared):
    from opensonic.train.mesh.evaluate import measure_faces, simulated_boxes
    from opensonic.train.mesh.faces import VALIDATION_SPLIT, read_faces

    folder = shared / "faces"
    if not (folder / "mesh_labels.npz").is_file():
        pytest.skip("../shared/faces is not there: the error is not measured")
    faces = read_faces(folder, VALIDATION_SPLIT, every=19)
    errors = measure_faces(faces, simulated_boxes(faces), FaceMesh(), quick=False)

    assert (errors.mean(axis=0) < [2.8, 2.5, 2.2]).all()
