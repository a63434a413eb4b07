"""Jumps in decoded frames, mended before frames are made between them."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from tests.post.smooth.moving import error, moving_video

from opensonic.engines.diffusion import finishing
from opensonic.engines.diffusion.between import ByFlow, ByRife, ByteBetween, to_unit_tensor
from opensonic.engines.diffusion.finishing import finish_clip
from opensonic.engines.diffusion.mending import mend_frames
from opensonic.post.interpolate.ifnet import IFNet
from opensonic.post.smooth.stream import LOOKAHEAD

PLACE = 23


@pytest.fixture(scope="module")
def rife():
    torch.manual_seed(0)
    network = IFNet(8).requires_grad_(False).eval()
    return ByRife(lambda: network)


@pytest.fixture(scope="module")
def clip():
    """Decoded frames of 12.5 per second, and the same with one that jumps."""
    frames = moving_video(48)
    harmed = frames.copy()
    harmed[PLACE] = np.roll(harmed[PLACE], (3, 4), (0, 1))
    return to_unit_tensor(frames), to_unit_tensor(harmed)


@pytest.mark.parametrize("size", [(32, 48), (38, 50)])
def test_bytes_of_any_size_go_through_the_network(rife, size):
    first = np.full((1, *size, 3), 40, np.uint8)
    second = np.full((1, *size, 3), 200, np.uint8)
    made = ByteBetween(rife)(first, second, Fraction(1, 2))
    assert made.shape == first.shape
    assert made.dtype == np.uint8
    assert made.flags["C_CONTIGUOUS"]
    assert 40 <= made.min() <= made.max() <= 200
    near = ByteBetween(rife)(first, second, Fraction(1, 1000))
    assert abs(near.astype(int) - first).max() <= 1


@pytest.mark.parametrize("length", [1, 5, 14, 48])
def test_only_the_frame_that_jumps_is_made_anew(clip, length):
    frames, harmed = clip
    told, held, came = [], [], 0

    def chunks():
        nonlocal came
        for chunk in harmed.split(length):
            came += len(chunk)
            assert came - sum(map(len, held)) <= LOOKAHEAD + length
            yield chunk

    for chunk in mend_frames(chunks(), ByFlow(), told.append):
        held.append(chunk)
    mended = torch.cat(held)
    assert told == [PLACE]
    others = [k for k in range(len(frames)) if k != PLACE]
    assert torch.equal(mended[others], harmed[others])
    off = [error(each[PLACE].numpy(), frames[PLACE].numpy()) for each in (mended, harmed)]
    assert off[0] < off[1] / 3


def test_frames_between_carry_nothing_of_the_jump(clip, monkeypatch):
    frames, harmed = clip
    wanted = {"fps": Fraction(25), "n_frames": 96, "size": (128, 96)}

    def finish(decoded, **options):
        monkeypatch.setattr(finishing, "decode_clip", lambda *_, **__: iter(decoded.split(14)))
        return np.concatenate([*finish_clip(None, None, None, **wanted, **options)])

    truth, told = finish(frames), []
    left, mended = finish(harmed), finish(harmed, jumped=told.append)
    assert told == [PLACE]
    assert np.array_equal(finish(frames, jumped=told.append), truth)
    near = range(2 * PLACE - 1, 2 * PLACE + 2)
    for k in range(96):
        if k not in near:
            assert np.array_equal(mended[k], truth[k])
        else:
            assert error(mended[k], truth[k]) < error(left[k], truth[k]) / 2
