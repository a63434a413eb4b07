"""The harm of `benchmarks.evaluation` does what its name says."""

import numpy as np
import pytest
from benchmarks.evaluation.harm import PICTURES, shift_sound


@pytest.mark.parametrize("name", PICTURES)
def test_every_harm_changes_pictures_and_keeps_their_size(name, example_image):
    harm, last = PICTURES[name], np.zeros_like(example_image)
    changed = [harm(example_image, number, last) for number in range(20, 70)]
    assert all(image.shape == example_image.shape for image in changed)
    assert all(image.dtype == np.uint8 for image in changed)
    assert any((image != example_image).any() for image in changed)


def test_sound_comes_later_or_earlier():
    sound = np.arange(1, 11, dtype=np.float32)[:, None]
    assert shift_sound(sound, 10, 0.2)[:, 0].tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert shift_sound(sound, 10, -0.2)[:, 0].tolist() == [3, 4, 5, 6, 7, 8, 9, 10, 0, 0]
