"""A drawn frontal face whose landmarks are known exactly."""

import cv2
import numpy as np
import pytest

from opensonic.engines.mesh.render import MeshRenderer
from opensonic.face import topology
from opensonic.values import Face, Portrait


def draw_portrait(size=320, e=80.0, middle=(160.0, 140.0), angle_deg=0.0, open_by=0.0):
    """Draw a face with closed lips, or lips parted by `open_by` e with white teeth."""
    model = topology.CANONICAL * np.array([1, -1, -1])
    model = model / np.linalg.norm(model[33] - model[263])
    iris = [model[list(eye)].mean(0) for eye in (topology.RIGHT_EYE, topology.LEFT_EYE)]
    rim = np.array([[0, 0, 0], [0.06, 0, 0], [0, -0.06, 0], [-0.06, 0, 0], [0, 0.06, 0]])
    points = np.vstack([model, iris[0] + rim, iris[1] + rim])
    upper, lower = topology.INNER_LIP_UPPER, topology.INNER_LIP_LOWER
    line = points[list(upper)] * 0.5 + points[list(lower)] * 0.5
    across = np.linspace(-1, 1, len(upper))
    half = np.outer(0.5 * open_by * (1 - across**2), [0, 1, 0])
    points[list(upper)], points[list(lower)] = line - half, line + half
    turn = np.deg2rad(angle_deg)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points[:, :2] = points[:, :2] @ spin.T
    landmarks = (points * e + [*middle, 0]).astype(np.float32)

    image = np.full((size, size, 3), 96, np.uint8)
    image[(np.indices((size, size)) // 8).sum(0) % 2 == 0] = 120

    def fill(indices, colour):
        ring = np.round(landmarks[list(indices), :2] * 16).astype(np.int32)
        cv2.fillPoly(image, [ring], colour, cv2.LINE_AA, 4)

    fill(topology.FACE_OVAL, (205, 160, 135))
    fill(topology.OUTER_LIPS, (175, 85, 85))
    if open_by:
        fill(topology.INNER_LIPS, (235, 230, 220))
    else:
        row = np.round(landmarks[list(upper), :2] * 16).astype(np.int32)
        cv2.polylines(image, [row], False, (70, 25, 25), 2, cv2.LINE_AA, 4)
    for eye, centre in ((topology.RIGHT_EYE, 468), (topology.LEFT_EYE, 473)):
        fill(eye, (240, 240, 240))
        shape = np.zeros((size, size), np.uint8)
        ring = np.round(landmarks[list(eye), :2] * 16).astype(np.int32)
        cv2.fillPoly(shape, [ring], 1, cv2.LINE_8, 4)
        disc = np.zeros((size, size), np.uint8)
        place = np.round(landmarks[centre, :2]).astype(int)
        cv2.circle(disc, (int(place[0]), int(place[1])), round(0.06 * e), 1, -1)
        image[(shape & disc) > 0] = (20, 40, 200)
    landmarks[:, :2] += (
        0.5  # a face counts from the corner of the first pixel, OpenCV from its centre
    )
    box = np.array([*landmarks[:, :2].min(0), *landmarks[:, :2].max(0)], np.float32)
    return Portrait(image, Face(box, landmarks, 1.0), "drawn")


@pytest.fixture(scope="session")
def drawn():
    return draw_portrait()


@pytest.fixture(scope="session")
def renderer(drawn):
    return MeshRenderer(drawn)


@pytest.fixture(scope="session")
def draw():
    return draw_portrait
