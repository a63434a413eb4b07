import numpy as np
import pytest

from opensonic.errors import NoFaceError
from opensonic.face.crop import square_crop
from opensonic.face.detect import Detection
from opensonic.face.portrait import choose_face, estimate_yaw, prepare_portrait
from opensonic.settings import Settings


def _detection(x0, y0, side):
    box = np.array([x0, y0, x0 + side, y0 + side], np.float32)
    return Detection(box, np.zeros((6, 2), np.float32), 0.9)


FOUND = [_detection(0, 0, 200), _detection(300, 50, 100), _detection(500, 60, 20)]


def test_largest_number_and_point():
    assert choose_face(FOUND, "largest", "p") is FOUND[0]
    assert choose_face(FOUND, 1, "p") is FOUND[1]
    assert choose_face(FOUND, (310.0, 60.0), "p") is FOUND[1]


@pytest.mark.parametrize(
    ("found", "choice", "message"),
    [
        ([], "largest", "p: no face found"),
        (FOUND, 3, "face 3 was asked for, but 3 faces were found"),
        (FOUND, (250.0, 5.0), "no face at 250,5; 3 faces were found, centred at 100,100"),
        (FOUND, 2, "the face is only 20 px large; expected at least 32 px"),
    ],
)
def test_refusals_say_what_was_found(found, choice, message):
    with pytest.raises(NoFaceError, match=message):
        choose_face(found, choice, "p")


def test_landmarks_follow_the_picture_through_crop_and_resize(example_image):
    full = prepare_portrait(example_image, "p", Settings()).portrait
    changed = prepare_portrait(
        example_image, "p", Settings(crop=True, expand_ratio=0.3, min_resolution=512)
    ).portrait
    for portrait in (full, changed):
        image, points = portrait.image, portrait.face.landmarks
        left, right = points[468, :2], points[473, :2]  # the irises are darker than the cheeks
        iris = [image[round(float(y)), round(float(x))].mean() for x, y in (left, right)]
        cheek = [image[round(float(y)), round(float(x))].mean() for x, y in points[[50, 280], :2]]
        assert max(iris) < min(cheek)
        assert np.allclose(portrait.face.box[:2], points[:, :2].min(0), atol=0.1)


def test_a_large_picture_is_reduced_to_1024(example_image):
    large = np.repeat(np.repeat(example_image, 5, 0), 5, 1)
    prepared = prepare_portrait(large, "p", Settings())
    assert prepared.portrait.image.shape == (1024, 1024, 3)
    assert "picture reduced from 1280x1280 to 1024x1024" in prepared.notes


def test_expand_ratio_without_crop_is_said_to_do_nothing(example_image):
    prepared = prepare_portrait(example_image, "p", Settings(expand_ratio=0.2))
    assert "expand_ratio has no effect without crop" in prepared.warnings


def test_yaw_of_a_turned_head():
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[454] = [np.cos(np.radians(30)), 0, np.sin(np.radians(30))]
    assert estimate_yaw(landmarks) == pytest.approx(30, abs=0.1)


def test_what_only_looks_like_a_face_is_refused():
    coins = pytest.importorskip("skimage.data").coins()
    with pytest.raises(NoFaceError, match="has no clear eyes"):
        prepare_portrait(np.repeat(coins[..., None], 3, axis=2), "coins", Settings())


def test_a_strip_is_refused_at_once():
    with pytest.raises(NoFaceError, match="no face found"):
        prepare_portrait(np.zeros((2, 10_000_000, 3), np.uint8), "strip", Settings())


def test_an_odd_resolution_is_rounded_up(example_image):
    prepared = prepare_portrait(example_image, "p", Settings(min_resolution=129))
    assert min(prepared.portrait.image.shape[:2]) == 130


def test_a_resolution_that_cannot_be_reached_is_said(example_image):
    wide = np.pad(example_image, ((0, 0), (2500, 2500), (0, 0)), mode="edge")
    prepared = prepare_portrait(wide, "p", Settings(min_resolution=512))
    assert any("not 512" in note for note in prepared.notes)


def test_a_small_face_gets_a_warning(example_image):
    small = example_image[::2, ::2]
    warnings = prepare_portrait(np.ascontiguousarray(small), "p", Settings()).warnings
    assert any("lips and eyes will be soft" in warning for warning in warnings)


def test_compat_crops_the_published_square(example_image):
    height, width = example_image.shape[:2]
    whole = prepare_portrait(example_image, "p", Settings()).portrait.face
    for given, ratio in ((None, 0.5), (0.3, 0.3)):
        settings = Settings(engine="sonic", compat=True, crop=True, expand_ratio=given)
        x0, y0, x1, y1 = square_crop(whole.box, ratio, width, height)
        got = prepare_portrait(example_image, "p", settings, keep_original=True).portrait.original
        assert np.array_equal(got.image, example_image[y0:y1, x0:x1])
        assert abs((x1 - x0) - (y1 - y0)) <= 1
