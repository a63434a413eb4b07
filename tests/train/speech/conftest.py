"""Little talking videos for tests: the bundled portrait, drawn by our own engine."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

import opensonic
from opensonic.media.audio import read_speech
from opensonic.media.video import encode_video

RATE = 16_000


def _make_talk(folder, image, speech, seconds=3, **settings):
    """Write `talk.mp4`, in which the portrait speaks; gives the video and its sound at 16 kHz."""
    video = opensonic.animate(image, speech, duration=seconds, **settings)
    video.save(folder / "talk.mp4")
    return video, np.concatenate(list(video.speech.blocks(RATE)))


def _dub(path, video, sound):
    """Write the pictures of a video with another sound."""
    encode_video(
        iter(video),
        path,
        fps=video.fps,
        size=video.size,
        n_frames=video.n_frames,
        speech=read_speech((sound, RATE)),
    )


def _write_silent_film(path, frames, times=None, fps=25):
    """Write frames without sound, at even or at the given times in s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = round(1000 * (number / fps if times is None else times[number]))
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture(scope="session")
def write_silent_film():
    """Write frames as a video without sound: see `_write_silent_film`."""
    return _write_silent_film


@pytest.fixture(scope="session")
def talks(tmp_path_factory, example_image, example_speech):
    """A folder: a good video, one late by 0.08 s, one by 0.3 s, dubbed, still, silent, none.

    Two of the last are named like videos, two are not.
    """
    folder = tmp_path_factory.mktemp("talks")
    video, sound = _make_talk(folder, example_image, example_speech, seed=1)
    _dub(folder / "late.mp4", video, np.roll(sound, -1280))
    _dub(folder / "too_late.mp4", video, np.roll(sound, -4800))
    _dub(folder / "dubbed.mp4", video, sound[::-1].copy())
    elsewhere = tmp_path_factory.mktemp("still")
    still, own = _make_talk(elsewhere, example_image, example_speech, 2.2, engine="still")
    _dub(folder / "still.mp4", still, own)
    _write_silent_film(folder / "silent.mp4", [example_image] * 3)
    Image.fromarray(example_image).save(folder / "picture.png")
    Image.fromarray(example_image).save(folder / "picture.mov", format="PNG")
    for name in ("notes.txt", "notes.MP4"):
        (folder / name).write_text("not a video")
    (folder / ".hidden.mp4").write_text("not seen")
    return folder
