"""Weights for tests: of the published form, tiny or of full size, made up without chance."""

import math

import numpy as np

from opensonic.weights.check import OWN_SIZES
from opensonic.weights.expected_measuring import alexnet, inception, lpips, syncnet

ENDS = {  # sides that are not channels, and so keep their size
    "netcnnaud.0.weight": {1: 1},
    "netcnnlip.0.weight": {1: 3},
    "features.0.weight": {1: 3},
    "Conv2d_1a_3x3.conv.weight": {1: 3},
}


def narrow(shapes, part):
    """Divide all channels, but those of the input and single ones, by `part`."""
    narrowed = {}
    for name, shape in shapes.items():
        kept = ENDS.get(name, {})
        narrowed[name] = tuple(
            side if i > 1 or i in kept or side == 1 else max(side // part, 1)
            for i, side in enumerate(shape)
        )
    return narrowed


def made_up(shapes):
    """Fill tensors with cosines: weights of a size that keeps signals alive, variances near 1."""
    import torch

    tensors = {}
    for i, (name, shape) in enumerate(shapes.items()):
        size = math.prod(shape)
        wave = np.cos(np.arange(size) * (0.37 + 0.011 * (i % 7)) + i).reshape(shape)
        if name.endswith("running_var"):
            values = 1 + 0.2 * wave
        elif len(shape) > 1:
            values = wave * 2 / math.sqrt(math.prod(shape[1:]))
        elif name.endswith("weight"):
            values = 1 + 0.2 * wave
        else:
            values = 0.1 * wave
        tensors[name] = torch.from_numpy(np.asarray(values, np.float32))
    return tensors


def write(path, tensors):
    """Write a file of sizes of its own."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={OWN_SIZES: "tiny"})
    return path


def tiny_syncnet():
    return made_up(narrow(syncnet(), 16))


def tiny_inception():
    return made_up(narrow(inception(), 16))


def tiny_alexnet():
    return made_up(narrow(alexnet(), 16))


def tiny_lpips():
    return {name: tensor.abs() for name, tensor in made_up(narrow(lpips(), 16)).items()}


def write_i3d(path, n_features=6):
    """Write a TorchScript program that is called as I3D is."""
    import warnings

    import torch

    class Clips(torch.nn.Module):
        def forward(
            self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool
        ) -> torch.Tensor:
            means = x.mean(dim=(2, 3, 4))
            return torch.cat([means, x.std(dim=(2, 3, 4))], 1)

    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Clips()).save(str(path))
    return path


def write_embedder(path, raw=False):
    """Write an ONNX network that answers a face with its picture in 8 by 8 fields."""
    import onnx
    from onnx import TensorProto, helper

    nodes, name = [], "pixels"
    if raw:
        nodes += [helper.make_node("Sub", ["pixels", "mean"], ["centred"])]
        nodes += [helper.make_node("Mul", ["centred", "scale"], ["scaled"])]
        name = "scaled"
    nodes += [
        helper.make_node(
            "AveragePool", [name], ["fields"], kernel_shape=[14, 14], strides=[14, 14]
        ),
        helper.make_node("Flatten", ["fields"], ["embedding"]),
    ]
    shape = [1, 3, 112, 112]
    graph = helper.make_graph(
        nodes,
        "fields",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, 192])],
        [
            helper.make_tensor("mean", TensorProto.FLOAT, [1], [127.5]),
            helper.make_tensor("scale", TensorProto.FLOAT, [1], [1 / 127.5]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path
