import numpy as np
import pytest

from opensonic.face.topology import CANONICAL
from opensonic.post.sync.lips import FEATURES, N_FEATURES, lip_features
from opensonic.values import N_LANDMARKS

_TO_PICTURE = np.array([1, -1, -1], np.float32)


def _face() -> np.ndarray:
    points = np.zeros((N_LANDMARKS, 3), np.float32)
    points[: len(CANONICAL)] = CANONICAL * _TO_PICTURE
    return points


def _turn(yaw: float, pitch: float, roll: float) -> np.ndarray:
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_z @ about_x @ about_y).astype(np.float32)


def test_turned_and_scaled_heads_have_the_same_lips() -> None:
    straight = lip_features(_face())
    turned = lip_features(_face() @ _turn(0.4, -0.2, 0.3).T * 37 + 200)
    n_shape = FEATURES.index("yaw")
    np.testing.assert_allclose(turned[:n_shape], straight[:n_shape], atol=1e-4)
    assert np.abs(turned[n_shape:] - straight[n_shape:]).max() > 0.1


def test_opening_lips_and_jaw_are_seen() -> None:
    closed, opened = _face(), _face()
    lower = [13 + 1, 87, 317, 178, 402, 17, 84, 314, 152, 148, 377]
    opened[lower, 1] += 1.0
    change = dict(zip(FEATURES, lip_features(opened) - lip_features(closed), strict=True))
    unit = float(np.linalg.norm(CANONICAL[33] - CANONICAL[263]))
    assert change["gap"] == pytest.approx(1 / unit, rel=0.05)
    assert change["lower_inner_y"] == pytest.approx(-1 / unit, rel=0.05)
    assert change["chin_y"] == pytest.approx(-1 / unit, rel=0.05)
    assert abs(change["upper_inner_y"]) < 1e-4
    assert change["inner_area"] > 0


def test_one_row_of_the_stated_length() -> None:
    features = lip_features(_face())
    assert features.shape == (N_FEATURES,) and features.dtype == np.float32
