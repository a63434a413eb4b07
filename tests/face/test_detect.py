"""The face detector: geometry on hand-made network outputs, then the weights on pictures."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from opensonic.errors import InputError
from opensonic.face.detect import (
    SIZE_UNIT,
    STRIDES,
    FaceDetector,
    decode_outputs,
)
from opensonic.face.views import INPUT_SIDE, cut_close_view, fit_to_network, tile_boxes


def empty_maps(side=64):
    return [np.full((1, 16, side // s, side // s), -9.0, np.float32) for s in STRIDES]


def iou(first, second):
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    common = np.prod(np.clip(high - low, 0, None))
    return common / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - common)


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def things():
    """The pictures that scikit-image brings."""
    return pytest.importorskip("skimage.data", reason="scikit-image is not installed")


@pytest.fixture(scope="module")
def astronaut(things):
    return things.astronaut()


def test_cell_is_decoded_in_units_of_its_stride():
    maps = empty_maps()
    maps[1][0, :, 1, 2] = [3, 0.5, -0.25, np.log(2), *([0.25, -0.5] * 6)]
    ((score, x0, y0, x1, y1, *points),) = decode_outputs(maps, 0.5)
    cell_x, cell_y, stride = 2.5 * 16, 1.5 * 16, 16
    assert score == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-6)
    assert (x0 + x1) / 2 == pytest.approx(cell_x + 0.5 * stride)
    assert (y0 + y1) / 2 == pytest.approx(cell_y - 0.25 * stride)
    assert x1 - x0 == y1 - y0 == pytest.approx(2 * SIZE_UNIT * stride, rel=1e-5)
    unit = SIZE_UNIT * stride
    assert points == pytest.approx([cell_x + 0.25 * unit, cell_y - 0.5 * unit] * 6)


def test_maps_without_a_face_decode_to_nothing():
    assert decode_outputs(empty_maps(), 0.5).shape == (0, 17)


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (100, 40), (37, 3000), (4000, 3000)])
def test_canvas_keeps_the_proportions_and_fits_the_grid(shape):
    image = np.full((*shape, 3), 255, np.uint8)
    canvas, scale, offset = fit_to_network(image)
    assert canvas.shape[0] % 32 == canvas.shape[1] % 32 == 0
    assert max(canvas.shape) <= INPUT_SIDE
    left, top = offset.astype(int)
    white = np.all(canvas == 255, axis=2)
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    assert (rows[0], columns[0]) == (top, left)
    assert len(rows) == pytest.approx(max(1, shape[0] * scale[0]), abs=0.51)
    assert len(columns) == pytest.approx(max(1, shape[1] * scale[0]), abs=0.51)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (100, 100), (640, 480), (1000, 10)])
def test_tiles_are_squares_that_cover_the_picture(width, height):
    seen = np.zeros((height, width), int)
    for x0, y0, x1, y1 in tile_boxes(width, height):
        assert x1 - x0 == y1 - y0 > 0
        seen[y0:y1, x0:x1] += 1
    assert seen.min() >= 1


def made_session(close_score):
    """A network that sees one face of 64 px around (160, 160), then one in the middle close up."""
    maps, close = empty_maps(320), empty_maps(160)
    for y in (9, 10):
        for x in (9, 10):
            centre = (10 - x - 0.5, 10 - y - 0.5)
            side = 0.1 * (x - 9.5)
            maps[1][0, :, y, x] = [2, *centre, side, -0.1, 0, 0.1, 0, *([0.0] * 8)]
    maps[0][0, :, 20, 20] = [1, 0, 0, 0, *([0.0] * 12)]
    close[1][0, :, 4, 4] = [close_score, 0.5, 0.5, 0, *([0.125] * 12)]
    return SimpleNamespace(
        run=lambda names, feed: maps if feed["picture"].shape[2] == 320 else close,
        get_inputs=lambda: [SimpleNamespace(name="picture")],
    )


def test_one_face_seen_by_many_cells_and_levels_is_one_detection():
    (found,) = FaceDetector(session=made_session(3)).detect(np.zeros((640, 640, 3), np.uint8))
    assert found.box == pytest.approx(np.array([256, 256, 384, 384]), abs=1)
    assert found.keypoints == pytest.approx(np.full((6, 2), 320), abs=1)
    assert found.box.dtype == found.keypoints.dtype == np.float32
    assert found.score == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-6)


def test_second_look_can_refuse_what_the_first_saw():
    assert FaceDetector(session=made_session(0)).detect(np.zeros((640, 640, 3), np.uint8)) == []


@pytest.mark.parametrize("angle_deg", [0, 25, -70])
def test_close_view_is_level_and_centred(angle_deg):
    angle = np.deg2rad(angle_deg)
    across = np.array([np.cos(angle), np.sin(angle)]) * 40
    centre = np.array([300.0, 200.0])
    points = np.tile(centre, (6, 1)).astype(np.float32)
    points[:2] = centre - across, centre + across
    image = np.zeros((400, 600, 3), np.uint8)
    for value, (x, y) in zip((100, 200), points[:2], strict=True):
        cv2.circle(image, (round(float(x)), round(float(y))), 6, (value,) * 3, -1)
    box = np.array([200, 100, 400, 300], np.float32)
    view, matrix = cut_close_view(image, box, points)
    assert view.shape == (160, 160, 3)
    seen = points[:2] @ matrix[:, :2].T + matrix[:, 2]
    assert seen == pytest.approx(np.array([[67.2, 80], [92.8, 80]]), abs=0.1)
    assert view[80, 67, 0] == pytest.approx(100, abs=5)
    assert view[80, 93, 0] == pytest.approx(200, abs=5)


def test_candidate_outside_the_picture_has_no_close_view():
    box = np.array([-200, -200, -150, -150], np.float32)
    points = np.zeros((6, 2), np.float32)
    assert cut_close_view(np.zeros((50, 50, 3), np.uint8), box, points) is None


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_what_is_no_rgb_picture_is_refused(image, detector):
    with pytest.raises(InputError, match="expected"):
        detector.detect(image)


def test_astronaut_is_found_with_her_features_in_order(detector, astronaut):
    (face,) = detector.detect(astronaut)
    assert iou(face.box, np.array([169, 65, 274, 170], np.float32)) > 0.6
    right_eye, left_eye, nose, mouth, right_ear, left_ear = face.keypoints
    assert right_ear[0] < right_eye[0] < nose[0] < left_eye[0] < left_ear[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < mouth[1]
    assert 0.5 < face.score <= 1


@pytest.mark.parametrize("scale", [0.4, 2.5])
def test_box_scales_with_the_picture(scale, detector, astronaut):
    resized = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    (small,), (full,) = detector.detect(resized), detector.detect(astronaut)
    assert iou(small.box / scale, full.box) > 0.85


@pytest.mark.parametrize("angle_deg", [-30, -15, 15, 30])
def test_tilted_head_is_found(angle_deg, detector, astronaut):
    matrix = np.array(cv2.getRotationMatrix2D((222, 118), angle_deg, 1))
    turned = cv2.warpAffine(astronaut, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    (face,) = detector.detect(turned)
    right_eye, left_eye = face.keypoints[:2]
    tilt = np.degrees(np.arctan2(*(left_eye - right_eye)[::-1]))
    upright = detector.detect(astronaut)[0].keypoints
    start = np.degrees(np.arctan2(*(upright[1] - upright[0])[::-1]))
    assert tilt - start == pytest.approx(-angle_deg, abs=9)


def test_face_that_fills_the_frame_is_found(detector, astronaut):
    close = np.ascontiguousarray(astronaut[60:185, 160:285])
    (face,) = detector.detect(close)
    assert face.box[2] - face.box[0] > 85


def test_face_too_small_for_the_whole_view_is_found_in_a_tile(detector, astronaut):
    face = cv2.resize(astronaut[20:220, 130:330], (64, 64), interpolation=cv2.INTER_AREA)
    wide = np.full((480, 2400, 3), 90, np.uint8)
    wide[200:264, 900:964] = face
    assert [(d.box[0] > 900 and d.box[2] < 964) for d in detector.detect(wide)] == [True]


def test_largest_face_comes_first(detector, astronaut):
    small = cv2.resize(astronaut, (300, 300), interpolation=cv2.INTER_AREA)
    pair = np.zeros((512, 812, 3), np.uint8)
    pair[100:400, :300], pair[:, 300:] = small, astronaut
    first, second = detector.detect(pair)
    assert first.box[0] > 300 > second.box[2]


def test_mirror_image_gives_the_mirrored_face(detector, astronaut):
    (face,) = detector.detect(astronaut)
    (other,) = detector.detect(np.ascontiguousarray(astronaut[:, ::-1]))
    back = other.keypoints[[1, 0, 2, 3, 5, 4]] * [-1, 1] + [512, 0]
    assert np.abs(back - face.keypoints).max() < 2


def test_same_picture_gives_the_same_answer(detector, astronaut):
    (first,), (second,) = detector.detect(astronaut), FaceDetector().detect(astronaut.copy())
    assert np.array_equal(first.box, second.box)
    assert np.array_equal(first.keypoints, second.keypoints)


@pytest.mark.parametrize("name", ["coffee", "rocket", "chelsea", "page", "text", "grass", "clock"])
def test_no_face_is_seen_in_things(name, detector, things):
    image = getattr(things, name)()
    if image.ndim == 2:
        image = np.repeat(image[:, :, None], 3, axis=2)
    assert detector.detect(np.ascontiguousarray(image[:, :, :3])) == []


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (3, 700), (300, 400)])
def test_no_face_is_seen_in_noise_and_flat_colour(shape, detector):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    flat = np.full((*shape, 3), 200, np.uint8)
    ramp = np.broadcast_to(np.linspace(0, 255, shape[1])[None, :, None], (*shape, 3))
    for image in (noise, flat, np.ascontiguousarray(ramp, dtype=np.uint8)):
        assert detector.detect(image) == []


def test_every_portrait_has_its_faces(shared, detector):
    for path in sorted((shared / "portraits").iterdir()):
        image = np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1])
        expected = 2 if path.stem.startswith("two") else 1
        assert len(detector.detect(image)) == expected, path.name
