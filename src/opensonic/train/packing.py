"""How the training programs store networks: ONNX with its large constants in half precision."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

_OPSET = 17

HALF_FROM = 1024
"""Constants of at least this many numbers are stored in half precision."""


def store_in_half(model: onnx.ModelProto) -> None:
    """Keep large constants as float16 and cast them on loading; changes the model in place."""
    casts = []
    for constant in model.graph.initializer:
        values = numpy_helper.to_array(constant)
        if values.dtype != np.float32 or values.size < HALF_FROM:
            continue
        name = constant.name
        constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + ".half"))
        casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)


def round_as_stored(network: nn.Module) -> None:
    """Round the weights that a file will hold in half precision; changes the network in place."""
    for parameter in network.parameters():
        if parameter.numel() >= HALF_FROM:
            parameter.data = parameter.data.half().float()


def export_rows(
    network: nn.Module, out: Path, n_columns: int, *, names: tuple[str, str], output_axis: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Write a network that reads rows, (1, T, `n_columns`) to (R, D), as ONNX, and run the file.

    Args:
        network: In evaluation mode, its weights rounded by `round_as_stored`.
        out: The ONNX file.
        n_columns: Columns of its input.
        names: Of its input and of its output.
        output_axis: Name of R in the file: "T" where it is as long as the input.

    Returns:
        What the file and what PyTorch give for the same random rows, (R, D) each.
    """
    import onnxruntime as ort

    source, result = names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the exporter without extra packages
        warnings.simplefilter("ignore", UserWarning)  # constants that it does not fold
        torch.onnx.export(
            network,
            (torch.zeros(1, 400, n_columns),),
            str(out),
            input_names=[source],
            output_names=[result],
            dynamic_axes={source: {1: "T"}, result: {0: output_axis}},
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load(out)
    store_in_half(model)
    onnx.save(model, out)
    rows = torch.randn(1, 242, n_columns, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = network(rows).numpy()
    session = ort.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {source: rows.numpy()})
    return np.asarray(found, np.float32), expected
