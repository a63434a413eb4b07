from types import SimpleNamespace

import numpy as np

from opensonic.face.tracker import NO_FACE, SEEN
from opensonic.media.footage import read_pictures
from opensonic.train.speech.tracker import track_lips


def test_the_tracker_finds_the_lips_that_were_drawn(talks):
    track = track_lips(read_pictures(talks / "talk.mp4"))
    assert (track.state == SEEN).all()
    assert len(np.unique(track.shot)) == 1
    assert np.ptp(track.lips[:, 0]) > 0.05
    assert 60 < np.median(track.eyes_px) < 110
    np.testing.assert_allclose(np.diff(track.time_s), 0.04, atol=2e-3)
    assert np.abs(track.turn_deg).max() < 15


def test_lips_of_no_face_are_0_and_what_is_taken_back_is_none(example_image):
    blank = np.full_like(example_image, 90)
    pictures = [example_image] * 6 + [blank] * 4 + [example_image] * 6
    track = track_lips(
        SimpleNamespace(time_s=number / 25, image=image) for number, image in enumerate(pictures)
    )
    expected = [SEEN] * 6 + [NO_FACE] * 4 + [SEEN] * 6
    np.testing.assert_array_equal(track.state, expected)
    assert not track.lips[6:10].any()
    assert track.lips[10:].all()
