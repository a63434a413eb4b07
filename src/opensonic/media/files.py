"""Files before they are read, and while they are written: checks, clear errors, no half files."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av

from opensonic.errors import EncodeError, InputError


def check_file(path: Path, shown: str, accepted: str) -> None:
    """Refuse what is no readable file.

    Args:
        path: The file.
        shown: What messages call it.
        accepted: What messages say was expected.

    Raises:
        InputError: It is missing, empty, a folder, or may not be read.
    """
    try:
        if not path.exists():
            raise InputError(f"{shown}: no such file; expected {accepted}")
        if not path.is_file():
            what = "a folder" if path.is_dir() else "not a regular file"
            raise InputError(f"{shown}: is {what}; expected {accepted}")
        if path.stat().st_size == 0:
            raise InputError(f"{shown}: the file is empty; expected {accepted}")
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(
            f"{shown}: cannot be opened ({error.strerror}); check the path and its permissions"
        ) from error


def check_place(path: Path) -> None:
    """Refuse a place where no file can be written, before any work is done.

    Args:
        path: The file that shall be written.

    Raises:
        EncodeError: The folder is missing or may not be written, or the path is a folder.
    """
    with write_errors(path):  # of a folder that may not be entered or a name that is too long
        if path.is_dir():
            raise EncodeError(f"{path}: is a folder; expected the name of a file to write")
        if not path.parent.is_dir():
            raise EncodeError(f"{path}: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise EncodeError(
            f"{path}: the folder {path.parent} may not be written to; "
            "choose another or change its permissions"
        )


@contextmanager
def part_file(path: Path) -> Iterator[Path]:
    """Give a hidden name beside `path` to write to, and clear it away in the end.

    Beside it, so that renaming the whole file to `path` is one step of the same file system.
    """
    part = path.with_name(f".{path.stem[:40]}.part-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield part
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn what goes wrong while `path` is written into one clear line.

    Raises:
        EncodeError: Something went wrong.
    """
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        number = getattr(error, "errno", None) or 0
        reason = {
            errno.ENOSPC: "the disk is full; free some space or choose another place",
            errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
            errno.EACCES: "writing there is not permitted; choose another place",
            errno.EROFS: "the disk is read-only; choose another place",
        }.get(number, f"could not be written ({error.strerror or error})")
        raise EncodeError(f"{path}: {reason}") from error
