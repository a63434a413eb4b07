"""What makes a face the person's own, as a network for recognition sees it.

ArcFace (Deng et al., arXiv 1801.07698) and its kin: the face is turned and scaled so that eyes,
nose and corners of the mouth lie on five fixed points of a picture of 112 px; the direction of what
the network answers is the person. Any ONNX file of that form will do. Left out: names of persons;
faces of one video are compared with each other and nothing is kept.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.errors import WeightsError
from opensonic.face.crop import crop_image
from opensonic.face.topology import LEFT_IRIS, RIGHT_IRIS
from opensonic.metrics.networks.onnx_nodes import first_operations
from opensonic.values import Face
from opensonic.weights import open_file

SIZE = 112
"""Side of the picture that the network sees, px."""
TEMPLATE = (
    np.array(
        [
            [38.2946, 51.6963],
            [73.5318, 51.5014],
            [56.0252, 71.7366],
            [41.5493, 92.3655],
            [70.7299, 92.2041],
        ]
    )
    + 0.5
)
"""(5, 2) where eyes, tip of the nose and corners of the mouth lie, the picture's left first, px."""

_POINTS = (RIGHT_IRIS[0], LEFT_IRIS[0], 4, 61, 291)
_FIRST = 8


class FaceEmbedder:
    """Gives the direction of a face.

    Args:
        path: An ONNX file with one picture (1, 3, 112, 112) as its input. Files that subtract and
            scale by themselves get RGB of 0 to 255, others of -1 to 1, as InsightFace does.
        threads: CPU threads.

    Raises:
        WeightsError: The file is none such.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._session = open_file(path, threads)
        self._input = self._session.get_inputs()[0].name
        shape = self._session.get_inputs()[0].shape
        if len(self._session.get_inputs()) != 1 or list(shape[1:]) != [3, SIZE, SIZE]:
            raise WeightsError(
                f"{path}: takes pictures of the shape {shape}; expected one of 3 colours and "
                f"{SIZE} px, as ArcFace's"
            )
        self._raw = {"Sub", "Mul"} <= set(first_operations(path, _FIRST))

    def embed(self, image: npt.NDArray[np.uint8], face: Face) -> npt.NDArray[np.float32]:
        """Give the direction of one face.

        Args:
            image: (H, W, 3) uint8 RGB.
            face: The face, in pixels of the image.

        Returns:
            (D,) float32 of length 1.
        """
        crop = crop_image(image, align_face(face), SIZE).astype(np.float32)
        pixels = crop if self._raw else (crop - 127.5) / 127.5
        answer = self._session.run(None, {self._input: pixels.transpose(2, 0, 1)[None]})[0]
        direction = np.asarray(answer, np.float32).reshape(-1)
        return direction / max(float(np.linalg.norm(direction)), 1e-12)


def align_face(face: Face) -> npt.NDArray[np.float64]:
    """Give the similarity that brings a face's five points as near as can be to the template.

    Returns:
        (2, 3) float64, from px of the picture to px of the crop.
    """
    points = face.landmarks[list(_POINTS), :2].astype(np.float64)
    middle, target = points.mean(0), TEMPLATE.mean(0)
    a, b = points - middle, TEMPLATE - target
    size = max(float((a**2).sum()), 1e-12)
    cos = float((a * b).sum()) / size
    sin = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / size
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, target - linear @ middle])
