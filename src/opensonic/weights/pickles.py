"""PyTorch's pickled checkpoints, read without running anything in them, and kept as safetensors.

`torch.load(weights_only=True)` builds tensors and plain containers only and refuses the rest. The
conversion is made once, beside the pickle or, where nothing can be put there, in the cache folder.
It remembers size, time and SHA-256 of its source, and is made anew when that changed. The pickle is
mapped, not read, and tensors are written one by one, so that memory stays small.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensonic.errors import WeightsError
from opensonic.weights.headers import read_header, write_header
from opensonic.weights.ledger import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

SAFE_SINCE = (2, 6)
"""PyTorch release since which `weights_only` can be relied on (CVE-2025-32434)."""

_DTYPES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
}
_SIZE, _TIME, _SHA256 = "source_size", "source_mtime_ns", "source_sha256"


@dataclass(frozen=True)
class Converted:
    """A pickle's tensors as safetensors.

    Attributes:
        path: The file.
        made: Whether it was made just now.
    """

    path: Path
    made: bool


def convert_pickle(
    path: Path,
    cache: Path,
    *,
    beside: bool = True,
    prefix: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> Converted:
    """Give a pickled checkpoint as safetensors; convert it where that was not yet done.

    Args:
        path: The pickle: .pth, .pkl, .pt or .bin.
        cache: Folder for the conversion where it cannot lie beside the pickle.
        beside: Whether it may lie beside it.
        prefix: Taken away from the front of every name that has it.
        say: Called with one line for the user when a conversion is made.

    Raises:
        WeightsError: PyTorch is missing or too old, the pickle is damaged or holds more than
            tensors, or the conversion cannot be written.
    """
    targets = conversions(path, cache, beside=beside)
    for target in targets:
        if is_fresh(target, path):
            return Converted(target, made=False)
    target = next((t for t in targets if _may_write(t)), targets[-1])
    say(f"{path.name} is a pickle; its tensors are copied once to {target}")
    _write(_load(path), target, path, prefix)
    return Converted(target, made=True)


def conversions(path: Path, cache: Path, *, beside: bool = True) -> list[Path]:
    """Give the places where a pickle's conversion may lie, the preferred one first.

    Args:
        path: The pickle.
        cache: Folder for what cannot lie beside its pickle.
        beside: Whether it may lie beside it.
    """
    key = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    kept = cache / "converted" / f"{path.stem}-{key}.safetensors"
    return [path.with_suffix(".safetensors"), kept] if beside else [kept]


def is_fresh(target: Path, source: Path) -> bool:
    """Tell whether a conversion is whole and belongs to the pickle as it is now.

    Same size and time are taken for the same file; with another time the contents decide.

    Args:
        target: The conversion.
        source: The pickle.
    """
    try:
        notes = read_header(target).notes
        state = source.stat()
    except (WeightsError, OSError):
        return False
    if notes.get(_SIZE) != str(state.st_size):
        return False
    return notes.get(_TIME) == str(state.st_mtime_ns) or notes.get(_SHA256) == sha256_of(source)


def _load(path: Path) -> dict[str, Tensor]:
    try:
        import torch
    except ImportError as error:
        raise WeightsError(
            f"{path}: is a pickle and PyTorch, which reads it, is missing; "
            "run: pip install 'opensonic[sonic]'"
        ) from error
    import pickle
    import warnings

    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < SAFE_SINCE:
        raise WeightsError(
            f"{path}: PyTorch {torch.__version__} does not read pickles safely; "
            f"expected {SAFE_SINCE[0]}.{SAFE_SINCE[1]} or newer: pip install -U torch"
        )
    try:
        with path.open("rb") as file:
            mapped = file.read(2) == b"PK"  # the older form cannot be mapped
        with warnings.catch_warnings():  # of pickles of a newer protocol
            warnings.simplefilter("ignore")
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: is damaged or holds more than numbers and could run a program, so it is not "
            f"opened ({_first_line(error)}); fetch it again from where the model is published"
        ) from error
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise WeightsError(
            f"{path}: is no whole PyTorch checkpoint ({_first_line(error)}); fetch it again"
        ) from error
    return _tensors_of(loaded, path)


def _tensors_of(loaded: Any, path: Path) -> dict[str, Tensor]:  # noqa: ANN401 - any file's contents
    import torch

    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if (
        not isinstance(loaded, dict)
        or not loaded
        or not all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in loaded.items())
    ):
        raise WeightsError(
            f"{path}: holds no table of tensors; expected a network's state_dict. "
            "Fetch it again from where the model is published"
        )
    return loaded


def _write(tensors: dict[str, Tensor], target: Path, source: Path, prefix: str) -> None:
    renamed = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    if len(renamed) < len(tensors):
        raise WeightsError(f"{source}: holds tensors both with and without {prefix!r}")
    entries = sorted(renamed.items(), key=lambda entry: (-entry[1].element_size(), entry[0]))
    described = [(name, _dtype(t, name, source), tuple(t.shape)) for name, t in entries]
    state = source.stat()
    notes = {
        "format": "pt",
        "source": source.name,
        _SIZE: str(state.st_size),
        _TIME: str(state.st_mtime_ns),
        _SHA256: sha256_of(source),
    }
    part = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            write_header(file, described, notes)
            for _, tensor in entries:
                file.write(_bytes(tensor))
        os.replace(part, target)  # noqa: PTH105 - over a file that is there, on Windows too
    except OSError as error:
        raise WeightsError(
            f"{target}: the tensors of {source.name} cannot be written there ({error.strerror}); "
            "make room or choose another folder"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _bytes(tensor: Tensor) -> memoryview:
    import torch

    flat = tensor.detach().contiguous().reshape(-1)
    if not flat.numel():
        return memoryview(b"")
    return flat.view(torch.uint8).numpy().data


def _dtype(tensor: Tensor, name: str, source: Path) -> str:
    known = _DTYPES.get(str(tensor.dtype).removeprefix("torch."))
    if known is None or str(tensor.layout) != "torch.strided":
        raise WeightsError(
            f"{source}: {name} is a {tensor.dtype} {tensor.layout} tensor; expected plain numbers"
        )
    return known


def _may_write(target: Path) -> bool:
    """Tell whether a conversion may be put there: never over a file that we did not make."""
    if not _can_write(target.parent):
        return False
    if not target.exists():
        return True
    try:
        return _SHA256 in read_header(target).notes
    except WeightsError:
        return False


def _can_write(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _first_line(error: Exception) -> str:
    words = str(error).strip().splitlines() or [type(error).__name__]
    return words[0][:160].rstrip(".:")
