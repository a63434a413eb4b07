"""A file that is not yet whole, and beside it what its server told, so that it can be resumed."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

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


def size_of(path: Path) -> int:
    """Give the bytes of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")
