"""Pictures in: any file that Pillow opens, any array, any Pillow image becomes 8-bit RGB.

What is transparent is laid over white, the paper that cut-out portraits are drawn for. Colours of
another ICC profile are brought to sRGB. Of an animation the first frame is taken.
"""

from __future__ import annotations

import importlib
import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from opensonic.errors import InputError
from opensonic.media.files import check_file

MAX_PIXELS = 100_000_000
"""Larger pictures are refused before they are decoded: some are small files made to fill memory."""

Picture = npt.NDArray[np.uint8]

_ACCEPTED = "a picture such as PNG, JPEG, WebP, BMP, TIFF, GIF, AVIF"
_HEIF_BRANDS = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"hevc")
_FORMATS = (
    *("PNG", "JPEG", "MPO", "WEBP", "BMP", "DIB", "TIFF", "GIF", "AVIF", "HEIF", "JPEG2000"),
    *("PPM", "TGA", "ICO", "PCX", "PSD", "QOI", "SGI"),
)
_HEAD_BYTES = 32
_PAPER = 255
_SLACK = 1.5  # sharpened float pictures overshoot 1 a little
_UNREADABLE = (OSError, SyntaxError, ValueError, struct.error, EOFError, MemoryError)


def read_image(
    source: str | Path | npt.NDArray[Any] | Image.Image, *, name: str | None = None
) -> Picture:
    """Read a picture.

    Args:
        source: Path of a picture file; (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) array, RGB(A),
            bool, uint8, uint16 or float in [0, 1]; or a Pillow image.
        name: What messages call the picture; by default the path.

    Returns:
        (H, W, 3) uint8, RGB, turned upright as its EXIF orientation says.

    Raises:
        InputError: There is no such file, it is no picture, it is damaged, or too large.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, name or "picture")
    if isinstance(source, Image.Image):
        with _clear_errors(name or "picture"):
            return _to_rgb(source, name or "picture")
    path = Path(source)
    label = name or str(path)
    check_file(path, label, _ACCEPTED)
    with _clear_errors(label), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        try:
            picture = Image.open(file, formats=_formats(head))
        except UnidentifiedImageError as error:
            raise InputError(f"{label}: {_what_it_is(head)}; expected {_ACCEPTED}") from error
        with picture:
            return _to_rgb(picture, label)


def _formats(head: bytes) -> list[str]:
    # Only formats that Pillow decodes itself: for EPS, say, it would start another program.
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        with suppress(ImportError):
            importlib.import_module("pillow_heif").register_heif_opener()
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


@contextmanager
def _clear_errors(name: str) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's on sizes and odd metadata: judged here
        try:
            yield
        except InputError:
            raise
        except Image.DecompressionBombError as error:
            raise InputError(_too_large(name, "more than 178 million pixels")) from error
        except _UNREADABLE as error:
            raise InputError(
                f"{name}: the picture is damaged or cut off ({error}); expected a whole picture, "
                "save or download it again"
            ) from error


def _what_it_is(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in {b"avif", b"avis"}:
        return "is an AVIF picture, which needs Pillow 11.3 or newer"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return "is a HEIC picture, which needs `pip install pillow-heif` or saving it as JPEG"
    if data[4:8] == b"ftyp" or data[:4] in {b"\x1aE\xdf\xa3", b"OggS"}:
        return "is a video or sound file, not a picture"
    if data[:3] == b"ID3" or data[:2] in {b"\xff\xfb", b"\xff\xf3"} or data[8:12] == b"WAVE":
        return "is a sound file, not a picture"
    return "is not a picture, or is damaged"


def _too_large(name: str, size: str) -> str:
    return (
        f"{name}: has {size}; expected at most {MAX_PIXELS // 1_000_000} million pixels, "
        "make it smaller first"
    )


def _to_rgb(picture: Image.Image, name: str) -> Picture:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise InputError(_too_large(name, f"{width}x{height} pixels"))
    if width * height == 0:
        raise InputError(f"{name}: has no pixels ({width}x{height}); expected {_ACCEPTED}")
    picture.load()
    upright = _upright(picture)
    if upright.mode in {"I", "F"} or upright.mode.startswith("I;16"):
        return _from_deep(upright, name)
    if upright.mode == "P" or "transparency" in upright.info:
        upright = upright.convert("RGBA")
    if upright.mode in {"RGBA", "LA", "PA", "RGBa", "La"}:
        upright = upright.convert("RGBA")
        alpha = upright.getchannel("A")
        colour = _to_srgb(upright.convert("RGB"), picture)
        paper = Image.new("RGB", upright.size, (_PAPER,) * 3)
        return np.array(Image.composite(colour, paper, alpha))
    colour = _to_srgb(upright, picture)
    return np.array(colour if colour.mode == "RGB" else colour.convert("RGB"))


def _upright(picture: Image.Image) -> Image.Image:
    try:
        if picture.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return picture  # without the copy that `exif_transpose` makes
        return ImageOps.exif_transpose(picture)
    except _UNREADABLE:
        return picture  # damaged EXIF data: the pixels may be whole


def _to_srgb(picture: Image.Image, original: Image.Image) -> Image.Image:
    # The profile belongs to the mode of the file; a palette's or a converted picture's to RGB.
    profile = original.info.get("icc_profile")
    if picture.mode not in {"RGB", "CMYK", "L", "LAB"} or not (profile or picture.mode == "LAB"):
        return picture
    try:
        source = io.BytesIO(profile) if profile else ImageCms.createProfile("LAB")
        return (
            ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            or picture
        )
    except (ImageCms.PyCMSError, ImportError, OSError, ValueError):
        return picture  # a damaged profile: the plain colours are still the picture


def _from_array(array: npt.NDArray[Any], name: str) -> Picture:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in {3, 4})
    if not fits or array.size == 0:
        raise InputError(
            f"{name}: an array of shape {array.shape}; expected (H, W), (H, W, 3) or (H, W, 4)"
        )
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise InputError(_too_large(name, f"{array.shape[1]}x{array.shape[0]} pixels"))
    unit: npt.NDArray[np.float32]
    if array.dtype == np.uint8 and array.shape[2:] == (3,):
        return np.array(array)
    if array.dtype == np.bool_ or array.dtype.kind == "f":
        unit = np.nan_to_num(array.astype(np.float32), nan=0)
    elif array.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        unit = array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max)
    else:
        raise InputError(
            f"{name}: an array of {array.dtype}; expected uint8, uint16 or float in [0, 1]"
        )
    if array.dtype.kind == "f" and float(unit.max()) > _SLACK:
        raise InputError(
            f"{name}: a float array with values up to {float(unit.max()):g}; expected [0, 1]"
        )
    if unit.ndim == 2:
        unit = np.repeat(unit[..., None], 3, axis=2)
    if unit.shape[2] == 4:
        alpha = unit[..., 3:]
        unit = unit[..., :3] * alpha + (1 - alpha)
    return np.asarray(np.clip(unit * 255 + 0.5, 0, 255), np.uint8)


def _from_deep(picture: Image.Image, name: str) -> Picture:
    # Grey of more than 8 bits. Some writers put 0..255 or 0..65535 into 32-bit numbers.
    values = np.nan_to_num(np.asarray(picture, np.float32), nan=0, posinf=0, neginf=0)
    top = float(values.max())
    levels = {"F": (_SLACK, 255, 65535), "I": (255, 65535)}.get(picture.mode, (65535,))
    full = next((level for level in levels if top <= level), top)
    return _from_array(np.clip(values / (1 if full == _SLACK else full), 0, 1), name)
