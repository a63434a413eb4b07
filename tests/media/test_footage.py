from enum import Flag
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from PIL import Image

from opensonic.errors import InputError
from opensonic.media.audio import read_speech
from opensonic.media.footage import (
    MAX_SIDE,
    _reduced,
    _shown_size,
    _upright,
    probe,
    read_pictures,
)

CLAP_S = 1.0


def clap_times(path):
    """Seconds of the sound at which the picture claps, and at which the sound does."""
    pictures = list(read_pictures(path))
    bright = [picture.time_s for picture in pictures if picture.image.mean() > 128]
    speech = read_speech(path)
    sound = np.concatenate(list(speech.blocks(speech.sample_rate)))
    assert len(bright) == 1
    return bright[0], int(np.argmax(np.abs(sound) > 0.2)) / speech.sample_rate


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize(("picture_at_s", "sound_at_s"), [(0, 0), (0, 0.32), (0.4, 0), (0.2, 0.52)])
def test_pictures_are_told_at_their_time_in_the_sound(
    tmp_path, write_clap, suffix, picture_at_s, sound_at_s
):
    path = tmp_path / f"clap{suffix}"
    write_clap(path, picture_at_s, sound_at_s)
    picture_s, sound_s = clap_times(path)
    assert picture_s - 0.02 == pytest.approx(sound_s, abs=3e-3)
    footage = probe(path)
    assert footage.picture_start_s == pytest.approx(picture_at_s, abs=3e-3)
    assert footage.sound_start_s == pytest.approx(CLAP_S - sound_s, abs=3e-3)


def test_transport_streams_keep_their_times_too(tmp_path, write_clap):
    write_clap(tmp_path / "clap.ts", 0.2, 0.5, codecs=("mpeg4", "mp2"))
    picture_s, sound_s = clap_times(tmp_path / "clap.ts")
    assert picture_s - 0.02 == pytest.approx(sound_s, abs=0.012)  # mp2 begins with its own delay


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("begin_s", [-1.0, 0.1, 0.9, 1.5])
def test_pictures_from_some_time_on_are_those_of_the_whole(tmp_path, write_clap, suffix, begin_s):
    path = tmp_path / f"clap{suffix}"
    write_clap(path, 0, 0.32, seconds=3)
    every = [picture for picture in read_pictures(path) if picture.time_s >= begin_s]
    late = list(read_pictures(path, begin_s=begin_s))
    assert [picture.time_s for picture in late] == [picture.time_s for picture in every]
    assert all((a.image == b.image).all() for a, b in zip(every, late, strict=True))
    assert not list(read_pictures(path, begin_s=9))


def test_uneven_pictures_keep_their_times(tmp_path, write_clap):
    times = np.cumsum(np.tile([0.04, 0.08, 0.1], 8))
    times -= times[0]
    write_clap(tmp_path / "uneven.mp4", times=times, sound_at_s=0.5)
    footage = probe(tmp_path / "uneven.mp4")
    found = [picture.time_s for picture in read_pictures(footage)]
    np.testing.assert_allclose(np.diff(found), np.diff(times), atol=2e-3)
    assert found[0] == pytest.approx(0.5 / float(footage.fps) - footage.sound_start_s, abs=1e-6)


def test_a_turned_video_is_upright(tmp_path, write_clap):
    write_clap(tmp_path / "turned.mp4", turn=90)
    footage = probe(tmp_path / "turned.mp4")
    assert footage.size == (64, 96)
    assert next(read_pictures(footage)).image.shape == (96, 64, 3)


def test_what_a_file_says_of_itself(tmp_path, write_clap):
    write_clap(tmp_path / "clap.mp4")
    footage = probe(tmp_path / "clap.mp4")
    assert (footage.fps, footage.n_frames, footage.size) == (25, 50, (96, 64))
    assert footage.has_sound
    assert footage.duration_s == pytest.approx(2, abs=0.03)


def test_many_pictures_a_second_are_thinned_where_asked(tmp_path, write_clap):
    write_clap(tmp_path / "fast.mp4", fps=60)
    footage = probe(tmp_path / "fast.mp4")
    assert len(list(read_pictures(footage))) == 120
    assert len(list(read_pictures(footage, max_rate=31))) == 60


def test_a_video_without_sound_counts_from_its_first_picture(tmp_path, write_clap):
    path = tmp_path / "mute.mkv"
    write_clap(path, picture_at_s=0.4, sound_at_s=2.0)
    footage = probe(path)
    assert not footage.has_sound
    assert footage.sound_start_s is None
    assert next(read_pictures(footage)).time_s == pytest.approx(0.02, abs=2e-3)


def write_bare(path, width, height):
    with av.open(str(path), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(6):
            grey = np.full((height, width, 3), 40 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, "rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_bare_stream_without_times_is_read_at_its_rate(tmp_path):
    write_bare(tmp_path / "bare.h264", 96, 64)
    pictures = list(read_pictures(tmp_path / "bare.h264"))
    assert len(pictures) == 6
    steps = np.diff([picture.time_s for picture in pictures])
    assert steps == pytest.approx(np.full(5, 0.04), abs=1e-3)


def test_a_size_that_changes_within_a_video_is_brought_to_the_first(tmp_path):
    write_bare(tmp_path / "small.h264", 96, 64)
    write_bare(tmp_path / "large.h264", 192, 128)
    both = (tmp_path / "small.h264").read_bytes() + (tmp_path / "large.h264").read_bytes()
    (tmp_path / "both.h264").write_bytes(both)
    assert [each.image.shape for each in read_pictures(tmp_path / "both.h264")] == 12 * [
        (64, 96, 3)
    ]


def test_reading_may_end_early(tmp_path, write_clap):
    write_clap(tmp_path / "clap.mp4")
    pictures = read_pictures(tmp_path / "clap.mp4")
    next(pictures)
    pictures.close()
    (tmp_path / "clap.mp4").unlink()


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("none.mp4", "no such file"),
        ("empty.mp4", "the file is empty"),
        ("notes.mp4", "no video that can be read"),
        ("picture.mov", "holds no moving picture"),
        ("sound.wav", "holds no moving picture"),
    ],
)
def test_what_is_no_video_is_one_clear_line(tmp_path, name, match, example_image):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "notes.mp4").write_text("not a video")
    Image.fromarray(example_image).save(tmp_path / "picture.mov", format="PNG")
    header = b"RIFF" + (36 + 64).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    header += bytes([1, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x80, 0x3E, 0, 0, 2, 0, 16, 0])
    (tmp_path / "sound.wav").write_bytes(header + b"data" + (64).to_bytes(4, "little") + bytes(64))
    with pytest.raises(InputError, match=match) as caught:
        probe(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "expected a video" in str(caught.value)


def test_pictures_come_upright_with_square_pixels_and_not_too_large():
    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[0, 0] = 255
    asked = {}

    def to_ndarray(**sides):
        asked.update(sides)
        return pixels

    frame = SimpleNamespace(width=4000, height=2000, rotation=-90, to_ndarray=to_ndarray)
    turned = _upright(frame, _reduced((2000, 4000), MAX_SIDE))
    assert turned.shape == (4, 2, 3)
    assert turned[0, 1, 0] == 255  # the first pixel goes to the upper right: clockwise
    assert (asked["width"], asked["height"]) == (MAX_SIDE, MAX_SIDE // 2)
    _upright(frame, _reduced((2000, 4000), None))
    assert (asked["width"], asked["height"]) == (4000, 2000)
    frame.width, frame.height = 720, 576
    assert _shown_size(frame, 16 / 15) == (768, 576)


@pytest.mark.skipif(
    not isinstance(Interpolation.AREA, Flag), reason="this PyAV cannot ask FFmpeg to round well"
)
def test_pictures_do_not_get_darker():
    luma = np.random.default_rng(0).integers(40, 200, (64, 64)).astype(np.uint8)
    planes = np.concatenate([luma, np.full((32, 64), 128, np.uint8)])
    frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
    image = _upright(frame, (64, 64)).astype(np.float64)
    assert np.abs(image.mean((0, 1)) - (luma.mean() - 16.0) * 255 / 219).max() < 0.2
