import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pytest

from opensonic.clock import frame_count
from opensonic.errors import InputError, WeightsError
from opensonic.post.interpolate.stream import double_frames, resample_frames

torch = pytest.importorskip("torch", reason="RIFE needs the extra opensonic[sonic]")
pytest.importorskip("safetensors", reason="RIFE needs the extra opensonic[sonic]")

SOURCE = Fraction(25, 2)


def _blend(pairs):
    for first, second, share in pairs:
        yield first + (second - first) * float(share)


def _ramp(n_frames, sizes=(2, 3, 1)):
    """Frames whose only value is their number, in chunks of several sizes."""
    ramp, start, k = np.arange(n_frames, dtype=float)[:, None], 0, 0
    while start < n_frames:
        yield ramp[start : start + sizes[k % len(sizes)]]
        start, k = start + sizes[k % len(sizes)], k + 1


def _numbers(frames):
    frames = list(frames)
    assert all(frame.shape == (1, 1) for frame in frames)
    return [float(frame[0, 0]) for frame in frames]


@pytest.mark.parametrize("fps", ["1", "10", "25/2", "24", "25", "30000/1001", "60", "120"])
@pytest.mark.parametrize("n_samples", [1, 1280, 1281, 16_000, 37_777])
def test_frames_cover_the_sound_at_any_rate(fps, n_samples):
    duration, fps = Fraction(n_samples, 16_000), Fraction(fps)
    n_source = math.ceil(duration * SOURCE)
    n_frames = frame_count(duration, fps)
    assert (n_frames - 1) / fps < duration <= n_frames / fps
    frames = _numbers(
        resample_frames(_ramp(n_source), _blend, source_fps=SOURCE, fps=fps, n_frames=n_frames)
    )
    expected = [min(float(k * SOURCE / fps), n_source - 1) for k in range(n_frames)]
    assert frames == pytest.approx(expected)


def test_published_doubling():
    assert _numbers(double_frames(_ramp(4), _blend)) == [0, 0.5, 1, 1.5, 2, 2.5, 3]


def test_frames_are_made_as_they_come():
    taken = []

    def chunks():
        for chunk in _ramp(100, sizes=(5,)):
            taken.append(len(chunk))
            yield chunk

    stream = resample_frames(chunks(), _blend, source_fps=SOURCE, fps=Fraction(25), n_frames=200)
    for _ in range(12):
        next(stream)
    assert sum(taken) <= 10


@pytest.fixture(scope="module")
def case(shared):
    from safetensors.torch import load_file

    folder = shared / "sonic/golden"
    if not folder.is_dir():
        pytest.skip("../shared/sonic/golden is not there: no reference results to compare with")
    return load_file(folder / "e_rife.safetensors"), load_file(folder / "e_rife_state.safetensors")


def _difference(result, reference):
    return (result - reference).abs().max().item()


@torch.no_grad()
def test_golden_middle_frame(case):
    from opensonic.post.interpolate.ifnet import load_ifnet, mix, warp

    golden, state = case
    network = load_ifnet({f"module.{key}": each for key, each in state.items()})
    first, second = golden["in.img0"], golden["in.img1"]
    found = network.flows(first, second)
    for i, (flow, mask) in enumerate(found):
        assert _difference(flow, golden[f"mid.flow{i}"]) < 1e-5
        merged = mix(first, second, flow, mask)
        name = "out.middle" if i == 2 else f"mid.merged{i}"
        assert _difference(merged, golden[name]) < 1e-5
    assert _difference(found[-1][1].sigmoid(), golden["mid.mask2_sigmoid"]) < 1e-5
    assert _difference(network(first, second), golden["out.middle_clamped"]) < 1e-5
    assert _difference(warp(first, golden["warp.flow"]), golden["warp.out"]) < 1e-5


@torch.no_grad()
def test_other_times_lead_from_one_frame_to_the_next(case):
    from opensonic.post.interpolate.ifnet import load_ifnet

    golden, state = case
    network = load_ifnet(state)
    first, second = golden["in.img0"], golden["in.img1"]
    assert _difference(network(first, second, Fraction(0)), first) < 1e-4
    assert _difference(network(first, second, Fraction(1)), second) < 1e-4
    shares = [Fraction(k, 8) for k in range(9)]
    frames = [network(first, second, share) for share in shares]
    steps = [(b - a).abs().mean().item() for a, b in itertools.pairwise(frames)]
    assert max(steps) < 0.5 * (second - first).abs().mean().item()


@torch.no_grad()
def test_pairs_may_come_together(case):
    from opensonic.post.interpolate.ifnet import load_ifnet

    golden, state = case
    network = load_ifnet(state)
    first, second = golden["in.img0"], golden["in.img1"]
    both = network(torch.cat([first, second]), torch.cat([second, first]))
    assert _difference(both[:1], golden["out.middle_clamped"]) < 1e-5
    shares = [Fraction(1, 2), Fraction(1, 5)]
    each = [network(*pair, t) for pair, t in zip(((first, second),) * 2, shares, strict=True)]
    mixed = network(first.repeat(2, 1, 1, 1), second.repeat(2, 1, 1, 1), shares)
    assert _difference(mixed, torch.cat(each)) < 1e-6
    with pytest.raises(InputError, match="56x40"):
        network(first[..., :40, :56], second[..., :40, :56])


def test_a_file_of_another_network_is_refused(case):
    from opensonic.post.interpolate.ifnet import load_ifnet

    _, state = case
    with pytest.raises(WeightsError, match="120 tensors are missing"):
        load_ifnet({})
    with pytest.raises(WeightsError, match="1 unknown"):
        load_ifnet({**state, "stray": torch.zeros(1)})
    with pytest.raises(WeightsError, match="twice"):
        load_ifnet({**state, "module.block0.conv0.0.0.bias": torch.zeros(45)})
    load_ifnet({**state, "block_tea.conv0.0.0.bias": torch.zeros(45)})


def test_published_names_and_shapes(shared):
    from opensonic.post.interpolate.ifnet import IFNet

    path = shared / "sonic/keys/official_rife_keys.json"
    if not path.is_file():
        pytest.skip("../shared/sonic/keys is not there: no published names to compare with")
    table = json.loads(path.read_text())["tensors"]
    with torch.device("meta"):
        state = IFNet().state_dict()
    assert {key: list(each.shape) for key, each in state.items()} == {
        key: each["shape"] for key, each in table.items() if not key.startswith("block_tea.")
    }
