from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import opensonic
from opensonic.channels import inner_lip_gap
from opensonic.errors import EncodeError, InputError, NoFaceError, SettingsError


def _tone(seconds, rate=16_000):
    return (np.sin(np.arange(round(seconds * rate)) / 5) * 0.2).astype(np.float32), rate


def _decoded(path):
    """Frames and length of the sound (s) of a file, found by decoding all of it."""
    with av.open(str(path)) as file:
        n_frames = sum(1 for _ in file.decode(video=0))
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        samples = sum(frame.samples for frame in file.decode(stream))
        return n_frames, samples / stream.rate


@pytest.mark.parametrize(
    ("seconds", "fps"), [(0.05, 25), (1.3, 25), (1.0, "30000/1001"), (2.02, 50)]
)
def test_the_video_is_as_long_as_the_sound(example_image, tmp_path, seconds, fps):
    video = opensonic.animate(example_image, _tone(seconds), fps=fps, min_resolution=128)
    saved = video.save(tmp_path / "talk.mp4")
    n_frames, sound_s = _decoded(saved.path)
    assert n_frames == saved.n_frames == video.n_frames
    assert abs(n_frames / float(video.fps) - seconds) <= 1 / float(video.fps)
    assert sound_s >= seconds
    assert sound_s - seconds < 0.1  # at most the rest of an AAC frame or two
    assert list(tmp_path.iterdir()) == [saved.path]


def test_a_video_can_be_read_twice_with_the_same_frames(example_image):
    video = opensonic.animate(example_image, _tone(0.5), min_resolution=128)
    first, second = (np.concatenate([chunk.frames.copy() for chunk in video]) for _ in range(2))
    assert first.shape == (13, 128, 128, 3)
    assert (first != first[0]).any()
    assert np.array_equal(first, second)


def test_silence_keeps_the_mouth_closed_and_the_person_alive(example_image):
    silence = np.zeros(16_000 * 12, np.float32)
    video = opensonic.animate(example_image, (silence, 16_000), min_resolution=128)
    assert "the sound is silent: the mouth stays closed" in video.notes
    motion = np.concatenate([chunk.motion.values for chunk in video])
    assert inner_lip_gap(motion).max() < 0.005
    assert motion[:, 10:12].max() > 0.9  # blinks
    assert np.ptp(motion[:, 15:], axis=0).max() > 0.1  # head and breath


def test_speech_opens_the_mouth(example_image, example_speech):
    video = opensonic.animate(example_image, example_speech, min_resolution=128)
    gap = np.concatenate([inner_lip_gap(chunk.motion.values) for chunk in video])
    assert gap.max() > 0.08
    assert (gap < 0.01).mean() > 0.1


@pytest.mark.parametrize("kind", ["path", "array", "pil"])
def test_takes_paths_arrays_and_pil_images(example_image, tmp_path, kind):
    picture = Image.fromarray(example_image)
    picture.save(tmp_path / "p.png")
    source = {"path": tmp_path / "p.png", "array": example_image, "pil": picture}[kind]
    video = opensonic.animate(source, _tone(0.1), engine="still")
    assert np.array_equal(next(iter(video)).frames[0], example_image)


def test_duration_longer_than_the_sound_names_both_lengths(example_image):
    with pytest.raises(InputError, match=r"lasts 1\.0625 s, but duration 1\.0626 s"):
        opensonic.animate(example_image, _tone(1.0625), duration=1.0626)


def test_duration_shorter_than_the_sound_cuts_and_says_so(example_image):
    video = opensonic.animate(example_image, _tone(1), duration="0.4", engine="still")
    assert video.n_frames == 10
    assert "sound cut from 1.00 s to 0.4 s" in video.notes


def test_enlarging_is_said_and_both_sides_are_even(example_image):
    odd = example_image[:255, :253]
    video = opensonic.animate(odd, _tone(0.1), engine="still")
    assert video.size == (252, 254)
    video = opensonic.animate(odd, _tone(0.1), min_resolution=301, engine="still")
    assert all(side % 2 == 0 for side in video.size)
    assert any(note.startswith("picture enlarged from 253x255") for note in video.notes)


def test_crop_keeps_the_face_and_leaves_the_rest(example_image):
    wide = np.pad(example_image, ((0, 0), (200, 300), (0, 0)), mode="edge")
    full = opensonic.animate(wide, _tone(0.1), engine="still")
    cropped = opensonic.animate(wide, _tone(0.1), crop=True, engine="still")
    assert full.size == (756, 256)
    assert cropped.size[0] < 256
    landmarks = cropped.portrait.face.landmarks
    assert landmarks[:, :2].min() >= 0
    assert (landmarks[:, :2].max(0) <= cropped.size).all()


def test_a_picture_without_a_face_is_refused():
    with pytest.raises(NoFaceError, match="no face found"):
        opensonic.animate(np.full((300, 300, 3), 128, np.uint8), _tone(0.1))


def test_two_faces_can_be_told_apart(example_image):
    small = np.asarray(Image.fromarray(example_image).resize((200, 200)))
    both = np.pad(example_image, ((0, 0), (0, 200), (0, 0)), mode="edge")
    both[30:230, 256:] = small
    largest = opensonic.animate(both, _tone(0.1), engine="still")
    assert largest.portrait.face.box[0::2].mean() < 256
    assert any(note.startswith("2 faces found") for note in largest.notes)
    for choice in ("1", "356,130"):
        other = opensonic.animate(both, _tone(0.1), engine="still", face=choice)
        assert other.portrait.face.box[0::2].mean() > 256
    with pytest.raises(NoFaceError, match="face 2 was asked for, but 2 faces were found"):
        opensonic.animate(both, _tone(0.1), face=2)
    with pytest.raises(NoFaceError, match="no face at 250,250"):
        opensonic.animate(both, _tone(0.1), face="250,250")


def test_a_tiny_face_is_refused_with_its_size(example_image):
    tiny = np.pad(
        np.asarray(Image.fromarray(example_image).resize((40, 40))),
        ((60, 60), (60, 60), (0, 0)),
        mode="edge",
    )
    with pytest.raises(NoFaceError, match=r"only 2\d px large; expected at least 32 px"):
        opensonic.animate(tiny, _tone(0.1))


def test_a_target_that_cannot_be_written_is_refused_before_any_work(example_image, tmp_path):
    for target in (tmp_path / "no" / "talk.mp4", tmp_path / "talk.txt", tmp_path):
        with pytest.raises(EncodeError):
            opensonic.animate("missing.jpg", "missing.wav", output=target)


def test_the_recording_is_never_overwritten(example_image, tmp_path):
    film = tmp_path / "film.mp4"
    opensonic.animate(example_image, _tone(0.1), engine="still").save(film)
    before = film.read_bytes()
    link = tmp_path / "link.mp4"
    link.symlink_to(film)
    for target in (film, link):
        with pytest.raises(EncodeError, match="would be lost"):
            opensonic.animate(example_image, film, output=target)
        with pytest.raises(EncodeError, match="would be lost"):
            opensonic.animate(example_image, film, engine="still").save(target)
    assert film.read_bytes() == before


def test_a_preset_sets_the_size_and_the_hand_wins(example_image):
    assert opensonic.animate(example_image, _tone(0.1), preset="preview").size == (384, 384)
    video = opensonic.animate(example_image, _tone(0.1), preset="preview", min_resolution=200)
    assert video.size == (200, 200)


def test_a_damaged_recording_is_used_and_said(example_image, example_speech, tmp_path):
    data = Path(example_speech).read_bytes()
    half = tmp_path / "half.flac"
    half.write_bytes(data[: len(data) // 2])
    video = opensonic.animate(example_image, half, engine="still")
    assert 1 < video.speech.duration < 7
    assert any(text.startswith("half.flac: the file is damaged") for text in video.warnings)


def test_an_unknown_setting_is_refused(example_image):
    with pytest.raises(SettingsError, match="did you mean 'min_resolution'"):
        opensonic.animate(example_image, _tone(0.1), minresolution=512)


def test_the_sound_is_read_as_a_stream_while_the_video_is_saved(
    example_image, tmp_path, make_speech
):
    speech, read = make_speech(Fraction(30))
    video = opensonic.animate(example_image, speech, min_resolution=128)
    seen = []
    for chunk in video:
        seen.append(len(chunk.frames))
        assert read["seconds"] < sum(seen) / 25 + 15
    assert sum(seen) == 750
