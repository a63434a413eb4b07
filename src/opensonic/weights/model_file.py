"""What is written down of a published file: where it is had, whose it is, what it must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from opensonic.weights.expected import Shapes

HUB = "https://huggingface.co"
"""Where the repositories lie."""
Purpose = Literal["sonic", "evaluate"]
"""What a file belongs to."""


@dataclass(frozen=True, kw_only=True)
class Licence:
    """Terms under which a file may be used.

    Attributes:
        name: Short name.
        url: Where its text stands.
        who: Who may use the file, in one line.
    """

    name: str
    url: str
    who: str


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One published file.

    Attributes:
        name: What commands and messages call it.
        use: What it is for.
        repository: Of the hub, `owner/name`.
        remote: Path in the repository.
        folder: Folder of our plain layout, the original's, that the repository's files lie in.
        comfy: Paths in ComfyUI's `models/` folder, and others that are met with.
        licence: Terms of use.
        others: More paths in the repository under which the same network is accepted.
        shapes: Gives the tensors that the file must hold; None where it holds none.
        spare: Beginnings of names that the file may hold besides.
        prefix: Of every tensor's name in the file as published, which is taken away.
        size: Bytes, None where the hub is asked.
        sha256: In hexadecimal, None where the hub is asked.
        purpose: What it belongs to: the Sonic model, or the measures of `opensonic evaluate`.
        optional: Whether what it belongs to works without it.
        instead: Names of the files that this one replaces.
    """

    name: str
    use: str
    repository: str
    remote: str
    folder: str = ""
    comfy: tuple[str, ...] = ()
    licence: Licence
    others: tuple[str, ...] = ()
    shapes: Callable[[], Shapes] | None = None
    spare: tuple[str, ...] = ()
    prefix: str = ""
    size: int | None = None
    sha256: str | None = None
    purpose: Purpose = "sonic"
    optional: bool = False
    instead: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """Where a person reads about the file's repository, and agrees to its terms."""
        return f"{HUB}/{self.repository}"

    @property
    def url(self) -> str:
        """Where the file is had."""
        return f"{self.page}/resolve/main/{self.remote}"

    @property
    def places(self) -> tuple[str, ...]:
        """Paths in the plain layout, the one that is fetched first."""
        root = f"{self.folder}/" if self.folder else ""
        return tuple(f"{root}{remote}" for remote in (self.remote, *self.others))

    @property
    def place(self) -> str:
        """Path in the plain layout."""
        return self.places[0]

    @property
    def is_pickle(self) -> bool:
        """Whether the published file is a pickle, which is converted before it is used."""
        return self.remote.endswith((".pth", ".pkl", ".model"))
