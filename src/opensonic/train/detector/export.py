"""Write the trained detector as the ONNX file of the package.

    python -m opensonic.train.detector.export --weights detector.pt --out face_detector.onnx

Weights are stored in half precision (a cast in the file brings them back to single precision when
the network is opened), which halves the file and changes scores by less than 0.002.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import warnings
from pathlib import Path

import onnx
import torch

from opensonic.face.detect import STRIDES
from opensonic.train.detector.network import DetectorNetwork
from opensonic.train.packing import store_in_half

log = logging.getLogger(__name__)

OPSET = 17


def export(weights: Path, out: Path) -> str:
    """Convert a state dict to ONNX.

    Args:
        weights: File of `fit`.
        out: ONNX file to write.

    Returns:
        The SHA-256 of the file, in hexadecimal.
    """
    network = DetectorNetwork()
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.eval()
    names = [f"level{stride}" for stride in STRIDES]
    free = {2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, 320, 320),),
            str(out),
            dynamo=False,
            opset_version=OPSET,
            input_names=["picture"],
            output_names=names,
            dynamic_axes={"picture": free, **{n: {2: f"{n}_h", 3: f"{n}_w"} for n in names}},
        )
    model = onnx.load(out)
    store_in_half(model)
    onnx.checker.check_model(model)
    onnx.save(model, out)
    return hashlib.sha256(out.read_bytes()).hexdigest()


def main() -> None:
    """Parse the command line and export."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="detector.pt of the training")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    chosen = parser.parse_args()
    digest = export(chosen.weights, chosen.out)
    log.info("%s: %d bytes, SHA-256 %s", chosen.out, chosen.out.stat().st_size, digest)


if __name__ == "__main__":
    main()
