"""The labelled faces: which rows may train what is shipped, and their pictures in memory.

The folder holds `mesh/*.jpg` (256 px square crops), `mesh_labels.npz` and `mesh_topology.npz`.
Sources of class A (made by generators under a free licence) and C (permissively licensed
repositories) may train; class B (non-commercial or unlicensed) is for information only.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

CLASS_A = ("faker", "sfhq_t2i", "sfhq", "flux")
CLASS_C = (
    *("liveportrait", "sadtalker", "echomimic", "hallo", "multitalk", "vhuman"),
    *("azure", "dlib", "facerec", "chandrika", "muxspace"),
)
TRAIN_SPLIT, VALIDATION_SPLIT = 0, 1


@dataclass(frozen=True, eq=False, kw_only=True)
class FaceRows:
    """Some rows of the label file with their pictures.

    Attributes:
        images: (N, 256, 256, 3) uint8 RGB.
        landmarks: (N, 478, 3) float32, px of the picture, z in the same scale.
        valid: (N, 4) float32, x0, y0, x1, y1 of the real pixels; beyond, the edge is repeated.
        sources: (N,) names of the sources.
        mouth_open: (N,) float32, inner-lip gap / mouth width.
        eye_open: (N, 2) float32, height / width of the eye that is more closed and of the other.
        yaw: (N,) float32, degrees.
    """

    images: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    valid: NDArray[np.float32]
    sources: NDArray[np.str_]
    mouth_open: NDArray[np.float32]
    eye_open: NDArray[np.float32]
    yaw: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)


def source_class(source: str, origin: str) -> str:
    """Return "A", "B" or "C"; a filtered ("stylised") row has the class of its first picture."""
    if source == "stylised":
        source = origin.split(":", 1)[0]
        return "A" if source in CLASS_A else "B"
    if source in CLASS_A:
        return "A"
    return "C" if source in CLASS_C else "B"


def read_faces(folder: Path, split: int, classes: str = "AC", every: int = 1) -> FaceRows:
    """Read the rows of a split whose source class is among `classes`.

    Args:
        folder: The folder of labelled faces.
        split: `TRAIN_SPLIT` or `VALIDATION_SPLIT`.
        classes: Letters of the accepted source classes.
        every: Take only one of so many rows.

    Returns:
        The rows, in the order of the label file.
    """
    with np.load(folder / "mesh_labels.npz", allow_pickle=False) as labels:
        table = {name: labels[name] for name in labels.files}
    sources = table["source_names"][table["source_id"]]
    allowed = [
        source_class(str(source), str(origin)) in classes
        for source, origin in zip(sources, table["origin"], strict=True)
    ]
    rows = np.flatnonzero((table["split"] == split) & np.array(allowed))[::every]
    images = np.stack([_read_picture(folder / "mesh" / str(table["names"][row])) for row in rows])
    return FaceRows(
        images=images,
        landmarks=table["landmarks"][rows].astype(np.float32),
        valid=table["valid"][rows],
        sources=sources[rows],
        mouth_open=table["mouth_open"][rows],
        eye_open=table["eye_open"][rows],
        yaw=table["pose"][rows, 0],
    )


def _read_picture(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"{path} is not a readable picture; check the folder of faces")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
