"""The mark "made by AI" on a video: for machines in the file, for people in the picture.

For machines it stands twice: as the `comment` tag that players show, and as an XMP packet with
IPTC's property *Digital Source Type* (IPTC Video Metadata Hub 1.4), in the top-level box where the
XMP specification (part 3, 2020, section 1.1.5) looks for it in MP4 and QuickTime files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's term for media that a trained model made."""
VISIBLE_TEXT = "AI-generated"
"""What `label="visible"` writes on the picture."""

_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_MARGIN = 0.03
_TEXT_HEIGHT = 0.024
_MIN_TEXT_PX = 9
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    Iptc4xmpExt:DigitalSourceType="{source_type}"
    xmp:CreatorTool="{tool}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True)
class Label:
    """What a video says of its making.

    Attributes:
        source_type: IPTC digital source type, a URI.
        tool: Name and version of the program that made it.
    """

    source_type: str
    tool: str


def tool_name() -> str:
    """Name this program and its version."""
    try:
        return f"OpenSonic {version('opensonic')}"
    except PackageNotFoundError:
        return "OpenSonic"


def comment() -> str:
    """Say in one line, for the file's comment tag, that the video is made by AI."""
    return f"{VISIBLE_TEXT} video, made with {tool_name()} from one picture. {SOURCE_TYPE}"


def append_label(path: Path) -> None:
    """Append the XMP packet to a finished MP4 or QuickTime file; no offset in it changes.

    Args:
        path: The file.
    """
    _append_packet(path, _PACKET.format(source_type=SOURCE_TYPE, tool=tool_name()).encode())


def read_label(path: str | Path) -> Label | None:
    """Read the mark back from a file.

    Args:
        path: An MP4 or QuickTime file.

    Returns:
        The mark, or None where the file bears none.
    """
    packet = _read_packet(Path(path))
    return None if packet is None else _parse(packet.decode(errors="replace"))


def copy_label(source: Path, target: Path) -> None:
    """Append the XMP packet of one file, whoever wrote it, to another; none where there is none.

    Args:
        source: Any video.
        target: A finished MP4 or QuickTime file.
    """
    packet = _read_packet(source)
    if packet is not None:
        _append_packet(target, packet)


def _append_packet(path: Path, packet: bytes) -> None:
    size = 8 + len(_XMP_BOX) + len(packet)
    with path.open("ab") as file:
        file.write(size.to_bytes(4, "big") + b"uuid" + _XMP_BOX + packet)


def _read_packet(path: Path) -> bytes | None:
    """Walk through the boxes of a file; what is no MP4 holds none that end within it."""
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        while len(header := file.read(8)) == 8:
            size, start = int.from_bytes(header[:4], "big"), 8
            if size == 1:  # the box is larger than 4 GiB: its size follows
                size, start = int.from_bytes(file.read(8), "big"), 16
            if file.tell() - start + size > n_bytes:
                return None
            if header[4:] == b"uuid" and file.read(16) == _XMP_BOX:
                return file.read(size - start - 16)
            if size < start:  # 0: the last box, up to the end of the file
                return None
            back = 16 if header[4:] == b"uuid" else 0
            file.seek(size - start - back, 1)
    return None


def draw_label(frame: npt.NDArray[np.uint8], mark: npt.NDArray[np.float32]) -> None:
    """Write the visible mark into a frame, bottom left.

    Args:
        frame: (H, W, 3) uint8, RGB; changed in place.
        mark: From `visible_mark`, made for frames of this size.
    """
    height, width = mark.shape[1:3]
    corner = frame[-height:, :width]
    corner[:] = np.rint(corner * mark[0] + mark[1])


def visible_mark(width: int, height: int) -> npt.NDArray[np.float32]:
    """Prepare the visible mark for frames of one size: white text with a dark edge.

    Args:
        width: Width of the frames, px.
        height: Height of the frames, px.

    Returns:
        (2, h, w, 3) float32: what the frame's bottom left corner is multiplied with, and what is
        added.
    """
    short = min(width, height)
    margin = max(2, round(_MARGIN * short))
    text_px = max(_MIN_TEXT_PX, round(_TEXT_HEIGHT * short))
    font = cv2.FONT_HERSHEY_SIMPLEX
    stroke = max(1, round(text_px / 9))
    scale = cv2.getFontScaleFromHeight(font, text_px, stroke)
    (text_width, _), below = cv2.getTextSize(VISIBLE_TEXT, font, scale, stroke)
    too_wide = (text_width + 2 * margin) / width
    if too_wide > 1:
        scale /= too_wide
    shape = (min(height, text_px + below + 2 * margin), min(width, text_width + 2 * margin))
    origin = (margin, shape[0] - margin - below // 2)
    canvas = np.zeros(shape, np.uint8)
    cv2.putText(canvas, VISIBLE_TEXT, origin, font, scale, 255, stroke, cv2.LINE_AA)
    text = canvas.astype(np.float32)[..., None] / 255
    reach = 2 * stroke + 1
    dark = cv2.GaussianBlur(cv2.dilate(canvas, np.ones((reach, reach), np.uint8)), (0, 0), stroke)
    edge = dark.astype(np.float32)[..., None] / 255
    keep = (1 - 0.75 * edge) * (1 - text)
    return np.stack([np.repeat(keep, 3, axis=2), np.repeat(255 * text, 3, axis=2)])


def _parse(packet: str) -> Label | None:
    source = re.search(r'DigitalSourceType="([^"]*)"', packet)
    tool = re.search(r'CreatorTool="([^"]*)"', packet)
    return Label(source[1], tool[1] if tool else "") if source else None
