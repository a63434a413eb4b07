"""How the training programs store networks: ONNX with its large constants in half precision."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

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
