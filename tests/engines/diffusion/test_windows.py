import itertools

import pytest

from opensonic.engines.diffusion.windows import plan_windows


def _plan(n_frames, step, *, length=25, overlap=0, shift=7, compat=False):
    return plan_windows(n_frames, step, length=length, overlap=overlap, shift=shift, compat=compat)


@pytest.mark.parametrize("n_frames", [1, 2, 24, 25, 26, 49, 50, 51, 125, 1000])
@pytest.mark.parametrize("overlap", [0, 1, 12])
def test_every_frame_is_covered_at_every_step_by_neighbours_only(n_frames, overlap):
    for step in range(30):
        windows = _plan(n_frames, step, overlap=overlap)
        assert set(itertools.chain(*windows)) == set(range(n_frames))
        for window in windows:
            assert window == tuple(range(window[0], window[0] + min(25, n_frames)))
        assert windows == sorted(windows)
        assert len(windows) <= -(-n_frames // (25 - overlap)) + 1


def test_borders_move_from_step_to_step():
    starts = {step: [window[0] for window in _plan(125, step)] for step in range(3)}
    assert starts == {
        0: [0, 25, 50, 75, 100],
        1: [0, 18, 43, 68, 93, 100],
        2: [0, 11, 36, 61, 86, 100],
    }


def test_compat_wraps_around():
    assert _plan(11, 0, length=4, shift=3, compat=True)[-1] == (8, 9, 10, 0)
    assert _plan(11, 1, length=4, shift=3, compat=True)[0] == (8, 9, 10, 0)
    assert _plan(3, 0, length=5, compat=True) == [(0, 1, 2, 0, 1)]
    assert len(_plan(125, 9, compat=True)) == 5
