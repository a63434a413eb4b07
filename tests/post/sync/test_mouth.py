import cv2
import numpy as np
import pytest

from opensonic.face.topology import CANONICAL, INNER_LIPS, N_POINTS, OUTER_LIPS
from opensonic.post.sync.mouth import Mouth, find_mouth, place_mouth
from opensonic.post.sync.retime import Retimer
from opensonic.values import Chunk

SKIN, LIP, DARK = (200, 160, 140), (180, 60, 70), (20, 10, 10)


def face(gap, x=128.0):
    """Landmarks of a face at 256 px whose lower lip hangs `gap` px lower."""
    points = np.zeros((N_POINTS, 3), np.float32)
    points[:468] = CANONICAL * (12, -12, -12)
    points += (x, 128, 0)
    for ring in (INNER_LIPS, OUTER_LIPS):
        points[list(ring[1:10]), 1] += gap * np.hanning(11)[1:10].astype(np.float32)
    return points


def drawn(points):
    image = np.full((256, 256, 3), SKIN, np.uint8)
    for ring, colour in ((OUTER_LIPS, LIP), (INNER_LIPS, DARK)):
        places = np.round((points[list(ring), :2] - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(image, [places], colour, cv2.LINE_AA, shift=4)
    return image


def darkness(image):
    """Rows that are seen between the lips, in the middle."""
    column = image[:, 128].astype(float).sum(axis=1)
    return float(((column < 200) * 1.0).sum())


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
@pytest.mark.parametrize(("first", "second"), [(2, 14), (14, 2)])
def test_lips_stand_where_they_would_be(first, second, share):
    both = face(first), face(second)
    frames = drawn(both[0]), drawn(both[1])
    wanted = drawn((1 - share) * both[0] + share * both[1])
    made = frames[share > 0.5].copy()
    nearer = abs(darkness(made) - darkness(wanted))
    place_mouth(made, frames, (find_mouth(both[0]), find_mouth(both[1])), share)
    assert abs(darkness(made) - darkness(wanted)) <= 1 < nearer
    assert np.array_equal(made[:120], frames[0][:120])


def test_one_mouth_without_ghosts():
    both = face(4), face(14)
    frames = drawn(both[0]), drawn(both[1])
    made = frames[0].copy()
    place_mouth(made, frames, (find_mouth(both[0]), find_mouth(both[1])), 0.5)
    reds = made[..., 1][:, 128] < 100  # lip, dark, lip: one stretch without skin
    assert np.count_nonzero(np.diff(reds.astype(int)) == 1) == 1


@pytest.mark.parametrize(
    "other",
    [find_mouth(face(10), shot=1), find_mouth(face(10, x=190)), find_mouth(face(0))],
    ids=["after a cut", "far away", "at rest"],
)
def test_nothing_is_bent(other):
    made = drawn(face(0))
    before = made.copy()
    place_mouth(made, (before, drawn(face(10))), (find_mouth(face(0)), other), 0.5)
    assert np.array_equal(made, before)


def test_at_the_edge_of_the_picture():
    frame = drawn(face(3))[:190, :130].copy()
    mouths = tuple(find_mouth(face(gap)) for gap in (3, 9))
    place_mouth(frame, (frame.copy(), frame.copy()), mouths, 0.5)
    outside = tuple(
        Mouth(mouth.points + np.float32(500), mouth.e, mouth.gap, 0) for mouth in mouths
    )
    before = frame.copy()
    place_mouth(frame, (frame.copy(), frame.copy()), outside, 0.5)
    assert np.array_equal(frame, before)


def test_frames_that_move_carry_their_mouth():
    def nearer(first, second, share):
        return (first if share <= 0.5 else second).copy()

    retimer = Retimer(nearer, 25, 8)
    gaps = [2, 5, 8, 11, 14, 17, 20, 23]
    shown = []
    for gap in gaps:
        points = face(gap)
        retimer.take(Chunk(drawn(points)[None]), gap / 100, find_mouth(points))
        while retimer.n_made < 8 and retimer.is_ready(0.01):
            shown.append(darkness(retimer.make(0.01).frames[0]))
    wanted = [darkness(drawn(face(gap - 0.75))) for gap in gaps]
    assert shown[1:] == pytest.approx(wanted[1:], abs=1)
