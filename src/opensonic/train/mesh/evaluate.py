"""Measure the whole chain on validation faces: detector's box, all looks, lips and eyes.

    python -m opensonic.train.mesh.evaluate --faces DIR [--boxes simulated]

Error: mean flat distance of the points over the 3-D distance of the outer eye corners, in %.
Classes A and C decide; B is shown apart. A face that is not detected is counted, not measured.
"""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from opensonic.face.detect import Detection, FaceDetector
from opensonic.face.mesh import NETWORKS, FaceMesh
from opensonic.face.topology import EYE_CORNERS, EYE_MEASURE, LIPS
from opensonic.train.mesh.faces import VALIDATION_SPLIT, FaceRows, read_faces

log = logging.getLogger(__name__)

GROUPS = {"all": slice(None), "lips": list(LIPS), "eyes": list(EYE_MEASURE)}

Boxes = Callable[[int], Detection | None]


def point_errors(found: NDArray[np.floating], true: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the errors (all points, lips, eyes) of one face in % of its eye distance.

    Args:
        found: (478, 3) px.
        true: (478, 3) px.
    """
    right, left = true[list(EYE_CORNERS)]
    gaps = np.linalg.norm(found[:, :2] - true[:, :2], axis=1) / np.linalg.norm(left - right)
    return np.array([100 * gaps[group].mean() for group in GROUPS.values()])


def simulated_boxes(faces: FaceRows) -> Boxes:
    """Return boxes that are off as a detector's are, from the true landmarks."""
    rng = np.random.default_rng(0)

    def box(row: int) -> Detection:
        points = faces.landmarks[row, :, :2]
        low, high = points.min(axis=0), points.max(axis=0)
        side = float((high - low).max()) * float(np.exp(rng.normal() * 0.08))
        centre = (low + high) / 2 + rng.normal(size=2) * 0.05 * side
        corners = np.concatenate([centre - side / 2, centre + side / 2]).astype(np.float32)
        ends = faces.landmarks[row, [*EYE_CORNERS, 1, 13, 234, 454], :2]
        ends = (ends + rng.normal(size=(6, 2)) * 0.02 * side).astype(np.float32)
        return Detection(corners, ends, 1.0)

    return box


def detected_boxes(faces: FaceRows) -> Boxes:
    """Return what the real detector finds nearest the middle of each picture."""
    detector = FaceDetector()

    def box(row: int) -> Detection | None:
        middle = faces.landmarks[row, :, :2].mean(axis=0)
        found = detector.detect(faces.images[row])
        inside = [d for d in found if (d.box[:2] < middle).all() and (middle < d.box[2:]).all()]
        return inside[0] if inside else None

    return box


def measure_faces(
    faces: FaceRows, boxes: Boxes, mesh: FaceMesh, *, quick: bool
) -> NDArray[np.float64]:
    """Return (N, 3) errors in %; NaN where no face was found."""
    errors = np.full((len(faces), len(GROUPS)), np.nan)
    for row in range(len(faces)):
        detection = boxes(row)
        if detection is None:
            continue
        look = mesh.glance if quick else mesh.find
        found = look(faces.images[row], detection)
        errors[row] = point_errors(found.landmarks, faces.landmarks[row])
    return errors


def open_networks(folder: Path) -> dict[str, ort.InferenceSession]:
    """Open the four networks of a folder instead of the package's."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    return {
        name: ort.InferenceSession(str(folder / f"face_mesh_{name}.onnx"), options, providers)
        for name in NETWORKS
    }


def report(title: str, errors: NDArray[np.float64]) -> None:
    """Log the mean errors, their 95 % intervals and the misses."""
    seen = errors[~np.isnan(errors[:, 0])]
    if not len(seen):
        log.info("%-18s none of %d found", title, len(errors))
        return
    half = 1.96 * seen.std(axis=0) / len(seen) ** 0.5
    cells = "  ".join(
        f"{name} {mean:5.2f} ± {width:4.2f}"
        for name, mean, width in zip(GROUPS, seen.mean(axis=0), half, strict=True)
    )
    log.info("%-18s %4d faces, %d missed  %s", title, len(errors), len(errors) - len(seen), cells)


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="folder of labelled faces")
    parser.add_argument("--boxes", choices=("detector", "simulated"), default="detector")
    parser.add_argument("--quick", action="store_true", help="one pass, no refinement")
    parser.add_argument("--every", type=int, default=1, help="take one face of so many")
    parser.add_argument("--weights", type=Path, help="folder of face_mesh_*.onnx; default: ours")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    mesh = FaceMesh(sessions=open_networks(args.weights) if args.weights else None)
    for classes in ("AC", "B"):
        faces = read_faces(args.faces, VALIDATION_SPLIT, classes, args.every)
        make = detected_boxes if args.boxes == "detector" else simulated_boxes
        errors = measure_faces(faces, make(faces), mesh, quick=args.quick)
        report(f"class {'+'.join(classes)}", errors)
        for source in np.unique(faces.sources):
            report(f"  {source}", errors[faces.sources == source])


if __name__ == "__main__":
    main()
