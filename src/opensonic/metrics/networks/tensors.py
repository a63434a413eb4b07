"""Weights for networks that measure: read from safetensors, taken only where all fits."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from opensonic.errors import WeightsError

N = TypeVar("N", bound=nn.Module)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file as float32; a batch normalisation's counter is left out.

    Raises:
        WeightsError: It is no safetensors file.
    """
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: cannot be read as safetensors ({error})") from error
    kept = {n: t for n, t in tensors.items() if not n.endswith(".num_batches_tracked")}
    return {name: tensor.to(torch.float32) for name, tensor in kept.items()}


def load_strictly(network: N | None, tensors: dict[str, Tensor], path: Path, name: str) -> N:
    """Fill a network with tensors that are exactly its own.

    Args:
        network: The network; None where the file told no sizes.
        tensors: What the file holds.
        path: What messages name.
        name: What the network is called.

    Raises:
        WeightsError: The file holds more, less or other tensors.
    """
    if network is None:
        raise WeightsError(f"{path}: lacks tensors of {name}; expected its published weights")
    own = {n: t for n, t in network.state_dict().items() if not n.endswith(".num_batches_tracked")}
    wrong = sorted(own.keys() ^ tensors.keys())
    wrong += [n for n in own.keys() & tensors.keys() if own[n].shape != tensors[n].shape]
    if wrong:
        raise WeightsError(
            f"{path}: {wrong[0]} and {len(wrong) - 1} other tensors are not those of {name}; "
            "expected its published weights"
        )
    network.load_state_dict(tensors, strict=False)  # the counters alone are missing
    return network
