"""The MP4 file under construction: an H.264 stream and the sound that keeps step with it.

Sound is encoded while its frames are, so that neither waits in memory for the other. It keeps its
sample rate (the next higher one that AAC knows, 96 kHz at most) and its channels; more than eight
channels are mixed to one.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from opensonic.clock import frame_to_sample
from opensonic.media.files import write_errors
from opensonic.values import Speech

_MAX_THREADS = 8
_BT709, _LIMITED = 1, 1  # codes of ITU-T H.273 and FFmpeg
_AAC_RATES = (
    *(7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000),
    *(44100, 48000, 64000, 88200, 96000),
)
_AAC_LAYOUTS = ("mono", "stereo", "2.1", "3.0", "4.0", "quad", "5.0", "5.1", "7.1")
_AAC_USUAL = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "7.1", "7.1")
_AAC_BLOCK = 1024
_BITS_PER_CHANNEL = 96_000
_BITS_PER_SAMPLE = 5  # AAC holds at most 6


class Mp4Writer:
    """The open file: takes frames in order and keeps the sound in step with them."""

    def __init__(
        self,
        part: Path,
        path: Path,
        fps: Fraction,
        size: tuple[int, int],
        speech: Speech,
        crf: int,
        preset: str,
    ) -> None:
        self.width, self.height = size
        self.n_samples = 0
        self._path = path
        self._fps = fps
        layout, self.sample_rate, sound = _sound_for_aac(speech)
        self._sound = sound
        with write_errors(path):
            kind = "mov" if path.suffix.lower() == ".mov" else "mp4"
            self.container = av.open(
                f"file:{part}", "w", format=kind, options={"movflags": "faststart"}
            )
            self._video = self._add_video(crf, preset)
            self._audio = self.container.add_stream("aac", rate=self.sample_rate, layout=layout)
            per_channel = min(_BITS_PER_CHANNEL, _BITS_PER_SAMPLE * self.sample_rate)
            self._audio.bit_rate = per_channel * self._audio.layout.nb_channels

    def _add_video(self, crf: int, preset: str) -> av.VideoStream:
        stream = self.container.add_stream("libx264", rate=self._fps)
        stream.width, stream.height, stream.pix_fmt = self.width, self.height, "yuv420p"
        stream.options = {"crf": str(crf), "preset": preset}
        context = stream.codec_context
        context.thread_type = "FRAME"
        context.thread_count = min(_MAX_THREADS, os.cpu_count() or 1)
        context.time_base = 1 / self._fps
        context.colorspace = _BT709
        context.color_primaries = _BT709
        context.color_trc = _BT709
        context.color_range = _LIMITED
        return stream

    def write(self, frame: av.VideoFrame, number: int) -> None:
        """Encode one frame, and the sound that is heard while it is shown."""
        frame.pts = number
        frame.time_base = 1 / self._fps
        with write_errors(self._path):
            self.container.mux(self._video.encode(frame))
        self._write_sound(frame_to_sample(number + 1, self._fps, self.sample_rate))

    def _write_sound(self, until: int | None) -> None:
        while until is None or self.n_samples < until:
            block = next(self._sound, None)
            if block is None:
                return
            block.pts = self.n_samples
            block.time_base = Fraction(1, self.sample_rate)
            self.n_samples += block.samples
            with write_errors(self._path):
                self.container.mux(self._audio.encode(block))

    def finish(self) -> None:
        """Encode what is left and close the file."""
        self._write_sound(None)
        with write_errors(self._path):
            self.container.mux(self._video.encode(None))
            self.container.mux(self._audio.encode(None))
            self.container.close()

    def close(self) -> None:
        """Let go of the file, whole or not."""
        self._sound.close()
        with suppress(av.error.FFmpegError, OSError):
            self.container.close()


def _sound_for_aac(
    speech: Speech,
) -> tuple[str, int, Generator[av.AudioFrame, None, None]]:
    rate = next((rate for rate in _AAC_RATES if rate >= speech.sample_rate), _AAC_RATES[-1])
    n_channels = av.AudioLayout(speech.layout).nb_channels
    if n_channels > len(_AAC_USUAL):
        return (
            "mono",
            rate,
            _sound_frames(
                (block[None] for block in speech.blocks(rate)), "mono", rate, "mono", rate
            ),
        )
    layout = speech.layout if speech.layout in _AAC_LAYOUTS else _AAC_USUAL[n_channels - 1]
    return (
        layout,
        rate,
        _sound_frames(speech.sound(), speech.layout, speech.sample_rate, layout, rate),
    )


def _sound_frames(
    blocks: Iterator[npt.NDArray[np.float32]],
    layout: str,
    rate: int,
    wanted_layout: str,
    wanted_rate: int,
) -> Generator[av.AudioFrame, None, None]:
    resampler = av.AudioResampler("fltp", wanted_layout, wanted_rate, frame_size=_AAC_BLOCK)
    for block in blocks:
        packed = np.ascontiguousarray(block.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate = rate
        yield from resampler.resample(frame)
    yield from resampler.resample(None)
