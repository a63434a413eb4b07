"""Copies of published files in the one form that is loaded: safetensors with the published names.

A copy remembers size, time and SHA-256 of its source and is made anew when that changed. It lies
beside its source or, where nothing may be put there, in the cache folder. Tensors are written one
by one under another name; the copy appears when it is whole.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from opensonic.errors import WeightsError
from opensonic.weights.headers import read_header, write_header
from opensonic.weights.ledger import sha256_of

_SIZE, _TIME, _SHA256 = "source_size", "source_mtime_ns", "source_sha256"


@dataclass(frozen=True)
class Converted:
    """A file's tensors as safetensors.

    Attributes:
        path: The copy.
        made: Whether it was made just now.
    """

    path: Path
    made: bool


@dataclass(frozen=True)
class Described:
    """A tensor that is to be written.

    Attributes:
        name: In the copy.
        dtype: As safetensors writes it.
        shape: Its sides.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]


def conversions(source: Path, cache: Path, *, beside: bool = True, part: str = "") -> list[Path]:
    """Give the places where a file's copy may lie, the preferred one first.

    Args:
        source: The published file.
        cache: Folder for what cannot lie beside its source.
        beside: Whether it may lie there.
        part: Which of several networks in the file is meant.
    """
    key = hashlib.sha256(os.fsencode(source.absolute())).hexdigest()[:16]
    name = f"{source.stem}-{part}" if part else source.stem
    kept = cache / "converted" / f"{name}-{key}.safetensors"
    return [source.with_suffix(".safetensors"), kept] if beside else [kept]


def find_fresh(targets: Iterable[Path], source: Path) -> Path | None:
    """Give the first copy that is whole and belongs to the source as it is now.

    Same size and time are taken for the same file; with another time the contents decide, and the
    copy then takes on that time, so that they are compared only once.

    Args:
        targets: Where copies may lie.
        source: The published file.
    """
    for target in targets:
        try:
            notes = read_header(target).notes
            state, made = source.stat(), target.stat()
        except (WeightsError, OSError):
            continue
        if notes.get(_SIZE) != str(state.st_size) or _SHA256 not in notes:
            continue
        if state.st_mtime_ns in (made.st_mtime_ns, _number(notes.get(_TIME, ""))):
            return target
        if notes[_SHA256] == sha256_of(source):
            with suppress(OSError):
                os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns))
            return target
    return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def choose_target(targets: list[Path]) -> Path:
    """Give the first place that may be written: never one with a file that we did not make."""
    return next((target for target in targets if _may_write(target)), targets[-1])


def write_copy(
    target: Path,
    source: Path,
    tensors: Iterable[Described],
    contents: Iterable[bytes | memoryview],
) -> None:
    """Write a copy in one step.

    Args:
        target: The copy.
        source: The published file.
        tensors: Each tensor.
        contents: The bytes of each, in the same order.

    Raises:
        WeightsError: The source cannot be read or the copy cannot be written.
    """
    part = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part")
    try:
        state = source.stat()
        notes = {
            "format": "pt",
            "source": source.name,
            _SIZE: str(state.st_size),
            _TIME: str(state.st_mtime_ns),
            _SHA256: sha256_of(source),
        }
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            write_header(file, ((t.name, t.dtype, t.shape) for t in tensors), notes)
            for block in contents:
                file.write(block)
        os.replace(part, target)  # noqa: PTH105 - over a file that is there, on Windows too
    except OSError as error:
        raise WeightsError(
            f"{target}: the tensors of {source.name} cannot be written there ({error.strerror}); "
            "make room or choose another folder"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _may_write(target: Path) -> bool:
    if not _can_write(target.parent):
        return False
    if not target.exists():
        return True
    try:
        return _SHA256 in read_header(target).notes
    except WeightsError:
        return False


def _can_write(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
