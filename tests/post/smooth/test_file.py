from fractions import Fraction

import av
import numpy as np
import pytest
from tests.post.smooth.moving import error, moving_video

from opensonic.errors import EncodeError, InputError
from opensonic.media.footage import probe, read_pictures
from opensonic.post.interpolate.flow import shrink
from opensonic.post.smooth.file import smooth_video

PLACE = 20


def _write(path, frames, times=None, *, sound=True):
    """Write frames at 25 per second, or at given ticks of 1/100 s, and a tone."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=25)
        picture.height, picture.width = frames.shape[1:3]
        picture.pix_fmt, picture.options = "yuv420p", {"crf": "12"}
        picture.codec_context.time_base = Fraction(1, 100)
        tone = container.add_stream("aac", rate=16000, layout="mono") if sound else None
        for number, frame in enumerate(frames):
            shown = av.VideoFrame.from_ndarray(frame, format="rgb24")
            shown.pts = 4 * number if times is None else times[number]
            shown.time_base = Fraction(1, 100)
            container.mux(picture.encode(shown))
        container.mux(picture.encode(None))
        if tone is not None:
            wave = np.sin(np.arange(len(frames) * 640) / 9).astype(np.float32) / 4
            block = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            block.sample_rate, block.pts = 16000, 0
            container.mux(tone.encode(block))
            container.mux(tone.encode(None))
    return path


def _sound(path):
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux(audio=0) if packet.size]


def _times(path):
    with av.open(str(path)) as container:
        return [round(float(frame.time), 4) for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def video():
    return moving_video(40)


@pytest.fixture(scope="module")
def harmed(video, tmp_path_factory):
    frames = video.copy()
    frames[PLACE] = np.roll(video[PLACE], (3, 4), (0, 1))
    return _write(tmp_path_factory.mktemp("smooth") / "harmed.mp4", frames)


def test_a_jump_is_mended_and_the_sound_copied(video, harmed, tmp_path):
    target = tmp_path / "out.mp4"
    told = []
    done = smooth_video(harmed, target, progress=told.append)
    assert done.jumps_s == pytest.approx([PLACE / 25])
    assert (done.n_frames, done.is_copy) == (40, False)
    assert _sound(target) == _sound(harmed)
    assert _times(target) == _times(harmed)
    pictures = [picture.image for picture in read_pictures(target)]
    before = [picture.image for picture in read_pictures(harmed)]
    assert error(pictures[PLACE], video[PLACE]) < 0.5 * error(before[PLACE], video[PLACE])
    others = [k for k in range(40) if k != PLACE]
    # in brightness: colours are halved in size by each encoding
    assert max(error(shrink(pictures[k]), shrink(before[k])) for k in others) < 4
    assert (told[-1].done, told[-1].total) == (40, 40)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_without_jumps_the_file_is_copied(video, tmp_path):
    source = _write(tmp_path / "in.mp4", video)
    done = smooth_video(source, tmp_path / "out.mp4")
    assert done.is_copy
    assert (tmp_path / "out.mp4").read_bytes() == source.read_bytes()


def test_a_copy_that_is_stopped_leaves_no_half_file(video, tmp_path, monkeypatch):
    def stop(_, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("opensonic.post.smooth.file.shutil.copyfile", stop)
    source, target = _write(tmp_path / "in.mp4", video), tmp_path / "out.mp4"
    with pytest.raises(EncodeError, match="disk is full"):
        smooth_video(source, target)
    assert not target.exists() or target.read_bytes() != b"half"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("fps", ["50", "60000/1001", "10"])
def test_another_rate(video, tmp_path, fps):
    source, target = _write(tmp_path / "in.mp4", video), tmp_path / "out.mp4"
    rate = Fraction(fps)
    done = smooth_video(source, target, fps=rate)
    found = probe(target)
    assert found.fps == rate
    assert done.n_frames == found.n_frames == -(-40 * rate // 25)
    assert _times(target) == pytest.approx([k / rate for k in range(done.n_frames)], abs=2e-4)
    assert _sound(target) == _sound(source)


def test_uneven_times_stay(harmed, video, tmp_path):
    frames = video.copy()
    frames[PLACE] = np.roll(video[PLACE], (3, 4), (0, 1))
    times = [4 * k + (k > 30) * 7 for k in range(40)]
    source = _write(tmp_path / "in.mp4", frames, times)
    smooth_video(source, tmp_path / "out.mp4")
    assert _times(tmp_path / "out.mp4") == _times(source)


def test_a_video_without_sound_and_with_odd_sides(video, tmp_path):
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 95, 127, "bgr0"
        for frame in video:
            picture = av.VideoFrame.from_ndarray(frame[:95, :127].copy(), format="rgb24")
            container.mux(stream.encode(picture.reformat(format="bgr0")))
        container.mux(stream.encode(None))
    done = smooth_video(source, tmp_path / "out.mp4", fps=Fraction(50))
    found = probe(tmp_path / "out.mp4")
    assert (found.size, found.has_sound, done.n_frames) == ((128, 96), False, 80)


def test_what_cannot_be_done(harmed, tmp_path):
    with pytest.raises(EncodeError, match="expected a name"):
        smooth_video(harmed, tmp_path / "out.avi")
    with pytest.raises(EncodeError, match="is the video itself"):
        smooth_video(harmed, harmed)
    with pytest.raises(InputError, match="no such file"):
        smooth_video(tmp_path / "none.mp4", tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())
