import cv2
import numpy as np
import pytest

from opensonic.face.crop import (
    crop_image,
    crop_matrix,
    expand_box,
    invert_matrix,
    map_points,
)


def _dots(size, points, radius):
    image = np.zeros((size, size, 3), np.uint8)
    for x, y in points:
        centre = (round((x - 0.5) * 16), round((y - 0.5) * 16))
        cv2.circle(image, centre, radius * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    return image


def _centre_of_light(image):
    light = image[..., 0].astype(np.float64)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(x * light).sum(), (y * light).sum()]) / light.sum()


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(("side", "angle_deg"), [(64, 0), (90, 25), (400, -40)])
def test_pixels_land_where_the_matrix_maps_their_coordinates(side, angle_deg, mirror):
    point = np.array([253.0, 271.0])
    image = _dots(512, [point], radius=9)
    matrix = crop_matrix((250.0, 260.0), side, angle_deg, 64, mirror=mirror)

    crop = crop_image(image, matrix, 64)

    assert crop.shape == (64, 64, 3)
    assert np.abs(_centre_of_light(crop) - map_points(point, matrix)).max() < 0.06


def test_crop_shows_a_turned_square_upright():
    down = np.array([np.sin(np.radians(-30)), np.cos(np.radians(-30))])
    matrix = crop_matrix((100.0, 100.0), 50.0, 30.0, 100)

    mapped = map_points(np.array([100.0, 100.0]) + 10 * down, matrix)

    assert np.allclose(mapped, [50, 70])


def test_whole_picture_at_its_own_size_is_copied_exactly():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)

    assert np.array_equal(crop_image(image, crop_matrix((16, 16), 32, 0, 32), 32), image)


def test_shrinking_averages_and_does_not_alias():
    image = np.zeros((256, 256, 3), np.uint8)
    image[:, ::2] = 200

    crop = crop_image(image, crop_matrix((128, 128), 256, 0, 32), 32)

    assert np.abs(crop.astype(int) - 100).max() <= 2


def test_beyond_the_picture_the_edge_is_repeated():
    image = np.full((40, 40, 3), 7, np.uint8)

    for centre in [(0.0, 0.0), (200.0, -300.0)]:
        for side in (20.0, 300.0):
            assert (crop_image(image, crop_matrix(centre, side, 10, 24), 24) == 7).all()


def test_inverse_brings_points_back():
    matrix = crop_matrix((31.0, 17.0), 12.0, 77.0, 128, mirror=True)
    points = np.array([[3.0, 4.0], [50.0, -6.0]])

    assert np.allclose(map_points(map_points(points, matrix), invert_matrix(matrix)), points)


def test_expand_box_grows_by_a_share_and_stays_inside():
    box = np.array([10, 20, 110, 70], np.float32)

    assert np.array_equal(expand_box(box, 0.1, (300, 300)), [0, 15, 120, 75])
    assert np.array_equal(expand_box(box, 1.0, (150, 100)), [0, 0, 150, 100])
    assert np.array_equal(expand_box(box, 0.0, (300, 300)), box)
