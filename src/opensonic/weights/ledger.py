"""What is known of fetched files: size, SHA-256, and where they came from, noted beside them.

The hub's own word is checked while a file is fetched. From then on the note is what `verify` holds
the file against, and the revision in it is what a later pull asks for: a file on the hub that
changed is not taken unasked.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from opensonic.errors import WeightsError

NAME = "opensonic-files.json"
"""Of the note, in the folder that files are fetched into."""

_BLOCK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is noted of one file.

    Attributes:
        size: Bytes.
        sha256: In hexadecimal.
        url: Where it came from.
        revision: Commit of the repository, empty where the server told none.
    """

    size: int
    sha256: str
    url: str
    revision: str = ""


def read_ledger(folder: Path) -> dict[str, Entry]:
    """Read the note of a folder: entries by path below the folder; empty where there is none.

    Raises:
        WeightsError: The note is damaged or cannot be read.
    """
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return {str(place): Entry(**entry) for place, entry in json.loads(text)["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path}: is damaged; delete it, then the files are noted again by: "
            "opensonic models pull"
        ) from error


def known_sha256(path: Path, root: Path) -> str | None:
    """Give the SHA-256 that a file should have, by our note or by that of huggingface_hub.

    huggingface_hub names the files of its cache by it, and notes it below `.cache/huggingface` in
    the folder that it was told to fetch into.

    Args:
        path: The file.
        root: Folder at or above it, above which is not looked.

    Returns:
        In hexadecimal; None where nobody noted it.

    Raises:
        WeightsError: Our note is damaged or cannot be read.
    """
    for folder in path.parents:
        place = path.relative_to(folder).as_posix()
        if entry := read_ledger(folder).get(place):
            return entry.sha256
        try:
            note = folder / ".cache/huggingface/download" / f"{place}.metadata"
            told = note.read_text(encoding="utf-8").splitlines()[1].strip()
        except (OSError, ValueError, IndexError):
            told = ""
        if _SHA256.fullmatch(told):
            return told
        if folder == root:
            break
    blob = path.resolve()
    return blob.name if blob.parent.name == "blobs" and _SHA256.fullmatch(blob.name) else None


def note_file(folder: Path, place: str, entry: Entry) -> None:
    """Add or replace one entry of a folder's note, in one step.

    Args:
        folder: Where files are fetched into.
        place: Path of the file below it, with forward slashes.
        entry: What is known of it.

    Raises:
        WeightsError: The note is damaged or cannot be written.
    """
    entries = read_ledger(folder) | {place: entry}
    text = json.dumps(
        {"files": {name: asdict(one) for name, one in sorted(entries.items())}}, indent=1
    )
    part = folder / f".{NAME}.{secrets.token_hex(4)}.part"
    try:
        part.write_text(text + "\n", encoding="utf-8")
        os.replace(part, folder / NAME)  # noqa: PTH105 - over a file that is there, on Windows too
    except OSError as error:
        raise WeightsError(f"{folder / NAME}: cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def sha256_of(path: Path, follow: Callable[[int], None] = lambda _: None) -> str:
    """Give the SHA-256 of a file in hexadecimal.

    Args:
        path: The file.
        follow: Called with the bytes that were read since the last call.

    Raises:
        WeightsError: The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                follow(len(block))
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()
