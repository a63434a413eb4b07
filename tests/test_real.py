"""Real portraits and real recordings, from ../shared: all of them against all of them."""

from fractions import Fraction

import av
import pytest

import opensonic
from opensonic.engines.registry import build_engine
from opensonic.face.portrait import prepare_portrait
from opensonic.media.audio import cut_speech, read_speech
from opensonic.media.image import read_image
from opensonic.settings import Settings

SIZE = 256
SECONDS = 1


def test_all_portraits_with_all_recordings(shared, tmp_path):
    recordings = [read_speech(path) for path in sorted((shared / "audio").iterdir())]
    portraits = sorted((shared / "portraits").iterdir())
    assert len(recordings) >= 6
    assert len(portraits) >= 16
    settings = Settings(min_resolution=SIZE)
    for picture in portraits:
        prepared = prepare_portrait(read_image(picture), picture.name, settings)
        for recording in recordings:
            video = opensonic.Video(
                prepared.portrait,
                cut_speech(recording, Fraction(SECONDS)),
                settings,
                *build_engine("mesh"),
            )
            target = tmp_path / "talk.mp4"
            assert video.save(target).n_frames == 25
            with av.open(str(target)) as file:
                assert sum(1 for _ in file.decode(video=0)) == 25


def test_two_men_are_both_found(shared):
    image = read_image(shared / "portraits" / "two_men_obama_biden.jpg")
    prepared = prepare_portrait(image, "two men", Settings())
    assert any(note.startswith("2 faces found") for note in prepared.notes)


def test_the_whole_sound_of_a_real_clip_gives_its_frames(shared, tmp_path):
    clip = shared / "clips" / "grid_woman_3s.mp4"
    video = opensonic.animate(shared / "portraits" / "ai_female_4.jpg", clip, engine="still")
    saved = video.save(tmp_path / "talk.mp4")
    assert saved.n_frames == pytest.approx(75, abs=1)


def test_a_face_turned_far_away_gets_a_warning(shared):
    path = shared / "portraits" / "painting_vermeer_pearl_earring.jpg"
    warnings = prepare_portrait(read_image(path), "painting", Settings()).warnings
    assert any("is turned about 3" in warning for warning in warnings)
