"""Claps: videos in which one picture is white while the sound clicks."""

from fractions import Fraction

import av
import numpy as np
import pytest

RATE = 48_000
CLAP_S = 1.0
"""When picture and sound clap, seconds of the file's clock."""
KINDS = {
    ".mp4": ("mpeg4", "aac"),
    ".mov": ("mpeg4", "aac"),
    ".mkv": ("mpeg4", "aac"),
    ".webm": ("libvpx", "libopus"),
}


def _write_clap(
    path, picture_at_s=0.0, sound_at_s=0.0, *, seconds=2.0, times=None, turn=0, codecs=None, fps=25
):
    """Write a clap; picture and sound may begin at different times, and pictures be uneven.

    Args:
        path: The file.
        picture_at_s: When the first picture begins.
        sound_at_s: When the first sample is heard.
        seconds: When both end.
        times: When each picture begins instead, s.
        turn: Degrees by which a player turns the picture.
        codecs: Encoders of picture and sound; by default those that suit the ending.
        fps: Pictures per second.
    """
    video_codec, audio_codec = codecs or KINDS[path.suffix]
    if times is None:
        times = picture_at_s + np.arange(round((seconds - picture_at_s) * fps)) / fps
    with av.open(str(path), "w") as container:
        video = container.add_stream(video_codec, rate=fps)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        if turn:
            video.set_display_rotation(turn)
        audio = container.add_stream(audio_codec, rate=RATE, layout="mono")
        sound = _clicking(sound_at_s, seconds)
        shift = round(sound_at_s * RATE)
        blocks = _sound_frames(sound, shift)
        until = -np.inf
        for number, start in enumerate(times):
            end = times[number + 1] if number + 1 < len(times) else seconds
            light = 235 if start <= CLAP_S + 1e-6 < end else 16
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), light, np.uint8), "rgb24")
            frame.pts, frame.time_base = round(1000 * start), Fraction(1, 1000)
            container.mux(video.encode(frame))
            while until < end and (block := next(blocks, None)) is not None:
                until = float(block.pts * block.time_base)
                container.mux(audio.encode(block))
        for block in blocks:
            container.mux(audio.encode(block))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def _clicking(start_s, end_s):
    """Give quiet noise with a click of 2 ms at `CLAP_S`."""
    moments = start_s + np.arange(round((end_s - start_s) * RATE)) / RATE
    sound = np.random.default_rng(0).normal(0, 0.002, len(moments))
    sound[(moments >= CLAP_S) & (moments < CLAP_S + 0.002)] = 0.8
    return sound.astype(np.float32)


def _sound_frames(sound, shift):
    for start in range(0, len(sound), 960):
        part = np.ascontiguousarray(sound[None, start : start + 960])
        frame = av.AudioFrame.from_ndarray(part, "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start + shift, Fraction(1, RATE)
        yield frame


@pytest.fixture(scope="session")
def write_clap():
    """Write a video that claps: see `_write_clap`."""
    return _write_clap
