"""Published networks as files that can be loaded: safetensors with published names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from opensonic.errors import WeightsError
from opensonic.weights.check import check_contents, check_file, require_files, tensor_problem
from opensonic.weights.pickles import convert_pickle
from opensonic.weights.places import PLAIN, Found, cache_folder
from opensonic.weights.records import MODEL_FILES, REQUIRED
from opensonic.weights.single_file import extract_network


def network_files(
    models_dir: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    names: tuple[str, ...] = REQUIRED,
) -> dict[str, Path]:
    """Give a safetensors file for each network of the model, under the names of the records.

    Files are looked for first, all of them, so that one error names whatever is missing. Then
    pickles and single files are copied into this form where that was not yet done. Networks that
    the model can do without are given where they are there.

    Args:
        models_dir: Folder to look in first.
        say: Called with one line for the user for each copy that is made.
        names: Keys of `MODEL_FILES`: those that must be there.

    Raises:
        WeightsError: Files are missing, wrong or dangerous, or a copy cannot be written.
    """
    found = require_files(models_dir, names)
    return {name: _network_file(name, place, say) for name, place in found.items()}


def find_network(
    name: str,
    models_dir: Path | None = None,
    path: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Path | None:
    """Give one network as a file that can be loaded, or None where it is not on this machine.

    Args:
        name: Key of `MODEL_FILES`.
        models_dir: Folder to look in first.
        path: The file itself, taken on the user's word. One that is found, and holds a program
            rather than tensors, is held against its SHA-256.
        say: Called with one line for the user for a copy that is made.

    Raises:
        WeightsError: The file is wrong or dangerous, or a copy cannot be written.
    """
    if path is not None:
        return _named_file(Found(MODEL_FILES[name], path, path.parent, PLAIN), say)
    verdict = check_file(name, models_dir)
    found = verdict.found
    if found is None:
        return None
    if verdict.good and found.file.shapes is None:
        verdict = check_contents(verdict)
    if verdict.problem:
        raise WeightsError(f"{found.path}: {verdict.problem}")
    return _network_file(name, found, say)


def _named_file(found: Found, say: Callable[[str], None]) -> Path:
    """Give a file that the user named in the form that is loaded.

    Raises:
        WeightsError: It is missing or another network's.
    """
    if not found.path.is_file():
        raise WeightsError(f"{found.path}: no such file; expected the weights of {found.file.name}")
    if found.file.shapes and not found.is_pickle:
        if problem := tensor_problem(found.path, found.file):
            raise WeightsError(f"{found.path}: {problem}; it is had at {found.file.url}")
        return found.path
    return _network_file(found.file.name, found, say)


def _network_file(name: str, found: Found, say: Callable[[str], None]) -> Path:
    cache = cache_folder()
    if found.is_single:
        return extract_network(found.path, name, cache, say=say).path
    if not found.is_pickle:
        return found.path
    path = convert_pickle(
        found.path, cache, beside=found.is_ours, prefix=found.file.prefix, say=say
    ).path
    if problem := tensor_problem(path, found.file):
        raise WeightsError(f"{found.path}: {problem}; fetch it again from {found.file.url}")
    return path
