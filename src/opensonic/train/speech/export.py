"""Trained weights to the ONNX file of the package, checked against PyTorch on the way."""

from __future__ import annotations

import hashlib
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from opensonic.errors import WeightsError
from opensonic.speech.mel import N_MELS
from opensonic.train.packing import HALF_FROM, store_in_half
from opensonic.train.speech.model import ExportedNetwork, SpeechNetwork

_LOG = logging.getLogger(__name__)
_TOLERANCE = 1e-3
_OPSET = 17


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
    import onnxruntime as ort

    network = ExportedNetwork(load_network(weights)).eval()
    for parameter in network.parameters():
        if parameter.numel() >= HALF_FROM:  # as the file will hold it
            parameter.data = parameter.data.half().float()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the exporter without extra packages
        torch.onnx.export(
            network,
            (torch.zeros(1, 400, N_MELS),),
            str(out),
            input_names=["rows"],
            output_names=["heard"],
            dynamic_axes={"rows": {1: "T"}, "heard": {0: "T"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load(out)
    store_in_half(model)
    onnx.save(model, out)
    rows = torch.randn(1, 242, N_MELS, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = network(rows).numpy()
    session = ort.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"rows": rows.numpy()})
    difference = float(np.abs(np.asarray(found) - expected).max())
    if difference > _TOLERANCE:
        raise WeightsError(
            f"{out}: differs from PyTorch by {difference:.2g}, expected at most {_TOLERANCE}; "
            "try other versions of torch and onnxruntime"
        )
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    _LOG.info("%s: %d bytes, sha256 %s", out, out.stat().st_size, digest)
    return digest
