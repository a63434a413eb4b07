"""One file over HTTP: resumed where it broke off, checked, and in place only when it is whole.

Written on the standard library rather than on huggingface_hub, so that the base install can fetch,
any mirror with the hub's paths will do, and no server but the one it is meant for sees the user's
token. What comes is checked against what was asked for, or else against what the server tells
(`replies`).
"""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from opensonic.errors import WeightsError
from opensonic.weights.ledger import sha256_of
from opensonic.weights.parts import (
    check_room,
    forget_part,
    held,
    remember_part,
    remembered,
    size_of,
    write_errors,
)
from opensonic.weights.replies import Redirects, Told, check_url, continues, retry_after, told_by

ATTEMPTS = 5
"""How often in a row a download may break off without having got on."""

TIMEOUT_S = 30.0
"""Seconds without a byte after which a connection counts as broken."""

LONGEST_WAIT_S = 60.0
"""Longest pause between attempts, whatever the server asks for."""

_BLOCK = 1 << 18
_AGAIN = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What shall be fetched.

    Attributes:
        url: http or https.
        page: Where a person reads about the file and agrees to its terms.
        size: Bytes, None where the server is believed.
        sha256: In hexadecimal, None where the server is believed.
        token: Sent to the URL's own server and to no other.
    """

    url: str
    page: str
    size: int | None = None
    sha256: str | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What came.

    Attributes:
        size: Bytes.
        sha256: In hexadecimal.
        revision: Commit of the repository, empty where the server told none.
    """

    size: int
    sha256: str
    revision: str


class UnavailableError(WeightsError):
    """This server does not give the file; another may."""


class _BrokenOffError(Exception):
    """The connection ended early; `wait_s` is what the server asks for."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


def fetch(
    wanted: Wanted,
    target: Path,
    *,
    follow: Callable[[int, int], None] = lambda done, total: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Download a file to `target`; what an earlier call left unfinished is gone on with.

    Args:
        wanted: What and where from.
        target: Where to. Nothing appears under this name before it is whole and checked.
        follow: Called with the bytes that are there and the bytes in all (0 while unknown).
        sleep: Waits for seconds between attempts.

    Raises:
        InputError: The URL is none of http or https.
        UnavailableError: This server does not give the file, or kept breaking off.
        WeightsError: What came is not what was promised, it cannot be written, or another process
            is fetching it.
    """
    check_url(wanted.url)
    part = target.with_name(f".{target.name}.part")
    with write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with held(part):
        told = _fetch_part(wanted, part, follow, sleep)
        fetched = _checked(wanted, part, told)
        with write_errors(target):
            os.replace(part, target)  # noqa: PTH105 - over a file that is there, on Windows too
        forget_part(part)
    return fetched


def _fetch_part(
    wanted: Wanted,
    part: Path,
    follow: Callable[[int, int], None],
    sleep: Callable[[float], None],
) -> Told:
    """Try until all is there, or no try gets on any more; return what the server told.

    Raises:
        UnavailableError: The download kept breaking off.
    """
    failures, most = 0, size_of(part)
    while True:
        try:
            return _attempt(wanted, part, follow)
        except _BrokenOffError as error:
            failures = 1 if size_of(part) > most else failures + 1
            most = max(most, size_of(part))
            if failures >= ATTEMPTS:
                raise UnavailableError(
                    f"{wanted.url}: broke off {ATTEMPTS} times in a row ({error}); what came is "
                    "kept: run the same command again to go on, or name a mirror with --mirror"
                ) from error
            pause = 2.0 ** (failures - 1) if error.wait_s is None else error.wait_s
            sleep(min(pause, LONGEST_WAIT_S))


def _attempt(wanted: Wanted, part: Path, follow: Callable[[int, int], None]) -> Told:
    """Ask once for the rest of the file and write it; return what the server told of it.

    Raises:
        _BrokenOffError: It ended early; another try may go on.
    """
    known = remembered(part, wanted.url)
    start = size_of(part)
    if start and not (known.etag or known.sha256 or wanted.sha256):
        start = 0  # nothing would tell whether the rest belongs to the same file
    redirects = Redirects()
    opener = urllib.request.build_opener(redirects)
    try:
        with opener.open(_request(wanted, known, start), timeout=TIMEOUT_S) as response:
            told = told_by(wanted.url, response, redirects)
            _check_promise(wanted, told)
            if response.status != 206:
                start = 0
            elif continues(response, start, known, told):
                told = replace(told, sha256=told.sha256 or known.sha256)
            else:
                forget_part(part)
                raise _BrokenOffError("the file on the server has changed")
            _receive(response, part, start, told, follow)
    except urllib.error.HTTPError as error:
        with error:
            return _refused(error, wanted, part, known, start)
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        TimeoutError,
        ConnectionError,
    ) as error:
        raise _BrokenOffError(_reason(error)) from error
    return told


def _request(wanted: Wanted, known: Told, start: int) -> urllib.request.Request:
    headers = {"User-Agent": "opensonic", "Accept-Encoding": "identity"}
    if wanted.token:
        headers["Authorization"] = f"Bearer {wanted.token}"
    if start:
        headers["Range"] = f"bytes={start}-"
        if known.etag:
            headers["If-Range"] = known.etag
    return urllib.request.Request(wanted.url, headers=headers)


def _receive(
    response: http.client.HTTPResponse,
    part: Path,
    start: int,
    told: Told,
    follow: Callable[[int, int], None],
) -> None:
    with write_errors(part):
        remember_part(part, told)
    done, total = start, told.size or 0
    with write_errors(part), part.open("r+b" if start else "wb") as file:
        file.seek(start)
        check_room(part, total - done)
        follow(done, total)
        while block := _read(response):
            file.write(block)
            done += len(block)
            follow(done, total)
    if total and done < total:
        raise _BrokenOffError(f"{done} of {total} bytes came")


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_BLOCK)
    except (http.client.HTTPException, OSError) as error:
        raise _BrokenOffError(_reason(error)) from error


def _refused(
    error: urllib.error.HTTPError, wanted: Wanted, part: Path, known: Told, start: int
) -> Told:
    """Deal with an answer that is no file: all may be there already, or wait, or give up.

    Raises:
        _BrokenOffError: Another try may get it.
        UnavailableError: It will not.
    """
    code = error.code
    if code == 416 and start:
        if known.size == start:
            return known
        forget_part(part)
        raise _BrokenOffError("the part that was there is longer than the file")
    if code in _AGAIN:
        raise _BrokenOffError(f"the server answers {code}", retry_after(error.headers))
    if code in (401, 403):
        has = "the token was not accepted for it" if wanted.token else "it asks for a token"
        raise UnavailableError(
            f"{wanted.url}: the server refuses ({code}): {has}. Log in on {wanted.page}, agree to "
            "the terms there, make a token on https://huggingface.co/settings/tokens and set "
            "HF_TOKEN to it"
        ) from error
    raise UnavailableError(
        f"{wanted.url}: the server answers {code}"
        f"{' (no such file)' if code in (404, 410) else ''}; see {wanted.page}, "
        "or name a mirror with --mirror"
    ) from error


def _check_promise(wanted: Wanted, told: Told) -> None:
    """Refuse another file than the wanted one before it is fetched.

    Raises:
        UnavailableError: The server tells another size or SHA-256.
    """
    for what, found, expected in (
        ("size in bytes", told.size, wanted.size),
        ("SHA-256", told.sha256 or None, wanted.sha256),
    ):
        if found is not None and expected is not None and found != expected:
            raise UnavailableError(
                f"{wanted.url}: the {what} that the server tells is {found}, expected {expected}; "
                "the file there is another one and is not fetched. Try another mirror"
            )


def _checked(wanted: Wanted, part: Path, told: Told) -> Fetched:
    size, sha256 = size_of(part), sha256_of(part)
    for what, found, expected in (
        ("size in bytes", size, wanted.size or told.size),
        ("SHA-256", sha256, wanted.sha256 or told.sha256 or None),
    ):
        if expected is not None and found != expected:
            forget_part(part)
            raise WeightsError(
                f"{wanted.url}: the {what} of what came is {found}, expected {expected}; it was "
                "deleted. Try again or another mirror; if it stays so, do not trust the source"
            )
    return Fetched(size=size, sha256=sha256, revision=told.revision)


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause) or type(cause).__name__
