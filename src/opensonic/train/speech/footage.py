"""A folder of talking videos: which files are some, and whose they are."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from opensonic.errors import InputError
from opensonic.media.footage import Footage, probe

SPEAKERS = ("folders", "files", "one")
"""How videos are told apart: sub-folders are speakers, each file is one, or all are one person."""
MAX_RATE = 31
"""Pictures per second above which some are left out when a video is learnt from."""

SUFFIXES = frozenset(
    [
        ".3g2",
        ".3gp",
        ".asf",
        ".avi",
        ".divx",
        ".dv",
        ".f4v",
        ".flv",
        ".m2t",
        ".m2ts",
        ".m2v",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpe",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".nut",
        ".ogm",
        ".ogv",
        ".qt",
        ".rm",
        ".rmvb",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
        ".y4m",
    ]
)
"""Ends of the names of videos, in small letters; other files are passed over."""


class Video(NamedTuple):
    """One file of the folder.

    Attributes:
        path: Where it lies.
        name: Path within the folder, as reports show it.
        speaker: Who speaks in it.
    """

    path: Path
    name: str
    speaker: str

    def key(self) -> str:
        """Give a name for what is kept of this file; another once the file changes."""
        facts = self.path.stat()
        text = f"{self.path.resolve()}|{facts.st_size}|{facts.st_mtime_ns}"
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def find_videos(folder: Path, speakers: str = "folders") -> tuple[list[Video], int]:
    """List the videos of a folder and of all folders in it, hidden ones left out.

    Args:
        folder: The folder.
        speakers: Word of `SPEAKERS`. With "folders", the speaker is the first folder on the way to
            the file; a file that lies in none is a speaker of its own.

    Returns:
        The videos, and how many files are none by their names.

    Raises:
        InputError: There is no such folder, it holds no video, or the word is unknown.
    """
    if speakers not in SPEAKERS:
        raise InputError(f"speakers: {speakers!r} is not known; expected {', '.join(SPEAKERS)}")
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        raise InputError(f"{folder}: {what}; expected a folder of talking videos")
    videos, others = [], 0
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if any(part.startswith(".") for part in inner.parts) or not path.is_file():
            continue
        if path.suffix.lower() not in SUFFIXES:
            others += 1
            continue
        if speakers == "one":
            speaker = folder.resolve().name
        elif speakers == "folders" and len(inner.parts) > 1:
            speaker = inner.parts[0]
        else:
            speaker = inner.as_posix()
        videos.append(Video(path, inner.as_posix(), speaker))
    if not videos:
        raise InputError(
            f"{folder}: holds no video, other files: {others}; "
            "expected talking videos with sound, named .mp4, .mov, .mkv or the like"
        )
    return videos, others


def look_into(video: Video) -> Footage:
    """Look into a file before it is read.

    Raises:
        InputError: It holds no moving picture or no sound; the message is the bare reason.
    """
    try:
        footage = probe(video.path)
    except InputError as error:
        raise InputError(str(error).removeprefix(f"{video.path}: ")) from error
    if not footage.has_sound:
        raise InputError("no sound that can be decoded")
    return footage
