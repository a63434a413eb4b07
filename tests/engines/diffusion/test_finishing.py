"""Decoded frames on their way to the rate and size of the video, on a device with little memory."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from opensonic.engines.diffusion.between import ByFlow, ByRife
from opensonic.engines.diffusion.finishing import finish_clip
from opensonic.engines.diffusion.shortage import is_out_of_memory
from opensonic.post.interpolate.flow import FlowBetween
from opensonic.post.interpolate.ifnet import IFNet


@pytest.fixture(scope="module")
def ifnet():
    torch.manual_seed(0)
    return IFNet(width=8).eval().requires_grad_(False)


class Device(torch.nn.Module):
    """A network of the CPU that says that it is elsewhere, and runs out of memory there."""

    def __init__(self, ifnet, room):
        super().__init__()
        self.ifnet, self.room, self.asked, self.place = ifnet, room, [], "meta"

    def parameters(self):
        yield torch.empty(0, device=self.place)

    def to(self, device):
        self.place, self.room = str(device), 99
        return self

    def forward(self, first, second, shares):
        self.asked.append(len(first))
        if len(first) > self.room:
            raise torch.OutOfMemoryError("planted")
        return self.ifnet(first, second, shares)


@pytest.fixture
def pairs(monkeypatch):
    """Six pairs; tensors stay where they are."""
    to = torch.Tensor.to
    monkeypatch.setattr(
        torch.Tensor,
        "to",
        lambda t, *a, **k: t if a and str(a[0]) == "meta" else to(t, *a, **k),
    )
    frames = torch.rand(7, 3, 32, 32, generator=torch.Generator().manual_seed(1)).split(1)
    shares = [Fraction(k + 1, 8) for k in range(6)]
    return list(zip(frames[:-1], frames[1:], shares, strict=True))


@pytest.mark.parametrize(
    ("room", "freed", "asked"),
    [
        (9, [], [4, 2]),
        (3, [], [4, 1, 1, 1, 1, 1, 1]),
        (0, [True], [4, 1, 1, 1, 1, 1, 1, 1]),
        (0, [False], [4, 1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_a_pair_that_does_not_fit_is_tried_again_with_less(ifnet, pairs, room, freed, asked):
    device, answers = Device(ifnet, room), iter(freed)

    def make_room(error):
        assert is_out_of_memory(error)
        device.room = 1 if (answer := next(answers)) else 0
        return answer

    made = torch.cat([*ByRife(lambda: device, make_room)(pairs)])
    expected = torch.cat([ifnet(first, second, share) for first, second, share in pairs])
    assert torch.allclose(made, expected, atol=1e-5)
    assert device.asked == asked
    assert device.place == ("cpu" if freed == [False] else "meta")
    assert not list(answers)


def test_the_cpu_has_nowhere_to_go(ifnet, pairs):
    device = Device(ifnet, 0)
    device.place = "cpu"
    with pytest.raises(torch.OutOfMemoryError):
        next(ByRife(lambda: device)(pairs))


def test_nothing_is_decoded_again_when_interpolation_runs_out_of_memory(
    ifnet, golden_vae, monkeypatch
):
    latents = torch.randn(20, 4, 8, 8, generator=torch.Generator().manual_seed(2)) * 0.1
    decoded, decode = [], golden_vae.decode
    failures = iter([False, False, True])

    def count(rows, **options):
        decoded.append(len(rows))
        return decode(rows, **options)

    def scarce(*arguments):
        if next(failures, False):
            raise torch.OutOfMemoryError("planted")
        return forward(*arguments)

    def finish():
        fast = {"fps": Fraction(25), "n_frames": 40, "size": (64, 64)}
        decoded.clear()
        return np.concatenate(
            [*finish_clip(golden_vae, latents, lambda: ifnet, make_room=lambda _: True, **fast)]
        )

    forward = ifnet.forward
    monkeypatch.setattr(golden_vae, "decode", count)
    expected, once = finish(), list(decoded)
    monkeypatch.setattr(ifnet, "forward", scarce)
    assert np.array_equal(finish(), expected)
    assert decoded == once
    assert expected.shape == (40, 64, 64, 3)


def test_without_the_network_optical_flow_makes_the_frames_between(golden_vae):
    latents = torch.randn(6, 4, 8, 8, generator=torch.Generator().manual_seed(2)) * 0.1
    wanted = {"fps": Fraction(25), "n_frames": 12, "size": (64, 64)}
    frames = np.concatenate([*finish_clip(golden_vae, latents, None, **wanted)])
    assert frames.shape == (12, 64, 64, 3)
    between = FlowBetween()
    for k in range(1, 11, 2):
        made = between(frames[k - 1 : k], frames[k + 1 : k + 2], Fraction(1, 2))
        assert np.array_equal(made, frames[k : k + 1])
    assert np.array_equal(frames[10], frames[11])


def test_flow_takes_shares_of_the_way():
    first, second = torch.full((1, 3, 32, 48), 0.4), torch.full((1, 3, 32, 48), 0.42)
    shares = [Fraction(1, 4), Fraction(3, 4)]
    made = [*ByFlow()([(first, second, share) for share in shares])]
    assert [tuple(each.shape) for each in made] == [(1, 3, 32, 48)] * 2
    assert [float(each.mean()) for each in made] == pytest.approx([0.405, 0.415], abs=0.003)
