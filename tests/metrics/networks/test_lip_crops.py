"""Where SyncNet's crops lie, and how the box is smoothed."""

import numpy as np
import pytest

from opensonic.metrics.networks.lip_crops import GREY, SIZE, LipCrops, cut_crop


def gradient(height=400, width=400):
    """Red is x, green is y, as far as a byte goes."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x // 2, y // 2, np.zeros_like(x)], axis=-1).astype(np.uint8)


def box_at(x, y, half=50.0):
    return np.array([x - half, y - half, x + half, y + half], np.float32)


def crops_of(boxes, shots=None, image=None):
    crops, given = LipCrops(), []
    image = gradient() if image is None else image
    for slot, box in enumerate(boxes):
        given += crops.push(slot, image, box, 0 if shots is None else shots[slot])
    return given + list(crops.finish())


def test_the_crop_reaches_where_the_published_pipeline_does():
    crop = cut_crop(gradient(), half=50, x=200, y=150)
    assert crop.shape == (SIZE, SIZE, 3)
    # 1.4 half sides to the left and right, 1 up, 1.8 down; half values of px in the colours
    assert crop[0, 0, 0] == pytest.approx(130 / 2, abs=1)
    assert crop[0, -1, 0] == pytest.approx(270 / 2, abs=1)
    assert crop[0, 0, 1] == pytest.approx(100 / 2, abs=1)
    assert crop[-1, 0, 1] == pytest.approx(240 / 2, abs=1)


def test_outside_the_picture_it_is_grey():
    crop = cut_crop(gradient(), half=50, x=0, y=0)
    assert (crop[:20, :20] == GREY).all()
    assert not (crop[-20:, -20:] == GREY).any()
    assert (cut_crop(gradient(), half=5, x=900, y=900) == GREY).all()


def test_every_picture_is_given_once_in_order():
    for n in (1, 5, 7, 13, 14, 40):
        given = crops_of([box_at(200, 150)] * n)
        assert [crop.slot for crop in given] == list(range(n))
        assert [crop.begins for crop in given] == [True] + [False] * (n - 1)


def test_one_wrong_box_does_not_move_the_crop():
    boxes = [box_at(200, 150)] * 30
    steady = crops_of(boxes)
    boxes[15] = box_at(260, 150, half=90)
    for a, b in zip(steady, crops_of(boxes), strict=True):
        np.testing.assert_array_equal(a.image, b.image)


def test_the_median_lies_around_its_picture():
    """A face that moves steadily is cut where it is, not where it was; also at the ends."""
    boxes = [box_at(100 + 4 * i, 150) for i in range(30)]
    for i, crop in enumerate(crops_of(boxes)):
        middle = 2.0 * crop.image[SIZE // 2, SIZE // 2, 0]
        reach = 0 if 6 <= i < 24 else 12  # at the ends the window has one side only
        assert abs(middle - (100 + 4 * i)) <= reach + 2


def test_a_cut_and_a_lost_face_begin_a_new_track():
    boxes = [box_at(200, 150)] * 10 + [None] * 3 + [box_at(200, 150)] * 10
    shots = [0] * 5 + [1] * 18
    given = crops_of(boxes, shots)
    assert [crop.slot for crop in given] == [*range(10), *range(13, 23)]
    assert [crop.slot for crop in given if crop.begins] == [0, 5, 13]


def test_few_pictures_are_held():
    crops = LipCrops()
    held = 0
    for slot in range(100):
        list(crops.push(slot, gradient(8, 8), box_at(4, 4, 2), 0))
        held = max(held, len(crops._waiting))
    assert held == 6
