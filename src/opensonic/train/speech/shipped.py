"""A speech network read back from its ONNX file into PyTorch, so that training can go on from it.

The file holds the weights under the names of their modules, but for those of linear layers, which
the exporter turns over and calls after the node that multiplies with them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from opensonic.errors import WeightsError
from opensonic.speech.mel import N_MELS
from opensonic.train.speech.model import ExportedNetwork, SpeechNetwork
from opensonic.weights import open_file

_TOLERANCE = 1e-2
_ROWS = 242


def read_network(path: Path) -> SpeechNetwork:
    """Build the network that an ONNX file holds.

    Args:
        path: File written by `export.export_network`.

    Raises:
        WeightsError: The file is missing, damaged, or holds another kind of network.
    """
    session = open_file(path)
    try:
        graph = onnx.load(str(path)).graph
        weights, dilations = _read_weights(graph), _read_dilations(graph)
        network = SpeechNetwork(len(weights["norm.bias"]), dilations)
        network.load_state_dict(weights)
    except (KeyError, RuntimeError, ValueError) as error:
        raise WeightsError(
            f"{path}: is not a network that this version can train further "
            f"({str(error).splitlines()[0]}); take the file of the package"
        ) from error
    rows = torch.randn(1, _ROWS, N_MELS, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = ExportedNetwork(network).eval()(rows).numpy()
    (expected,) = session.run(None, {"rows": rows.numpy()})
    difference = float(np.abs(np.asarray(expected) - found).max())
    if difference > _TOLERANCE:
        raise WeightsError(
            f"{path}: read back into PyTorch it differs by {difference:.2g}, expected at most "
            f"{_TOLERANCE}; it was made by another version"
        )
    return network.eval()


def _read_weights(graph: onnx.GraphProto) -> dict[str, torch.Tensor]:
    constants: dict[str, Any] = {
        constant.name.removesuffix(".half"): numpy_helper.to_array(constant).astype(np.float32)
        for constant in graph.initializer
    }
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in constants:  # stored once if equal
            constants[node.output[0]] = constants[node.input[0]]
    weights = {name: constants[name] for name in constants if name.startswith("network.")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in constants:
            scope = node.name.strip("/").rsplit("/", 1)[0]
            weights[scope.replace("/", ".") + ".weight"] = constants[node.input[1]].T
    return {
        name.removeprefix("network."): torch.from_numpy(np.array(values))
        for name, values in weights.items()
    }


def _read_dilations(graph: onnx.GraphProto) -> tuple[int, ...]:
    dilations: dict[int, int] = {}
    for node in graph.node:
        block = re.fullmatch(r"/network/blocks\.(\d+)/mix/Conv", node.name)
        for attribute in node.attribute if block else ():
            if block and attribute.name == "dilations":
                dilations[int(block[1])] = attribute.ints[0]
    return tuple(dilations[place] for place in sorted(dilations))
