"""Measure the face detector on the validation pictures, as the user meets it (all passes, NMS).

    python -m opensonic.train.detector.evaluate --faces DIR [--weights FILE.onnx]

A labelled face counts as found when a detection overlaps it with IoU > 0.4; a detection is false
when it matches neither a labelled face nor an ignore box in that way. Boxes are the squares of the
scene labels. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import logging
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from opensonic.face.detect import Detection, FaceDetector
from opensonic.train.detector.data import (
    MESH_SOURCES_B,
    TRAINING_SOURCES,
    Picture,
    load_crops,
    load_scenes,
)
from opensonic.train.detector.sample import corners

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]

MIN_IOU = 0.4
GATE_PX = 40.0
SMALL_PX = 24.0
_Z = 1.96


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927), as two numbers between 0 and 1."""
    if trials == 0:
        return 0.0, 1.0
    share, spread = hits / trials, _Z**2 / trials
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def iou_matrix(first: Floats, second: Floats) -> Floats:
    """Intersection over union of (N, 4) and (M, 4) xyxy boxes: (N, M)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    return np.asarray(common / (areas[0][:, None] + areas[1][None] - common), np.float32)


def judge(picture: Picture, found: list[Detection]) -> tuple[Counter[str], list[float]]:
    """Compare the detections of one picture with its labels.

    Returns:
        Counts (`pictures`, `faces`, `found`, `small`, `small_found`, `false`, `spoiled`) and the
        mean key point errors of the faces found, in shares of the box side.
    """
    counts = Counter(pictures=1)
    errors = []
    boxes = np.array([d.box for d in found], np.float32).reshape(-1, 4)
    truth = iou_matrix(corners(picture.faces), boxes)
    free = set(range(len(found)))
    for k, face in enumerate(picture.faces):
        best = max(free, key=lambda j: truth[k, j], default=None)
        hit = best is not None and truth[k, best] > MIN_IOU
        if face[2] > GATE_PX:
            counts.update(faces=1, found=int(hit))
        elif face[2] > SMALL_PX:
            counts.update(small=1, small_found=int(hit))
        if hit and best is not None:
            free.discard(best)
            away = np.linalg.norm(found[best].keypoints - face[3:].reshape(6, 2), axis=1)
            errors.append(float(away.mean() / face[2]))
    excused = iou_matrix(picture.ignore, boxes)
    false = sum(1 for j in free if not (excused[:, j] > MIN_IOU).any())
    counts.update({"false": false, "spoiled": int(false > 0)})
    return counts, errors


def _ratio(hits: int, trials: int) -> str:
    if not trials:
        return "none there"
    low, high = wilson(hits, trials)
    return f"{hits}/{trials} = {hits / trials:.1%} [{low:.1%}, {high:.1%}]"


def report_scenes(detector: FaceDetector, title: str, scenes: Iterable[Picture]) -> Counter[str]:
    """Measure a group of scenes and log one paragraph."""
    total: Counter[str] = Counter()
    errors: list[float] = []
    for picture in scenes:
        counts, away = judge(picture, detector.detect(picture.image()))
        total.update(counts)
        errors += away
        if counts["false"] or counts["found"] < counts["faces"]:
            missed = counts["faces"] - counts["found"]
            log.debug("  %s: %d missed, %d false", picture.name, missed, counts["false"])
    low, high = wilson(total["spoiled"], total["pictures"])
    log.info(
        "%s: %d pictures\n  faces > %d px found: %s\n  faces %d to %d px found: %s\n"
        "  false: %d = %.1f per 100 pictures; pictures with one: %d [%.1f %%, %.1f %%]\n"
        "  key points: mean error %.1f %% of the box side",
        title, total["pictures"], GATE_PX, _ratio(total["found"], total["faces"]),
        SMALL_PX, GATE_PX, _ratio(total["small_found"], total["small"]),
        total["false"], 100 * total["false"] / max(1, total["pictures"]), total["spoiled"],
        100 * low, 100 * high, 100 * float(np.mean(errors)) if errors else float("nan"),
    )  # fmt: skip
    return total


def cut_view(picture: Picture, share: float, angle_deg: float, size: int = 256) -> Picture:
    """Cut a square out of a crop so that its face fills `share` of it, turned by an angle."""
    cx, cy, side = (float(v) for v in picture.faces[0, :3])
    matrix = np.array(cv2.getRotationMatrix2D((cx, cy), angle_deg, share * size / side))
    matrix[:, 2] = matrix[:, 2] + (size / 2 - cx, size / 2 - cy)
    view = cv2.warpAffine(
        picture.image(), matrix, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    encoded = np.asarray(cv2.imencode(".png", view[:, :, ::-1])[1], np.uint8).reshape(-1)
    points = picture.faces[0, 3:].reshape(6, 2) @ matrix[:, :2].T + matrix[:, 2]
    face = np.concatenate([[size / 2, size / 2, share * size], points.reshape(-1)])
    edge = float(size)
    row = face[None].astype(np.float32)
    return Picture(encoded, row, picture.ignore, (0, 0, edge, edge), picture.source, picture.name)


def report_views(detector: FaceDetector, title: str, crops: list[Picture]) -> None:
    """Measure close-ups and turned heads cut from validation crops."""
    for share, angle_deg in ((0.3, 0), (0.6, 0), (0.9, 0), (1.05, 0), (0.5, 30), (0.5, -30)):
        views = [cut_view(picture, share, angle_deg) for picture in crops]
        total: Counter[str] = Counter()
        for view in views:
            total.update(judge(view, detector.detect(view.image()))[0])
        log.info(
            "%s, face %.0f %% of the frame, turned %d degrees: found %s; false %d",
            title, 100 * share, angle_deg, _ratio(total["found"], total["faces"]), total["false"],
        )  # fmt: skip


def evaluate(detector: FaceDetector, faces: Path) -> dict[str, Counter[str]]:
    """Measure on the validation split of a faces folder; logs, and returns the scene counts."""
    scenes = load_scenes(faces, "val", every_source=True)
    allowed = [p for p in scenes if p.source in TRAINING_SOURCES]
    other = [p for p in scenes if p.source not in TRAINING_SOURCES]
    groups = {"classes A and C": allowed, "class B": other, "all": scenes}
    totals = {title: report_scenes(detector, title, group) for title, group in groups.items()}
    report_views(detector, "crops A and C", load_crops(faces, 1))
    report_views(detector, "crops B (drawn)", load_crops(faces, 1, MESH_SOURCES_B))
    return totals


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="folder of labelled faces")
    parser.add_argument("--weights", type=Path, help="ONNX file in place of the package's own")
    parser.add_argument("--verbose", action="store_true", help="name the pictures with errors")
    chosen = parser.parse_args()
    level = logging.DEBUG if chosen.verbose else logging.INFO
    logging.basicConfig(level=level, format="%(message)s")
    session = None
    if chosen.weights:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(
            chosen.weights.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    evaluate(FaceDetector(session=session), chosen.faces)


if __name__ == "__main__":
    main()
