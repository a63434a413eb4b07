import numpy as np

from opensonic.face import topology as t


def test_flip_is_its_own_inverse_and_swaps_the_sides():
    assert np.array_equal(t.FLIP[t.FLIP], np.arange(t.N_POINTS))
    for right, left in [
        (t.RIGHT_EYE_LOWER, t.LEFT_EYE_LOWER),
        (t.RIGHT_EYE_UPPER, t.LEFT_EYE_UPPER),
        (t.RIGHT_BROW, t.LEFT_BROW),
    ]:
        assert np.array_equal(t.FLIP[list(right)], left)
    assert t.FLIP[t.RIGHT_IRIS[0]] == t.LEFT_IRIS[0]


def test_flip_fits_the_canonical_face():
    mirrored = t.CANONICAL[t.FLIP[:468]] * [-1, 1, 1]

    assert np.abs(mirrored - t.CANONICAL).max() < 0.2


def test_lip_lines_run_from_the_right_to_the_left_corner():
    for line in (t.OUTER_LIP_UPPER, t.OUTER_LIP_LOWER, t.INNER_LIP_UPPER, t.INNER_LIP_LOWER):
        assert len(line) == 11
        assert (np.diff(t.CANONICAL[list(line), 0]) > 0).all()
        assert np.array_equal(t.FLIP[list(line)], line[::-1])
    for upper, lower in [
        (t.OUTER_LIP_UPPER, t.OUTER_LIP_LOWER),
        (t.INNER_LIP_UPPER, t.INNER_LIP_LOWER),
    ]:
        assert (t.CANONICAL[upper[5], 1] >= t.CANONICAL[lower[5], 1]).all()


def test_rings_have_no_point_twice():
    for ring, length in [
        (t.OUTER_LIPS, 20),
        (t.INNER_LIPS, 20),
        (t.LIPS, 40),
        (t.RIGHT_EYE, 16),
        (t.LEFT_EYE, 16),
        (t.FACE_OVAL, 36),
    ]:
        assert len(ring) == len(set(ring)) == length


def test_triangles_cover_the_face_but_not_the_open_mouth():
    used = np.unique(t.TRIANGLES)
    assert np.array_equal(used, np.arange(468))
    assert not np.isin(t.TRIANGLES, t.INNER_LIPS).all(axis=1).any()
    edges = np.sort(t.TRIANGLES[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 2
    inner = list(zip(t.INNER_LIPS, (*t.INNER_LIPS[1:], t.INNER_LIPS[0]), strict=True))
    rim = {tuple(edge) for edge in np.sort(np.array(inner), axis=1)}
    border = {tuple(edge) for edge in np.unique(edges, axis=0)[counts == 1]}
    assert rim <= border


def test_regions_hold_their_part_fully():
    for region, weight, part in [
        (t.LIPS_REGION, t.LIPS_WEIGHT, t.LIPS),
        (t.EYE_REGION, t.EYE_WEIGHT, (*t.RIGHT_EYE, *t.RIGHT_BROW, *t.RIGHT_IRIS)),
    ]:
        assert len(region) == len(weight)
        assert ((weight > 0) & (weight <= 1)).all()
        assert (weight[np.isin(region, part)] == 1).all()
        assert np.isin(part, region).all()
