"""Trained weights to the ONNX file of the package, checked against PyTorch on the way."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import torch

from opensonic.errors import WeightsError
from opensonic.speech.mel import N_MELS
from opensonic.train.packing import export_rows, round_as_stored
from opensonic.train.speech.model import ExportedNetwork, SpeechNetwork

_LOG = logging.getLogger(__name__)
_TOLERANCE = 1e-3


def load_network(path: Path) -> SpeechNetwork:
    """Build the network with trained weights, ready to hear."""
    state = torch.load(path, weights_only=True)
    network = SpeechNetwork()
    network.load_state_dict(state)
    return network.eval()


def export_network(weights: Path, out: Path) -> str:
    """Write trained weights as ONNX: input `rows` (1, T, 64), T even; output `heard` (T, 46).

    Args:
        weights: PyTorch state dictionary.
        out: The ONNX file.

    Returns:
        The file's SHA-256, for its record in `opensonic.weights`.

    Raises:
        WeightsError: ONNX and PyTorch disagree.
    """
    network = ExportedNetwork(load_network(weights)).eval()
    round_as_stored(network)
    names = "rows", "heard"
    found, expected = export_rows(network, out, N_MELS, names=names, output_axis="T")
    difference = float(np.abs(found - expected).max())
    if difference > _TOLERANCE:
        raise WeightsError(
            f"{out}: differs from PyTorch by {difference:.2g}, expected at most {_TOLERANCE}; "
            "try other versions of torch and onnxruntime"
        )
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    _LOG.info("%s: %d bytes, sha256 %s", out, out.stat().st_size, digest)
    return digest
