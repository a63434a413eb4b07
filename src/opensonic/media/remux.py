"""The sound of a video moved in time: a copy in which nothing is encoded again.

Packets are copied with other time stamps. Sound that would begin before the first picture loses
the packets that nobody would hear; what is left of that, less than two packets, is skipped as the
delay of the sound's encoder is, and later sound in MP4 and MOV begins with an empty edit. FFmpeg
honours both (ISO/IEC 14496-12, 8.6.6); `Moved.ignored_s` says what players miss that do not.
Matroska and WebM need neither: their packets carry their times, rounded to 1 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from opensonic.errors import EncodeError, InputError
from opensonic.media.files import check_place, part_file, write_errors
from opensonic.media.footage import open_footage, probe
from opensonic.media.provenance import copy_label

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
"""Kinds of file that can be written."""

_EDITED = (".mp4", ".m4v", ".mov")
_FORMATS = {".m4v": "mp4", ".mkv": "matroska"}
_KINDS = frozenset({"video", "audio", "subtitle"})
_PREROLL_S = {"opus": 0.08, "mp3": 0.1}
"""Sound ahead of a packet without which it is not decoded in full; for others one packet."""
_INDEPENDENT = ("pcm_", "flac", "alac")


@dataclass(frozen=True)
class Moved:
    """What became of the sound.

    Attributes:
        path: The new file.
        shift_s: Seconds by which its sound comes later than in the source; below 0 earlier.
        ignored_s: By how many seconds a player plays it too late that knows no edit lists; below 0
            too early; 0 where the container needs none.
        left_out: Streams that this kind of file cannot hold, by their kinds.
    """

    path: Path
    shift_s: float
    ignored_s: float = 0.0
    left_out: tuple[str, ...] = ()


def check_copy_target(source: Path, target: Path) -> None:
    """Refuse a target that cannot be written, or that is the source, before any work is done.

    Raises:
        EncodeError: It cannot.
    """
    if target.suffix.lower() not in SUFFIXES:
        raise EncodeError(
            f"{target}: cannot write {target.suffix or 'a file without ending'}; "
            f"expected a name that ends in {', '.join(SUFFIXES)}"
        )
    check_place(target)
    with suppress(OSError):  # one of them is not there: they are not the same
        if target.samefile(source):
            raise EncodeError(
                f"{target}: is the video itself and would be lost; choose another name"
            )


def shift_sound(source: Path, target: Path, shift_s: float) -> Moved:
    """Copy a video with its sound moved; picture and sound are not encoded again.

    Subtitles, chapters, tags and the mark of AI-made videos are copied, too. The target appears
    when it is whole.

    Args:
        source: The video.
        target: The new file, ending in one of `SUFFIXES`.
        shift_s: Seconds by which the sound shall come later; below 0 earlier.

    Raises:
        EncodeError: The target cannot be written, is the source, or is of a kind that does not hold
            what is in the source.
        InputError: The source is no video with sound that can be read, or its sound would end
            before the first picture.
    """
    check_copy_target(source, target)
    footage = probe(source)
    if not footage.has_sound:
        raise InputError(f"{source}: holds no sound; expected a video with sound")
    with part_file(target) as part, open_footage(source) as reader, write_errors(target):
        moved = _copy(reader, part, target, shift_s, footage.picture_start_s)
        if target.suffix.lower() in _EDITED:
            copy_label(source, part)
        part.replace(target)
    return moved


def _copy(
    reader: InputContainer,
    part: Path,
    target: Path,
    shift_s: float,
    picture_start_s: float,
) -> Moved:
    """Copy what the target can hold, with the sound moved.

    Raises:
        InputError: All of the sound would lie before the first picture.
        EncodeError: The target cannot hold the picture or the sound.
    """
    suffix = target.suffix.lower()
    kind = _FORMATS.get(suffix, suffix[1:])
    options = {"movflags": "faststart"} if suffix in _EDITED else {}
    with av.open(f"file:{part}", "w", format=kind, options=options) as writer:
        writer.metadata.update(reader.metadata)
        if hasattr(writer, "set_chapters"):  # not in PyAV 15
            writer.set_chapters(reader.chapters())
        copies, left_out = _open_copies(reader, writer, target)
        first_s: float | None = None
        for packet in _packets(reader, list(copies)):
            stream = packet.stream
            if isinstance(stream, av.AudioStream):
                if not _move(packet, stream, shift_s, picture_start_s):
                    continue
                if first_s is None:
                    first_s = float((packet.pts or 0) * packet.time_base)
            packet.stream = copies[stream.index]
            writer.mux(packet)
    if first_s is None:
        raise InputError(
            f"{reader.name.removeprefix('file:')}: moved by {shift_s:+g} s, nothing of its sound "
            "would be left; expected a shift that is shorter than the sound"
        )
    ignored_s = picture_start_s - first_s if suffix in _EDITED else 0.0
    return Moved(target, shift_s, ignored_s, left_out)


def _open_copies(
    reader: InputContainer, writer: OutputContainer, target: Path
) -> tuple[dict[int, Stream], tuple[str, ...]]:
    """Open a stream for each that the target can hold; give these, and the kinds of the others.

    Raises:
        EncodeError: It cannot hold the picture or the sound.
    """
    kinds = _KINDS | {"attachment"} if target.suffix.lower() == ".mkv" else _KINDS
    copies: dict[int, Stream] = {}
    left_out = []
    for stream in reader.streams:
        if stream.type not in kinds:
            left_out.append(stream.type)
            continue
        try:
            copy = writer.add_stream_from_template(stream, opaque=True)
        except ValueError as error:
            if stream.type == "subtitle":
                left_out.append(stream.type)
                continue
            raise EncodeError(
                f"{target}: {target.suffix} cannot hold the {stream.type} of {reader.name[5:]} "
                f"({stream.name}); choose the ending {Path(reader.name).suffix} or .mkv"
            ) from error
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        copies[stream.index] = copy
    return copies, tuple(left_out)


def _packets(reader: InputContainer, wanted: list[int]) -> Iterator[av.Packet[Stream]]:
    """Give the packets of some streams that carry something; where damage ends a file, it ends.

    Matroska does not say when some pictures are decoded that are shown later than others: such
    packets wait for the next one that does, and share out the time up to it.
    """
    packets = reader.demux(*wanted)
    waiting: dict[int, list[av.Packet[Stream]]] = {}
    last: dict[int, int] = {}
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            packet = None
        if packet is None:
            break
        if not packet.size:
            continue
        index = packet.stream_index
        if packet.dts is None:
            waiting.setdefault(index, []).append(packet)
            continue
        yield from _share_out(waiting.pop(index, []), last.get(index), packet.dts)
        last[index] = packet.dts
        yield packet
    for index, late in waiting.items():
        yield from _share_out(late, last.get(index), None)


def _share_out(
    packets: list[av.Packet[Stream]], before: int | None, after: int | None
) -> Iterator[av.Packet[Stream]]:
    """Give packets a time of decoding between those of their neighbours, in ticks."""
    for number, packet in enumerate(packets):
        step = packet.duration or 1
        if after is None:
            packet.dts = (before or 0) + step * (number + 1)
        elif before is None:
            packet.dts = after - step * (len(packets) - number)
        else:
            packet.dts = before + (after - before) * (number + 1) // (len(packets) + 1)
        yield packet


def _move(
    packet: av.Packet[Any], stream: av.AudioStream, shift_s: float, picture_start_s: float
) -> bool:
    """Move a packet of sound; say whether it is heard, or needed to decode what is heard."""
    tick_s = float(packet.time_base)
    shift = round(shift_s / tick_s)
    packet.dts = (packet.dts or 0) + shift
    packet.pts = packet.dts if packet.pts is None else packet.pts + shift
    codec = stream.codec_context.codec.canonical_name
    needed_s = 0.0
    if not codec.startswith(_INDEPENDENT):
        needed_s = _PREROLL_S.get(codec, (packet.duration or 0) * tick_s)
    end_s = (packet.pts + (packet.duration or 0)) * tick_s
    return end_s + needed_s > picture_start_s
