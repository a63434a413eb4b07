import numpy as np
import pytest

from opensonic.face.tracker import NO_FACE, SEEN, SEVERAL, FaceTracker


def look_at(pictures, fps=25):
    tracker = FaceTracker()
    return [tracker.look(image, number / fps) for number, image in enumerate(pictures)]


def test_a_face_is_followed_where_it_moves(example_image):
    seen = look_at([np.roll(example_image, 2 * k, axis=1) for k in range(20)])
    assert {each.state for each in seen} == {SEEN}
    assert {each.shot for each in seen} == {seen[0].shot}
    noses = [each.face.landmarks[1, 0] for each in seen]
    np.testing.assert_allclose(np.diff(noses), 2, atol=0.6)


def test_a_cut_begins_a_new_shot_and_no_face_is_no_face(example_image):
    blank = np.full_like(example_image, 90)
    seen = look_at([example_image] * 6 + [blank] * 4 + [example_image] * 6)
    assert [each.state for each in seen] == [SEEN] * 6 + [NO_FACE] * 4 + [SEEN] * 6
    assert seen[7].face is None
    assert seen[5].shot < seen[10].shot


def test_a_cut_between_like_pictures_is_seen_and_slow_change_is_none(example_image):
    def shots(brightness):
        images = (np.clip(example_image.astype(int) + int(b), 0, 255) for b in brightness)
        return len({each.shot for each in look_at(image.astype(np.uint8) for image in images)})

    assert shots([0] * 8 + [9] * 8) == 2
    assert shots(np.arange(16)) == 1


def test_two_faces_alike_are_several(example_image):
    seen = look_at([np.concatenate([example_image] * 2, axis=1)] * 3)
    assert {each.state for each in seen} == {SEVERAL}
    assert seen[0].face is not None


def test_what_was_followed_without_a_face_is_taken_back(example_image):
    faces = [example_image] * 14
    fading = [
        np.clip(example_image + (90.0 - example_image) * k / 8, 0, 255).astype(np.uint8)
        for k in range(9)
    ]
    seen = look_at(faces + fading + [fading[-1]] * 16)
    states = []
    for each in seen:
        states[len(states) - each.taken_back :] = [NO_FACE] * each.taken_back
        states.append(each.state)
    assert states[:14] == [SEEN] * 14
    assert sum(each.taken_back for each in seen) > 0
    assert states[-16:] == [NO_FACE] * 16


def test_pictures_of_any_size_will_do(example_image):
    small = example_image[::4, ::4]
    assert look_at([np.ascontiguousarray(small)])[0].state in {SEEN, NO_FACE}
    assert look_at([np.zeros((2, 2, 3), np.uint8)])[0].state == NO_FACE


@pytest.mark.parametrize("count", [1, 30])
def test_each_look_gives_the_same_again(example_image, count):
    pictures = [np.roll(example_image, k, axis=0) for k in range(count)]
    for one, other in zip(look_at(pictures), look_at(pictures), strict=True):
        np.testing.assert_array_equal(one.face.landmarks, other.face.landmarks)


def test_without_the_eyes_the_lips_are_the_same(example_image):
    whole, lips = (
        FaceTracker().look(example_image, 0),
        FaceTracker(eyes=False).look(example_image, 0),
    )
    np.testing.assert_allclose(lips.face.landmarks[61], whole.face.landmarks[61], atol=0.5)
    assert (lips.face.landmarks[159] != whole.face.landmarks[159]).any()
