"""The trained matcher as the two ONNX files of the package, checked against PyTorch on the way."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import torch
from torch import nn

from opensonic.errors import WeightsError
from opensonic.post.sync.lips import N_FEATURES
from opensonic.post.sync.match import N_INPUTS
from opensonic.train.packing import export_rows, round_as_stored
from opensonic.train.sync.network import blank_matcher

_LOG = logging.getLogger(__name__)
_TOLERANCE = 1e-2


class _First(nn.Module):
    """A branch that gives (T / 2, D) for one stretch."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.branch(rows)[0]


def export_matcher(weights: Path, folder: Path) -> None:
    """Write `sync_lips.onnx` and `sync_sound.onnx`: (1, T, C), T even, to (T / 2, D).

    Args:
        weights: `matcher.pt` of `fit`.
        folder: Where the files go.

    Raises:
        WeightsError: ONNX and PyTorch disagree.
    """
    matcher = blank_matcher()
    matcher.load_state_dict(torch.load(weights, weights_only=True))
    with torch.no_grad():  # the weight of the evidence goes into the branch of the sound
        for parameter in matcher.sound.trunk.last.parameters():
            parameter.mul_(torch.exp(matcher.log_weight))
    round_as_stored(matcher)
    branches = (
        ("sync_lips", matcher.lips, "features", N_FEATURES),
        ("sync_sound", matcher.sound, "columns", N_INPUTS),
    )
    for name, branch, input_name, n_columns in branches:
        _export(_First(branch).eval(), folder / f"{name}.onnx", input_name, n_columns)


def _export(branch: nn.Module, out: Path, input_name: str, n_columns: int) -> None:
    names = input_name, "evidence"
    found, expected = export_rows(branch, out, n_columns, names=names, output_axis="R")
    difference = float(np.abs(found - expected).max() / expected.std())
    if difference > _TOLERANCE:
        raise WeightsError(
            f"{out}: differs from PyTorch by {difference:.2g} of its spread, expected at most "
            f"{_TOLERANCE}; try other versions of torch and onnxruntime"
        )
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    _LOG.info("%s: %d bytes, sha256 %s", out, out.stat().st_size, digest)
