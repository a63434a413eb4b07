"""A file that is not yet whole, and beside it what its server told, so that it can be resumed."""

from __future__ import annotations

import errno
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO

from opensonic.errors import WeightsError
from opensonic.weights.replies import Told


def remember_part(part: Path, told: Told) -> None:
    """Note what a server told of the file that is coming."""
    _note(part).write_text(json.dumps(asdict(told)), encoding="utf-8")


def remembered(part: Path, url: str) -> Told:
    """Give what was told of a part; the ETag only where the same server told it.

    Args:
        part: The part.
        url: That is asked for now.
    """
    try:
        told = Told(**json.loads(_note(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Told()
    return told if told.url == url else replace(told, etag="")


def forget_part(part: Path) -> None:
    """Delete a part and its note."""
    for path in (part, _note(part)):
        with suppress(OSError):
            path.unlink(missing_ok=True)


@contextmanager
def held(part: Path) -> Iterator[None]:
    """Keep every other process off a part; the system lets go of it however this one ends.

    Args:
        part: The part; its folder must exist.

    Raises:
        WeightsError: Another process is at it, or nothing can be written there.
    """
    path = part.with_name(f"{part.name}.lock")
    with write_errors(part):
        file = path.open("a+b")
    with file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError) as error:
            raise WeightsError(
                f"{part}: another process is fetching this file; wait for it"
            ) from error
        except OSError:
            pass  # some network drives know no locks; the SHA-256 finds what goes wrong
        try:
            yield
        finally:
            with suppress(OSError):  # of Windows, where the open file stays and does no harm
                path.unlink(missing_ok=True)


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def size_of(path: Path) -> int:
    """Give the bytes of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def check_room(part: Path, missing: int) -> None:
    """Refuse to begin what the disk has no room for.

    Args:
        part: The part.
        missing: Bytes that are still to come.

    Raises:
        OSError: There is less room.
    """
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise OSError(
            errno.ENOSPC, f"{missing / 1e9:.2f} GB more are needed, {free / 1e9:.2f} GB are free"
        )


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn the system's word on a file that cannot be written into ours.

    Args:
        path: The file.

    Raises:
        WeightsError: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        advice = "make room, or name another folder with --models-dir; what came is kept"
        if error.errno not in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            advice = "check its permissions, or name another folder with --models-dir"
        raise WeightsError(f"{path}: cannot be written ({error.strerror}); {advice}") from error
