"""PyTorch's pickled checkpoints, read without running anything in them, and kept as safetensors.

`torch.load(weights_only=True)` builds tensors and plain containers only and refuses the rest. The
copy is made once (`conversion`); the pickle is mapped, not read, so that memory stays small.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensonic.errors import WeightsError
from opensonic.weights.conversion import (
    Converted,
    Described,
    choose_target,
    conversions,
    find_fresh,
    write_copy,
)

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
    if fresh := find_fresh(targets, path):
        return Converted(fresh, made=False)
    target = choose_target(targets)
    say(f"{path.name} is a pickle; its tensors are copied once to {target}")
    entries = _entries(_load(path), path, prefix)
    write_copy(target, path, [entry for entry, _ in entries], (_bytes(t) for _, t in entries))
    return Converted(target, made=True)


def describe_pickle(path: Path, prefix: str = "") -> list[Described]:
    """Tell the tensors of a pickled checkpoint without running anything in it.

    Args:
        path: The pickle.
        prefix: Taken away from the front of every name that has it.

    Raises:
        WeightsError: PyTorch is missing or too old, or the pickle is damaged or holds more than
            tensors.
    """
    return [told for told, _ in _entries(_load(path), path, prefix)]


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
            f"opened ({_refusal(error)}); fetch it again from where the model is published"
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


def _entries(
    tensors: dict[str, Tensor], source: Path, prefix: str
) -> list[tuple[Described, Tensor]]:
    renamed = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    if len(renamed) < len(tensors):
        raise WeightsError(f"{source}: holds tensors both with and without {prefix!r}")
    entries = sorted(renamed.items(), key=lambda entry: (-entry[1].element_size(), entry[0]))
    return [(Described(n, _dtype(t, n, source), tuple(t.shape)), t) for n, t in entries]


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


def _refusal(error: Exception) -> str:
    """Give what PyTorch found; its other lines advise to open the file all the same."""
    found = re.search(r"unsupported (?:[^.\n]|\.(?=\S))*", str(error), re.IGNORECASE)
    return found[0][:160] if found else "PyTorch refuses it"


def _first_line(error: Exception) -> str:
    words = str(error).strip().splitlines() or [type(error).__name__]
    return words[0][:160].rstrip(".:")
