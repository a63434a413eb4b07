"""Write `face/mesh_topology.npz`: mirror partners, triangles, regions of the part networks.

    python -m opensonic.train.mesh.make_topology --faces DIR

The triangles are a Delaunay triangulation of the mean open-mouthed frontal face, without those that
span the mouth's opening.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from opensonic.face.topology import INNER_LIPS, LIPS, RIGHT_BROW, RIGHT_EYE, RIGHT_IRIS

OUTPUT = Path(__file__).parents[2] / "face" / "mesh_topology.npz"
INNER_REACH, OUTER_REACH = 0.06, 0.22
"""Distances from a part, in eye distances, up to which its network counts fully and at all."""


def mean_open_face(faces: Path, flip: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return (468, 2): mean of frontal open-mouthed class A faces of the train split, e = 1.

    It is made symmetric, so that the regions are.
    """
    with np.load(faces / "mesh_labels.npz", allow_pickle=False) as table:
        names, source = table["source_names"], table["source_id"]
        allowed = np.isin(names[source], ("sfhq_t2i", "sfhq")) & (table["split"] == 0)
        frontal = (np.abs(table["pose"]) < 12).all(axis=1) & (table["mouth_open"] > 0.3)
        points = table["landmarks"][allowed & frontal, :468, :2].astype(np.float64)
    points -= (points[:, [33]] + points[:, [263]]) / 2
    points /= np.linalg.norm(points[:, 263] - points[:, 33], axis=1)[:, None, None]
    mean = points.mean(axis=0)
    return np.asarray((mean + mean[flip[:468]] * [-1, 1]) / 2)


def face_triangles(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Triangulate (468, 2) points, y down, and leave the mouth open."""
    triangles: NDArray[np.int32] = Delaunay(points).simplices.astype(np.int32)
    inside_mouth = np.isin(triangles, INNER_LIPS).all(axis=1)
    triangles = triangles[~inside_mouth]
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    first, second = b - a, c - a
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    triangles[area > 0] = triangles[area > 0][:, ::-1]
    return triangles


def part_region(
    points: NDArray[np.float64], part: tuple[int, ...], extra: tuple[int, ...] = ()
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the points near a part and how far the part's network counts for each, 0 to 1."""
    gaps = np.linalg.norm(points[:, None] - points[None, list(part)], axis=2).min(axis=1)
    weight = np.clip((OUTER_REACH - gaps) / (OUTER_REACH - INNER_REACH), 0, 1)
    near = np.flatnonzero(weight > 0)
    region = np.concatenate([near, np.array(extra, np.int64)]).astype(np.int32)
    return region, np.concatenate([weight[near], np.ones(len(extra))]).astype(np.float32)


def main() -> None:
    """Read the label files and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="folder of labelled faces")
    folder = parser.parse_args().faces
    with np.load(folder / "mesh_topology.npz", allow_pickle=False) as table:
        flip, canonical = table["flip"], table["canonical"]
    points = mean_open_face(folder, flip)
    lips_region, lips_weight = part_region(points, LIPS)
    eye_region, eye_weight = part_region(points, RIGHT_EYE + RIGHT_BROW, RIGHT_IRIS)
    np.savez_compressed(
        OUTPUT,
        flip=flip.astype(np.int32),
        canonical=canonical.astype(np.float32),
        triangles=face_triangles(points),
        lips_region=lips_region,
        lips_weight=lips_weight,
        eye_region=eye_region,
        eye_weight=eye_weight,
    )


if __name__ == "__main__":
    main()
