"""What a server tells of a file that is fetched from it: size, SHA-256, commit, and where to go on.

The hub answers with a redirect to where the bytes lie; size, SHA-256 and commit stand in the
headers of that redirect (`X-Linked-Size`, `X-Linked-Etag`, `X-Repo-Commit`).
"""

from __future__ import annotations

import http.client
import re
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import IO
from urllib.parse import urlsplit

from opensonic.errors import InputError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FACTS = ("X-Linked-Size", "X-Linked-Etag", "X-Repo-Commit")


@dataclass(frozen=True)
class Told:
    """What a server says of a file.

    Attributes:
        url: That was asked for.
        etag: Of the bytes, empty where the server gives none that can be relied on.
        size: Bytes, None where it is not said.
        sha256: In hexadecimal, empty where it is not said.
        revision: Commit of the repository, empty where it is not said.
    """

    url: str = ""
    etag: str = ""
    size: int | None = None
    sha256: str = ""
    revision: str = ""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, keeps what they say of the file, hands the token to no other server."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request:
        """Make the next request: the same headers, the token for the same server only."""
        self.facts |= _facts(headers)
        check_url(newurl)
        kept = dict(req.headers)
        if urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            kept.pop("Authorization", None)
        return urllib.request.Request(newurl, headers=kept, unverifiable=True)

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302
    """A kind of redirect that Python 3.10 does not know."""


def told_by(url: str, response: http.client.HTTPResponse, redirects: Redirects) -> Told:
    """Put together what the answer and the redirects before it say of the file.

    Args:
        url: That was asked for.
        response: The last answer.
        redirects: What was followed to it.
    """
    facts = redirects.facts | _facts(response.headers)
    size = number(facts.get("X-Linked-Size"))
    if size is None and response.status == 206:
        size = number((response.headers["Content-Range"] or "").rpartition("/")[2])
    elif size is None:
        size = number(response.headers["Content-Length"])
    etag = response.headers["ETag"] or ""
    linked = facts.get("X-Linked-Etag", "").removeprefix("W/").strip('"').lower()
    return Told(
        url=url,
        etag="" if etag.startswith("W/") else etag,
        size=size,
        sha256=linked if _SHA256.fullmatch(linked) else "",
        revision=facts.get("X-Repo-Commit", ""),
    )


def continues(response: http.client.HTTPResponse, start: int, known: Told, told: Told) -> bool:
    """Tell whether a partial answer goes on with what is there.

    Args:
        response: With status 206.
        start: Bytes that are there.
        known: What was told of them when they came.
        told: What is told now.
    """
    right = (response.headers["Content-Range"] or "").startswith(f"bytes {start}-")
    same = not (known.sha256 and told.sha256) or known.sha256 == told.sha256
    return right and same and (known.size is None or known.size == told.size)


def check_url(url: str) -> None:
    """Refuse addresses of another kind than the web's, and such with a password in them.

    Raises:
        InputError: It is no such address.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        good = good and url.isprintable() and " " not in url
    except ValueError:
        good = False
    if not good:
        raise InputError(f"{url}: expected an address that begins with https:// or http://")
    if parts.username is not None:
        raise InputError(f"https://...@{parts.hostname}: expected an address without a password")


def retry_after(headers: Message) -> float | None:
    """Give the seconds that a server asks to wait for, None where it does not."""
    seconds = number(headers["Retry-After"])
    return None if seconds is None else float(seconds)


def number(text: str | None) -> int | None:
    """Read a number out of a header; None where there is none."""
    return int(text) if text and text.isascii() and text.isdigit() else None


def _facts(headers: Message) -> dict[str, str]:
    return {name: headers[name] for name in _FACTS if headers[name]}
