from fractions import Fraction

import numpy as np
import pytest
from tests.post.smooth.moving import error, moving_video

from opensonic.post.interpolate.flow import FlowBetween, pixel_grid
from opensonic.post.interpolate.stream import resample_timed


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_movement_is_followed(share):
    first, second, truth = moving_video(times=[5.0, 8.0, 5.0 + 3 * share])
    made = FlowBetween()(first[None], second[None], Fraction(share))
    assert made.shape == (1, *first.shape)
    assert made.dtype == np.uint8
    blend = first + (second.astype(np.float32) - first) * share
    assert error(made[0], truth) < 0.5 * error(blend, truth)


def test_ends_are_the_frames_themselves():
    first, second = moving_video(times=[5.0, 6.0])
    between = FlowBetween()
    assert error(between(first[None], second[None], 0)[0], first) < 0.5
    assert error(between(first[None], second[None], 1)[0], second) < 0.5


def test_no_mixture_of_two_shots():
    first = moving_video(1)[0]
    second = 255 - first[::-1]
    between = FlowBetween()
    assert np.array_equal(between(first[None], second[None], 0.4)[0], first)
    assert np.array_equal(between(first[None], second[None], 0.6)[0], second)


def test_large_frames_are_followed_by_flow_on_small_copies():
    first, truth, second = (
        np.kron(frame, np.ones((6, 6, 1), np.uint8)) for frame in moving_video(times=[5, 6, 7])
    )
    made = FlowBetween()(first[None], second[None], 0.5)
    assert error(made[0], truth) < 0.6 * error(first, truth)


def test_the_same_pair_is_looked_at_once(monkeypatch):
    first, second = moving_video(2)
    between, looked = FlowBetween(), []
    find = between._finder.find
    monkeypatch.setattr(
        between._finder, "find", lambda *pair: (looked.append(pair), find(*pair))[1]
    )
    frames = [between(first[None], second[None], share) for share in (0.2, 0.5, 0.7)]
    assert len(looked) == 2
    assert not np.array_equal(frames[0], frames[2])


def test_outside_what_moves_frames_are_mixed_by_time():
    first, second = (np.full((96, 120, 3), level, np.uint8) for level in (100, 104))
    assert np.all(FlowBetween()(first[None], second[None], 0.25) == 101)
    patches = moving_video(times=[5.0, 8.0, 6.5])
    frames = [np.full((160, 200, 3), 90, np.uint8) for _ in patches]
    height, width = patches[0].shape[:2]
    for frame, patch in zip(frames, patches, strict=True):
        frame[20 : 20 + height, 60 : 60 + width] = patch
    made = FlowBetween()(frames[0][None], frames[1][None], 0.5)[0]
    assert np.all(made[:, :30] == 90)
    assert error(made, frames[2]) < 0.5 * error(frames[0], frames[2])


def test_the_grid_is_shared_and_safe():
    grid = pixel_grid(3, 4)
    assert grid is pixel_grid(3, 4)
    assert grid[2, 1].tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        grid += 1


def test_frames_too_small_for_flow():
    tiny = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 1, 4, 5, 3)
    assert FlowBetween()(*tiny, 0.5).shape == (1, 4, 5, 3)


def _blend(first, second, share):
    return first + (second - first) * float(share)


def test_uneven_times_become_even():
    times = [0.5, 0.54, 0.62, 0.66]
    frames = [(each, np.array([[each]])) for each in times]
    out = list(resample_timed(frames, _blend, fps=Fraction(50), last_s=0.04))
    expected = [0.5 + k / 50 for k in range(10)]
    assert [time_s for time_s, _ in out] == pytest.approx(expected)
    values = [float(frame[0, 0]) for _, frame in out]
    assert values == pytest.approx([min(each, 0.66) for each in expected])


@pytest.mark.parametrize(
    ("fps", "n_frames"), [("25", 10), ("50", 20), ("60000/1001", 24), ("5", 2)]
)
def test_a_new_rate_covers_the_same_time(fps, n_frames):
    frames = ((k / 25, np.array([[float(k)]])) for k in range(10))
    out = list(resample_timed(frames, _blend, fps=Fraction(fps), last_s=0.04))
    assert len(out) == n_frames
    assert list(resample_timed([], _blend, fps=Fraction(25), last_s=0.04)) == []
