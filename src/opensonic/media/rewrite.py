"""A video with other pictures and its own sound: one encoding of the picture, none of the sound.

The sound's packets are copied as they are, with their times; so are tags and the mark of AI-made
videos. Pictures come with the time at which each is shown, so that a varying frame rate stays one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from opensonic.errors import EncodeError
from opensonic.media.files import part_file, write_errors
from opensonic.media.footage import Footage, open_footage
from opensonic.media.provenance import copy_label
from opensonic.media.video import CRF, PRESET, to_yuv

_FORMATS = {".m4v": "mp4", ".mkv": "matroska"}
_WITH_LABEL = (".mp4", ".m4v", ".mov")
_BT709, _LIMITED = 1, 1  # codes of ITU-T H.273 and FFmpeg
_TICKS_PER_S = 12_800


class TimedFrame(NamedTuple):
    """One picture and when it is first shown.

    Attributes:
        time_s: Seconds of the file's clock.
        frame: (H, W, 3) uint8 RGB.
    """

    time_s: float
    frame: npt.NDArray[np.uint8]


def rewrite_video(
    frames: Iterable[TimedFrame],
    source: Footage,
    target: Path,
    *,
    fps: Fraction,
    crf: int = CRF,
    preset: str = PRESET,
) -> None:
    """Write other pictures beside the sound of a video; the file appears when it is whole.

    Args:
        frames: By ascending time; all of one size. An odd side gets a pixel more.
        source: The video whose sound and tags are taken.
        target: The new file: .mp4, .m4v, .mov or .mkv.
        fps: Pictures per second on average, for what players show; the times count.
        crf: Constant rate factor of x264.
        preset: Preset of x264.

    Raises:
        EncodeError: It cannot be written, or this kind of file cannot hold that sound.
        InputError: The source cannot be read.
    """
    suffix = target.suffix.lower()
    kind = _FORMATS.get(suffix, suffix[1:])
    options = {"movflags": "faststart"} if suffix in _WITH_LABEL else {}
    with part_file(target) as part, open_footage(source.path) as reader, write_errors(target):
        with closing(av.open(f"file:{part}", "w", format=kind, options=options)) as writer:
            writer.metadata.update(reader.metadata)
            ticks = fps.numerator * -(-_TICKS_PER_S // fps.numerator)
            picture = _add_picture(writer, fps, Fraction(1, ticks), crf, preset)
            sound = _Sound(reader, writer, target)
            size = None
            for time_s, frame in frames:
                if size is None:
                    size = _even(frame).shape
                    picture.height, picture.width = size[:2]
                encoded = to_yuv(_even(frame))
                encoded.pts, encoded.time_base = round(time_s * ticks), Fraction(1, ticks)
                writer.mux(picture.encode(encoded))
                sound.copy_until(time_s)
            writer.mux(picture.encode(None))
            sound.copy_until(None)
        if suffix in _WITH_LABEL:
            copy_label(source.path, part)
        part.replace(target)


def _add_picture(
    writer: OutputContainer, fps: Fraction, tick: Fraction, crf: int, preset: str
) -> av.VideoStream:
    stream = writer.add_stream("libx264", rate=fps)
    stream.pix_fmt = "yuv420p"
    stream.options = {"crf": str(crf), "preset": preset}
    context = stream.codec_context
    context.time_base = tick
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return stream


class _Sound:
    """The packets of the sound, copied up to a time so that neither stream waits in memory."""

    def __init__(self, reader: InputContainer, writer: OutputContainer, target: Path) -> None:
        self._writer = writer
        self._copies: dict[int, Stream] = {}
        for stream in reader.streams.audio:
            try:
                copy = writer.add_stream_from_template(stream, opaque=True)
            except ValueError as error:
                raise EncodeError(
                    f"{target}: {target.suffix} cannot hold the sound of {reader.name[5:]} "
                    f"({stream.name}); choose a name that ends in .mkv"
                ) from error
            copy.metadata.update(stream.metadata)
            self._copies[stream.index] = copy
        self._packets = self._read(reader)
        self._waiting = next(self._packets, None)

    def _read(self, reader: InputContainer) -> Iterator[av.Packet[Stream]]:
        if not self._copies:
            return
        packets = reader.demux(*self._copies)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:  # damage ends the sound as it ends a player's
                return
            if packet is None:
                return
            if packet.size and packet.dts is not None:
                yield packet

    def copy_until(self, time_s: float | None) -> None:
        """Copy the packets that begin up to a time, or all that are left."""
        while (packet := self._waiting) is not None:
            if time_s is not None and (packet.dts or 0) * float(packet.time_base) > time_s:
                return
            packet.stream = self._copies[packet.stream_index]
            self._writer.mux(packet)
            self._waiting = next(self._packets, None)


def _even(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = frame.shape[:2]
    if not (height % 2 or width % 2):
        return frame
    border = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(border, np.uint8)
