"""Fetching the files of the published model that are not there yet, from the hub or a mirror."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from opensonic.errors import InputError, WeightsError
from opensonic.progress import Progress, Report, ignore
from opensonic.weights.check import check_file, check_pickle
from opensonic.weights.fetch import Fetched, UnavailableError, Wanted, fetch
from opensonic.weights.ledger import Entry, note_file, read_ledger
from opensonic.weights.model_file import HUB, ModelFile
from opensonic.weights.places import hub_home, pull_folder
from opensonic.weights.records import MODEL_FILES, PULLED
from opensonic.weights.replies import check_url

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Source:
    """A server with the hub's paths.

    Attributes:
        url: Without a slash at its end.
        token: What it is told to let us in; None for mirrors, which have no business with it.
    """

    url: str
    token: str | None = field(default=None, repr=False)


def missing_files(names: Sequence[str] = (), models_dir: Path | None = None) -> list[ModelFile]:
    """Give the files that must be fetched: those that are nowhere, or wrong where they are.

    Args:
        names: Keys of `MODEL_FILES`; none means `PULLED`.
        models_dir: Folder that was named.

    Raises:
        InputError: No file is called so.
    """
    return [
        MODEL_FILES[name]
        for name in dict.fromkeys(names or PULLED)
        if not check_pickle(check_file(name, models_dir)).good
    ]


def sources(mirrors: Sequence[str] = ()) -> list[Source]:
    """Give the servers to ask, in order: the mirrors that were named, then the hub.

    `HF_ENDPOINT` stands for the hub where it is set. Only the hub is told the token, and only
    over https or on this machine.

    Args:
        mirrors: Addresses of servers with the hub's paths.

    Raises:
        InputError: An address is none of the web's.
    """
    hub = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    urls = [mirror.rstrip("/") for mirror in mirrors]
    for url in (*urls, hub):
        check_url(url)
    parts = urlsplit(hub)
    safe = parts.scheme == "https" or parts.hostname in _LOOPBACK
    return [*map(Source, urls), Source(hub, read_token() if safe else None)]


def read_token() -> str | None:
    """Give the user's token for the hub as its own library would: `HF_TOKEN`, or its file."""
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if value := os.environ.get(variable, "").strip():
            return value
    named = os.environ.get("HF_TOKEN_PATH")
    try:
        path = Path(named) if named else hub_home() / "token"
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError):
        return None


def pull_file(
    file: ModelFile,
    models_dir: Path | None = None,
    mirrors: Sequence[str] = (),
    progress: Progress = ignore,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Fetch one file into the plain layout, check it and note what it is.

    Args:
        file: Its record.
        models_dir: Folder to fetch into; the user's own models folder where none is named.
        mirrors: Servers to ask before the hub.
        progress: Called with megabytes.
        say: Called with one line where a server was of no use.

    Raises:
        InputError: An address of a mirror is none of the web's, or the machine is set offline.
        UnavailableError: No server gives the file.
        WeightsError: It is not the right one, it cannot be written, or a file that we did not
            fetch is in its place.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise InputError("HF_HUB_OFFLINE is set, so nothing is fetched; unset it and try again")
    folder = pull_folder(models_dir)
    known = read_ledger(folder).get(file.place)
    if known is None and (folder / file.place).exists():
        raise WeightsError(
            f"{folder / file.place}: cannot be used and was not fetched by opensonic, so it is not "
            "overwritten; move it away and try again"
        )
    servers = sources(mirrors)
    for server in servers:
        wanted = _wanted(file, server, known)
        try:
            fetched = fetch(wanted, folder / file.place, follow=_follow(file, progress))
        except UnavailableError as error:
            if server is servers[-1]:
                raise
            say(f"{error}; trying the next server")
            continue
        break
    if problem := check_pickle(check_file(file.name, folder)).problem:
        (folder / file.place).unlink()
        raise WeightsError(f"{wanted.url}: what came {problem}; it was deleted")
    _note(folder, file, wanted, fetched)
    return folder / file.place


def _wanted(file: ModelFile, server: Source, known: Entry | None) -> Wanted:
    revision = known.revision if known and known.revision else "main"
    return Wanted(
        url=f"{server.url}/{file.repository}/resolve/{quote(revision)}/{quote(file.remote)}",
        page=file.page,
        size=file.size or (known.size if known else None),
        sha256=file.sha256 or (known.sha256 if known else None),
        token=server.token,
    )


def _note(folder: Path, file: ModelFile, wanted: Wanted, fetched: Fetched) -> None:
    entry = Entry(
        size=fetched.size, sha256=fetched.sha256, url=wanted.url, revision=fetched.revision
    )
    note_file(folder, file.place, entry)


def _follow(file: ModelFile, progress: Progress) -> Callable[[int, int], None]:
    def follow(done: int, total: int) -> None:
        progress(Report(file.name, done // 1_000_000, max(total, done) // 1_000_000))

    return follow
