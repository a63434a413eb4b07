"""The file that comes out: whole, exact in frames and sound, true in colour, or not there.

Long, since every check shares the same small encoder and decoder at the top.
"""

import dataclasses
import errno
import os
import pathlib
import threading
import time
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from opensonic.clock import frame_count
from opensonic.errors import EncodeError, InputError
from opensonic.media.audio import read_speech
from opensonic.media.muxer import Mp4Writer
from opensonic.media.provenance import SOURCE_TYPE, read_label
from opensonic.media.video import check_target, encode_video
from opensonic.values import Chunk

SIZE = WIDTH, HEIGHT = 96, 64


def make_speech(seconds=1, rate=16000, n_channels=1):
    n_samples = max(1, round(Fraction(seconds) * rate))
    tone = (0.4 * np.sin(2 * np.pi * 300 * np.arange(n_samples) / rate)).astype(np.float32)
    return read_speech((np.repeat(tone[:, None], n_channels, axis=1), rate))


def grey(number):
    return 20 + (number * 37) % 210


def counted(n_frames, size=SIZE, lengths=(3, 1, 8)):
    """Chunks that use one buffer again and again; each frame is grey, by its number."""
    buffer = np.empty((max(lengths), size[1], size[0], 3), np.uint8)
    done = turn = 0
    while done < n_frames:
        length = min(lengths[turn % len(lengths)], n_frames - done)
        buffer[:length] = grey(np.arange(done, done + length))[:, None, None, None]
        yield Chunk(buffer[:length])
        buffer[:] = 255
        done, turn = done + length, turn + 1


def write(path, speech, fps=25, **options):
    n_frames = frame_count(speech.duration, Fraction(fps))
    options = {"chunks": counted(n_frames), "size": SIZE, "n_frames": n_frames, **options}
    return encode_video(path=path, fps=Fraction(fps), speech=speech, **options)


def luma(path):
    with av.open(str(path)) as container:
        return [
            float(frame.to_ndarray()[: frame.height].mean()) for frame in container.decode(video=0)
        ]


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".MP4"])
def test_every_frame_arrives_once_and_in_order(tmp_path, suffix):
    path = tmp_path / f"talk{suffix}"
    info = write(path, make_speech(2))
    found = luma(path)
    assert len(found) == info.n_frames == 50
    expected = [16 + grey(number) * 219 / 255 for number in range(50)]
    assert np.abs(np.array(found) - expected).max() < 2.5
    assert info.size_bytes == path.stat().st_size
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("fps", [1, Fraction(24000, 1001), 25, Fraction(30000, 1001), 60, 120])
@pytest.mark.parametrize("seconds", [Fraction(1, 20), Fraction(137, 100)])
def test_picture_and_sound_are_equally_long(tmp_path, fps, seconds):
    speech = make_speech(seconds, 44100, 2)
    path = tmp_path / "talk.mp4"
    write(path, speech, fps)
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.frames == frame_count(speech.duration, Fraction(fps))
        assert video.average_rate == fps
        picture, sound = (stream.duration * stream.time_base for stream in (video, audio))
        assert abs(float(sound - speech.duration)) < 1e-3
        assert -1e-3 <= float(picture - sound) < 1 / fps + 1e-3
        stamps = [frame.pts * frame.time_base for frame in container.decode(video)]
    step = float(1 / Fraction(fps))
    assert np.allclose(np.array(stamps, float), np.arange(len(stamps)) * step, atol=1e-4)


@pytest.mark.parametrize(
    ("rate", "n_channels", "seconds", "rate_out", "layout_out"),
    [
        (8000, 1, 1, 8000, "mono"),
        (16000, 1, "1/16000", 16000, "mono"),
        (22050, 2, "1/20", 22050, "stereo"),
        (37800, 2, 1, 44100, "stereo"),
        (48000, 6, 1, 48000, "5.1"),
        (48000, 7, 1, 48000, "7.1"),
        (44100, 8, 1, 44100, "7.1"),
        (192000, 2, 1, 96000, "stereo"),
        (4000, 1, 1, 7350, "mono"),
    ],
)
def test_sound_keeps_its_rate_and_channels(
    tmp_path, rate, n_channels, seconds, rate_out, layout_out
):
    path = tmp_path / "talk.mp4"
    speech = make_speech(seconds, rate, n_channels)
    info = write(path, speech)
    assert info.sample_rate == rate_out
    assert abs(info.n_samples - speech.duration * rate_out) <= 1
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.layout.name) == (rate_out, layout_out)
        assert stream.codec_context.name == "aac"
    sound = np.concatenate(list(read_speech(path).sound()), axis=1)
    assert sound.shape[1] >= info.n_samples - 1
    if info.n_samples > 1000:
        assert 0.25 < np.abs(sound[0]).max() < 0.7


def test_sound_is_in_place_and_last_sample_included(tmp_path):
    rate = 44100
    samples = np.zeros(2 * rate, np.float32)
    for start in (rate, 2 * rate - 1500):
        samples[start : start + 1500] = 0.5 * np.sin(np.arange(1500) / 8)
    write(tmp_path / "talk.mp4", read_speech((samples, rate)))
    sound = np.concatenate(list(read_speech(tmp_path / "talk.mp4").sound()), axis=1)[0]
    loud = np.abs(sound) > 0.1
    assert abs(int(np.argmax(loud)) - rate) < 200
    assert abs(int(len(loud) - np.argmax(loud[::-1])) - 2 * rate) < 200


def test_more_than_eight_channels_become_one(tmp_path):
    with wave.open(str(tmp_path / "many.wav"), "wb") as file:
        file.setparams((9, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.full((16000, 9), 3000, "<i2").tobytes())
    write(tmp_path / "talk.mp4", read_speech(tmp_path / "many.wav"))
    assert read_speech(tmp_path / "talk.mp4").layout == "mono"


def test_sound_of_a_video_file(tmp_path):
    write(tmp_path / "first.mp4", make_speech(1, 44100, 2))
    speech = read_speech(tmp_path / "first.mp4")
    write(tmp_path / "first.mp4", speech)  # onto the file that the sound comes from
    again = read_speech(tmp_path / "first.mp4")
    assert (again.sample_rate, again.layout) == (44100, "stereo")
    assert 0 <= again.n_samples - 44100 <= 2048


def test_colours_follow_bt709_in_limited_range(tmp_path):
    patches = np.array(
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [200, 150, 120]]
    )
    frame = patches.astype(np.uint8).repeat(32, 0)[None].repeat(64, 0)
    chunks = [Chunk(frame[None].repeat(25, 0))]
    path = tmp_path / "talk.mp4"
    write(path, make_speech(), chunks=chunks, size=(192, 64), crf=1)
    red, green, blue = patches.T / 255
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    expected = np.stack(
        [
            16 + 219 * y,
            128 + 224 * (blue - y) / 1.8556,
            128 + 224 * (red - y) / 1.5748,
        ]
    )
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
        planes = picture.to_ndarray()
        context = container.streams.video[0].codec_context
        assert (picture.format.name, context.name) == ("yuv420p", "h264")
        assert (picture.colorspace, picture.color_range) == (1, 1)
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1)
    centres = 16 + 32 * np.arange(6)
    assert np.abs(planes[32, centres] - expected[0]).max() <= 1.6
    for index, start in ((1, 64), (2, 80)):
        plane = planes[start : start + 16].reshape(32, 96)
        assert np.abs(plane[16, centres // 2] - expected[index]).max() <= 2.1


def test_moov_box_comes_first(tmp_path):
    write(tmp_path / "talk.mp4", make_speech())
    data = (tmp_path / "talk.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("label", ["metadata", "visible"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_label_for_machines(tmp_path, label, suffix):
    path = tmp_path / f"talk{suffix}"
    write(path, make_speech(), label=label)
    mark = read_label(path)
    assert mark.source_type == SOURCE_TYPE
    assert mark.tool.startswith("OpenSonic")
    with av.open(str(path)) as container:
        assert "AI-generated" in container.metadata["comment"]
        assert SOURCE_TYPE in container.metadata["comment"]


def test_no_label(tmp_path):
    write(tmp_path / "talk.mp4", make_speech(), label="none")
    assert read_label(tmp_path / "talk.mp4") is None
    with av.open(str(tmp_path / "talk.mp4")) as container:
        assert "comment" not in container.metadata


def test_read_label_of_other_files(tmp_path):
    (tmp_path / "a.txt").write_text("nothing of the kind")
    assert read_label(tmp_path / "a.txt") is None


@pytest.mark.parametrize("size", [(96, 64), (512, 640)])
def test_visible_label_is_bottom_left_and_leaves_the_engine_its_frames(tmp_path, size):
    width, height = size
    frames = np.full((25, height, width, 3), 120, np.uint8)
    write(tmp_path / "talk.mp4", make_speech(), chunks=[Chunk(frames)], size=size, label="visible")
    assert (frames == 120).all()
    with av.open(str(tmp_path / "talk.mp4")) as container:
        picture = next(container.decode(video=0)).to_ndarray()[:height].astype(int)
    corner = picture[height // 2 :, : width * 2 // 3]
    assert corner.max() > 200
    assert corner.min() < 90
    assert np.abs(picture[: height // 2] - picture[0, 0]).max() < 6


def fails(tmp_path, error, match, **options):
    path = options.pop("path", tmp_path / "talk.mp4")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=match) as caught:
        write(path, options.pop("speech", make_speech()), **options)
    assert sorted(tmp_path.rglob("*")) == before, "something was left behind"
    return caught.value


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, InputError])
def test_what_breaks_the_engine_comes_through_and_leaves_nothing(tmp_path, kind):
    closed, threads = [], threading.active_count()

    def breaking():
        try:
            yield from counted(10)
            raise kind("broken")
        finally:
            closed.append(True)

    fails(tmp_path, kind, "broken", chunks=breaking())
    assert closed == [True]
    assert threading.active_count() == threads


def test_the_engine_is_told_to_stop(tmp_path):
    class Frames:
        closed = False

        def __iter__(self):
            return counted(26)

        def close(self):
            self.closed = True

    frames = Frames()
    fails(tmp_path, ValueError, "expected 25", chunks=frames)
    assert frames.closed


def test_a_broken_run_leaves_the_old_file_alone(tmp_path):
    (tmp_path / "talk.mp4").write_bytes(b"old")
    fails(tmp_path, ValueError, "24 frames; expected 25", chunks=counted(24))
    assert (tmp_path / "talk.mp4").read_bytes() == b"old"


def test_a_good_run_replaces_the_old_file(tmp_path):
    (tmp_path / "talk.mp4").write_bytes(b"old")
    write(tmp_path / "talk.mp4", make_speech())
    assert len(luma(tmp_path / "talk.mp4")) == 25


def test_interrupt_from_the_progress_bar(tmp_path):
    def interrupt(report):
        if report.done > 10:
            raise KeyboardInterrupt("stop")

    fails(tmp_path, KeyboardInterrupt, "stop", progress=interrupt)


def test_wrong_number_or_size_of_frames(tmp_path):
    fails(tmp_path, ValueError, "expected 25", chunks=counted(26))
    fails(tmp_path, ValueError, "48x64 px", chunks=counted(25, (48, 64)))
    fails(tmp_path, ValueError, "even sides", size=(95, 64))


def test_speech_that_vanishes_half_way(tmp_path):
    speech = make_speech(3)

    def sound():
        yield next(speech.sound())[:, :8000]
        raise InputError("speech.wav: gone")

    fails(tmp_path, InputError, "gone", speech=dataclasses.replace(speech, sound=sound))


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("talk.avi", "cannot write .avi"),
        ("talk", "cannot write a file without ending"),
        ("none/talk.mp4", "there is no folder"),
        ("folder.mp4", "is a folder"),
        ("a" * 300 + ".mp4", "could not be written"),
    ],
)
def test_targets_refused(tmp_path, name, match):
    (tmp_path / "folder.mp4").mkdir()
    error = fails(tmp_path, EncodeError, match, path=tmp_path / name)
    assert str(tmp_path / name) in str(error)
    assert "\n" not in str(error)
    with pytest.raises(EncodeError, match=match):
        check_target(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        fails(tmp_path, EncodeError, "may not be written to")
    finally:
        tmp_path.chmod(0o700)


def test_no_permission_as_the_system_reports_it(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    fails(tmp_path, EncodeError, "may not be written to")


def test_a_folder_that_may_not_be_entered(tmp_path, monkeypatch):
    def forbidden(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(pathlib.Path, "is_dir", forbidden)
    with pytest.raises(EncodeError, match="writing there is not permitted"):
        check_target(tmp_path / "talk.mp4")


def noisy(n_frames):
    random = np.random.default_rng(0)
    for _ in range(n_frames):
        yield Chunk(random.integers(0, 255, (1, HEIGHT, WIDTH, 3), dtype=np.uint8))


def test_the_system_stops_the_writing(tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        error = fails(
            tmp_path, EncodeError, "could not be written", speech=make_speech(4), chunks=noisy(100)
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "talk.mp4" in str(error)


@pytest.mark.parametrize(
    ("number", "match"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "not permitted")],
)
def test_words_for_what_the_system_reports(tmp_path, monkeypatch, number, match):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    fails(tmp_path, EncodeError, match)


def test_progress_counts_all_frames(tmp_path):
    reports = []
    write(tmp_path / "talk.mp4", make_speech(), progress=reports.append)
    assert [report.done for report in reports][-1] == 25
    assert all(report.total == 25 and report.stage == "rendering" for report in reports)


def test_frames_are_drawn_while_others_are_encoded_and_few_wait(tmp_path, monkeypatch):
    drawn, at_rest = [], []
    write_frame = Mp4Writer.write

    def slow(self, frame, number):
        if number == 0:
            time.sleep(0.5)
            at_rest.append(len(drawn))
        write_frame(self, frame, number)

    def chunks():
        for chunk in counted(100, lengths=(1,)):
            drawn.append(1)
            yield chunk

    monkeypatch.setattr(Mp4Writer, "write", slow)
    info = write(tmp_path / "talk.mp4", make_speech(4), chunks=chunks())
    assert info.n_frames == 100
    assert 4 <= at_rest[0] <= 12


def test_long_names_and_odd_letters(tmp_path):
    for name in (f"{'ü' * 100}.mp4", "a:b %d 'c'.mp4"):
        write(tmp_path / name, make_speech())
        assert len(luma(tmp_path / name)) == 25
