"""The 478 points of the face mesh: MediaPipe's public topology (Apache-2.0).

Points 0-467 are the canonical face, 468-472 the person's right iris (centre, then four rim points),
473-477 the left iris. "Right" and "left" are the person's own. Lists follow the contour in order.
"""

from pathlib import Path

import numpy as np

N_POINTS = 478

OUTER_LIP_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
OUTER_LIP_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
INNER_LIP_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
INNER_LIP_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
"""Each from the right corner to the left corner of the mouth, both corners included."""

OUTER_LIPS = OUTER_LIP_LOWER + OUTER_LIP_UPPER[-2:0:-1]
INNER_LIPS = INNER_LIP_LOWER + INNER_LIP_UPPER[-2:0:-1]
"""Closed rings of 20 points: along the lower lip, then back along the upper lip."""

LIPS = OUTER_LIPS + INNER_LIPS

RIGHT_EYE_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133)
RIGHT_EYE_UPPER = (33, 246, 161, 160, 159, 158, 157, 173, 133)
LEFT_EYE_LOWER = (263, 249, 390, 373, 374, 380, 381, 382, 362)
LEFT_EYE_UPPER = (263, 466, 388, 387, 386, 385, 384, 398, 362)
"""Each from the outer to the inner corner of the eye, both corners included."""

RIGHT_EYE = RIGHT_EYE_LOWER + RIGHT_EYE_UPPER[-2:0:-1]
LEFT_EYE = LEFT_EYE_LOWER + LEFT_EYE_UPPER[-2:0:-1]
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
RIGHT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)

CHIN = 152
FOREHEAD = 10

FACE_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""Closed ring, from the middle of the forehead down the person's left side and up the right."""

EYE_CORNERS = (33, 263)
"""The outer corners of the right and the left eye; their distance is a face's unit of length."""

EYE_MEASURE = (33, 133, 159, 145, 362, 263, 386, 374)
"""The eight points over which the error of the eyes is measured."""

with np.load(Path(__file__).with_name("mesh_topology.npz"), allow_pickle=False) as _table:
    FLIP = _table["flip"]
    """(478,) int32: index of each point's mirror partner."""
    TRIANGLES = _table["triangles"]
    """(n, 3) int32: triangles over points 0-467, counter-clockwise in the picture; mouth open."""
    CANONICAL = _table["canonical"]
    """(468, 3) float32: MediaPipe's canonical face, cm, x picture's right, y up, z forward."""
    LIPS_REGION, LIPS_WEIGHT = _table["lips_region"], _table["lips_weight"]
    EYE_REGION, EYE_WEIGHT = _table["eye_region"], _table["eye_weight"]
    """Points that the networks of the lips and of the right eye place (int32), and how much they
    count there (float32, 1 on the part, falling to 0 around it)."""
