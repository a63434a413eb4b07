"""The trained matcher as the two ONNX files of the package, checked against PyTorch on the way."""

from __future__ import annotations

import hashlib
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from opensonic.errors import WeightsError
from opensonic.post.sync.lips import N_FEATURES
from opensonic.post.sync.match import N_INPUTS
from opensonic.train.packing import HALF_FROM, store_in_half
from opensonic.train.sync.network import blank_matcher

_LOG = logging.getLogger(__name__)
_TOLERANCE = 1e-2
_OPSET = 17


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
    for parameter in matcher.parameters():
        if parameter.numel() >= HALF_FROM:  # as the files will hold it
            parameter.data = parameter.data.half().float()
    branches = (
        ("sync_lips", matcher.lips, "features", N_FEATURES),
        ("sync_sound", matcher.sound, "columns", N_INPUTS),
    )
    for name, branch, input_name, n_columns in branches:
        _export(_First(branch).eval(), folder / f"{name}.onnx", input_name, n_columns)


def _export(branch: nn.Module, out: Path, input_name: str, n_columns: int) -> None:
    import onnxruntime as ort

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the exporter without extra packages
        warnings.simplefilter("ignore", UserWarning)  # constants that it does not fold
        torch.onnx.export(
            branch,
            (torch.zeros(1, 300, n_columns),),
            str(out),
            input_names=[input_name],
            output_names=["evidence"],
            dynamic_axes={input_name: {1: "T"}, "evidence": {0: "R"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load(out)
    store_in_half(model)
    onnx.save(model, out)
    rows = torch.randn(1, 242, n_columns, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = branch(rows).numpy()
    session = ort.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {input_name: rows.numpy()})
    difference = float(np.abs(np.asarray(found) - expected).max() / expected.std())
    if difference > _TOLERANCE:
        raise WeightsError(
            f"{out}: differs from PyTorch by {difference:.2g} of its spread, expected at most "
            f"{_TOLERANCE}; try other versions of torch and onnxruntime"
        )
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    _LOG.info("%s: %d bytes, sha256 %s", out, out.stat().st_size, digest)
