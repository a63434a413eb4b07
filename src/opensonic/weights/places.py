"""Where the files of the published model lie on this machine; the first hit wins.

Looked through in this order:

1. the folder that was named (`--models-dir`),
2. those of the environment variable `OPENSONIC_MODELS`,
3. the user's data folder, which `opensonic models pull` fills,
4. the cache of Hugging Face (`HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME`).

A folder of the first three may be laid out as the original's `checkpoints/` (which is ours too) or
as ComfyUI's `models/`, or hold one of these.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from opensonic.errors import InputError
from opensonic.weights.model_file import ModelFile
from opensonic.weights.records import MODEL_FILES

VARIABLE = "OPENSONIC_MODELS"
"""Environment variable with folders to look in."""


@dataclass(frozen=True)
class Found:
    """A file of the model on this machine.

    Attributes:
        file: Its record; that of the single file where one stands for the file that was asked for.
        path: Where it is.
        root: Folder that was looked in.
        layout: "plain", "ComfyUI" or "Hugging Face cache".
    """

    file: ModelFile
    path: Path
    root: Path
    layout: str

    @property
    def is_single(self) -> bool:
        """Whether it is a single file with several networks."""
        return bool(self.file.instead)

    @property
    def is_pickle(self) -> bool:
        """Whether it is converted before it is used."""
        return self.file.is_pickle and self.path.suffix != ".safetensors"

    @property
    def is_ours(self) -> bool:
        """Whether files may be put beside it: the cache of Hugging Face keeps its own order."""
        return self.layout != CACHE


PLAIN, COMFY, CACHE = "plain", "ComfyUI", "Hugging Face cache"


def find_file(name: str, models_dir: Path | None = None) -> Found | None:
    """Find a file of the model, or the single file that holds the same.

    Args:
        name: Key of `MODEL_FILES`.
        models_dir: Folder to look in first.

    Raises:
        InputError: No file is called so.
    """
    if name not in MODEL_FILES:
        raise InputError(f"no model file is called {name!r}; known: {', '.join(MODEL_FILES)}")
    wanted = [MODEL_FILES[name], *(f for f in MODEL_FILES.values() if name in f.instead)]
    roots = folders(models_dir)
    for file in wanted:
        for found in _candidates(file, roots):
            if found.path.is_file():
                return found
    return None


def folders(models_dir: Path | None = None) -> list[Path]:
    """Give the folders with models in the order in which they are looked through, without caches.

    Args:
        models_dir: Folder to look in first.
    """
    named = [models_dir] if models_dir else []
    told = [Path(p).expanduser() for p in os.environ.get(VARIABLE, "").split(os.pathsep) if p]
    return [*named, *told, data_folder() / "models"]


def pull_folder(models_dir: Path | None = None) -> Path:
    """Give the folder that fetched files go to: the first that is looked in.

    Args:
        models_dir: Folder that was named.
    """
    return folders(models_dir)[0]


def data_folder() -> Path:
    """Give the folder for this user's files of OpenSonic, as the platform wants it."""
    return _user_folder("XDG_DATA_HOME", ".local/share", "Application Support")


def cache_folder() -> Path:
    """Give the folder for files of OpenSonic that can be made again."""
    root = _user_folder("XDG_CACHE_HOME", ".cache", "Caches")
    return root / "cache" if sys.platform == "win32" else root


def hub_cache() -> Path:
    """Give the cache folder of Hugging Face, found as its own library finds it."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if value := os.environ.get(variable):
            return Path(value).expanduser()
    return hub_home() / "hub"


def hub_home() -> Path:
    """Give the folder of Hugging Face's own files."""
    if value := os.environ.get("HF_HOME"):
        return Path(value).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches).expanduser() if caches else Path.home() / ".cache") / "huggingface"


def _user_folder(variable: str, linux: str, mac: str) -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "opensonic"
    if sys.platform == "darwin":
        return Path.home() / "Library" / mac / "opensonic"
    value = os.environ.get(variable)
    return (Path(value) if value else Path.home() / linux) / "opensonic"


def _candidates(file: ModelFile, roots: list[Path]) -> Iterator[Found]:
    for root in roots:
        for inner in (root, root / "checkpoints", root / "models"):
            for layout, places in ((PLAIN, file.places), (COMFY, file.comfy)):
                for place in places:
                    path = inner / place
                    yield Found(file, path, root, layout)
                    if file.is_pickle:  # converted, and the pickle deleted to save room
                        yield Found(file, path.with_suffix(".safetensors"), root, layout)
    cache = hub_cache()
    for snapshot in _snapshots(cache / f"models--{file.repository.replace('/', '--')}"):
        for remote in (file.remote, *file.others):
            yield Found(file, snapshot / remote, cache, CACHE)


def _snapshots(repository: Path) -> Iterator[Path]:
    """Give the snapshots of a repository, that of its main branch first, then the newest."""
    kept = repository / "snapshots"
    with suppress(OSError, ValueError):
        yield kept / (repository / "refs" / "main").read_text(encoding="utf-8").strip()
    try:
        yield from sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return
