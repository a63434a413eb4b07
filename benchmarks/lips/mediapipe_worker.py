"""Tracks the face of a video with MediaPipe: `python mediapipe_worker.py VIDEO OUT.npz`.

Runs in an interpreter of its own, for MediaPipe pins old versions of what OpenSonic uses. It needs
mediapipe 0.10 (with `solutions.face_mesh`) and nothing of OpenSonic.
"""

from __future__ import annotations

import sys

import cv2
import mediapipe
import numpy as np


def main() -> None:
    """Write `points` (T, 478, 3) float32, px, and `seen` (T,) bool."""
    video, out = sys.argv[1:]
    mesh = mediapipe.solutions.face_mesh.FaceMesh(max_num_faces=1, refine_landmarks=True)
    capture = cv2.VideoCapture(video)
    points, seen = [], []
    while True:
        there, frame = capture.read()
        if not there:
            break
        height, width = frame.shape[:2]
        faces = mesh.process(np.ascontiguousarray(frame[:, :, ::-1])).multi_face_landmarks
        seen.append(bool(faces))
        if faces:
            scale = (width, height, width)
            points.append(
                [(p.x * scale[0], p.y * scale[1], p.z * scale[2]) for p in faces[0].landmark]
            )
        else:
            points.append(points[-1] if points else [(0.0, 0.0, 0.0)] * 478)
    np.savez(out, points=np.array(points, np.float32), seen=np.array(seen, bool))


if __name__ == "__main__":
    main()
