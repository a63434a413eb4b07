"""The networks of the published model as files that can be loaded: safetensors, published names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from opensonic.errors import WeightsError
from opensonic.weights.check import require_files, tensor_problem
from opensonic.weights.pickles import convert_pickle
from opensonic.weights.places import Found, cache_folder
from opensonic.weights.single_file import extract_network


def network_files(
    models_dir: Path | None = None, say: Callable[[str], None] = lambda _: None
) -> dict[str, Path]:
    """Give a safetensors file for each network of the model, under the names of the records.

    Files are looked for first, all of them, so that one error names whatever is missing. Then
    pickles and single files are copied into this form where that was not yet done.

    Args:
        models_dir: Folder to look in first.
        say: Called with one line for the user for each copy that is made.

    Raises:
        WeightsError: Files are missing, wrong or dangerous, or a copy cannot be written.
    """
    found = require_files(models_dir)
    return {name: _network_file(name, place, say) for name, place in found.items()}


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
