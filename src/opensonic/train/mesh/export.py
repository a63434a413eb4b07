"""Write a trained network of the face mesh as ONNX, weights stored in half precision.

    python -m opensonic.train.mesh.export --network fine --weights fine.pt

The file computes in float32. It is compared with the PyTorch network before it is kept; the SHA-256
that is printed belongs into `opensonic.weights`.
"""

import argparse
import hashlib
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch

from opensonic.train.mesh.network import PointNetwork
from opensonic.train.mesh.tasks import TASKS
from opensonic.train.packing import store_in_half

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parents[2] / "face"
TOLERANCE = 2e-3
"""Largest difference to PyTorch, in sides of the crop; half precision gives about 3e-4."""


def export_network(network: PointNetwork, path: Path) -> float:
    """Write a network; input `crop` (N, S, S, 3) uint8, output `points` (N, P, 3) float32.

    Args:
        network: Trained network.
        path: ONNX file to write.

    Returns:
        Largest difference to PyTorch on random pictures, in sides of the crop.

    Raises:
        ValueError: The difference is above the tolerance.
    """
    network = network.eval()
    size = network.shape.size
    crops = torch.randint(0, 256, (3, size, size, 3), dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own successor
        plain = Path(folder) / "plain.onnx"
        torch.onnx.export(
            network,
            (crops,),
            str(plain),
            input_names=["crop"],
            output_names=["points"],
            dynamic_axes={"crop": {0: "N"}, "points": {0: "N"}},
            opset_version=17,
            dynamo=False,
        )
        model = onnx.load(str(plain))
    store_in_half(model)
    onnx.checker.check_model(model)
    packed = model.SerializeToString()
    session = ort.InferenceSession(packed, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        wanted = network(crops).numpy()
    gap = float(np.abs(session.run(None, {"crop": crops.numpy()})[0] - wanted).max())
    if gap > TOLERANCE:
        raise ValueError(f"ONNX differs from PyTorch by {gap:.2g} sides; expected {TOLERANCE}")
    path.write_bytes(packed)
    return gap


def main() -> None:
    """Read the arguments, export, print the size and the SHA-256."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=TASKS, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="file written by fit (.pt)")
    parser.add_argument("--out", type=Path, help="default: beside the code that loads it")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    network = PointNetwork(TASKS[args.network].shape)
    network.load_state_dict(torch.load(args.weights, weights_only=True))
    path = args.out or FOLDER / f"face_mesh_{args.network}.onnx"
    gap = export_network(network, path)
    packed = path.read_bytes()
    digest = hashlib.sha256(packed).hexdigest()
    log.info("%s: %d bytes, sha256 %s, within %.1g sides", path.name, len(packed), digest, gap)


if __name__ == "__main__":
    main()
