"""Finds a face in every picture of a stream: `python mediapipe_worker.py H W OUT.npz < PIXELS`.

Runs in an interpreter of its own, for MediaPipe pins old versions of what OpenSonic uses. It needs
mediapipe 0.10 (with `solutions.face_mesh`) and nothing of OpenSonic. Every picture is looked at
for itself, so that no smoothing over time hides a jump.
"""

from __future__ import annotations

import sys

import mediapipe
import numpy as np


def main() -> None:
    """Read (H, W, 3) uint8 RGB pictures; write `points` (T, 478, 2) float32, px.

    Points are not-a-number where no face is seen.
    """
    height, width, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    mesh = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True,
        max_num_faces=1,
        refine_landmarks=True,
        min_detection_confidence=0.3,
    )
    size = height * width * 3
    points = []
    while len(data := sys.stdin.buffer.read(size)) == size:
        picture = np.frombuffer(data, np.uint8).reshape(height, width, 3)
        faces = mesh.process(picture).multi_face_landmarks
        if faces:
            points.append([(p.x * width, p.y * height) for p in faces[0].landmark])
        else:
            points.append([(np.nan, np.nan)] * 478)
    np.savez(out, points=np.array(points, np.float32))


if __name__ == "__main__":
    main()
