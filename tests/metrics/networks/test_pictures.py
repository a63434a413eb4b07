"""LPIPS, FID and FVD: numbers of the reference implementations, and what must hold of any."""

import numpy as np
import pytest

from opensonic.errors import WeightsError
from opensonic.metrics.evaluation import Sight

torch = pytest.importorskip("torch", reason="needs opensonic[evaluate]")
pytest.importorskip("torchmetrics", reason="needs opensonic[evaluate]")

INCEPTION = {0: 1.0839, 100: 1.8007, 320: 0.0, 700: 0.0652, 1500: 0.1208, 1900: 0.3078}
"""Features of `full_inception` by torch-fidelity 0.4's network, which torchmetrics uses."""


def picture(seed, side=96):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def pairs(n, fps=25, change=lambda image, i: image):
    """A video and its reference, picture by picture."""
    for i in range(n):
        image = np.roll(picture(i % 5), i, axis=1)
        time_s = (i + 0.5) / fps
        yield Sight(time_s, change(image, i), None, 0), Sight(time_s, image, None, 0)


def measure(observer, sights):
    for sight, reference in sights:
        observer.look(sight, reference)
    (row,) = observer.rows(None, None)
    return row


def fid_of(network, sights, pool=None):
    from opensonic.metrics.networks.frechet import PICTURES, FidObserver, PointSets

    return measure(FidObserver(network, pool or PointSets(network.num_features, PICTURES)), sights)


def fvd_of(network, sights):
    from opensonic.metrics.networks.frechet import CLIPS, FvdObserver, PointSets

    return measure(FvdObserver(network, PointSets(network.num_features, CLIPS)), sights)


def brighter(image, i):
    return np.clip(image.astype(int) + 40, 0, 255).astype(np.uint8)


def test_inception_gives_the_numbers_of_torch_fidelity():
    from tests.metrics.networks.tiny import made_up

    from opensonic.metrics.networks.inception import Inception
    from opensonic.weights.expected_measuring import inception

    pixels = np.cos(np.arange(3 * 299 * 299) * 0.013) * 100 + 128
    clip = torch.from_numpy(pixels.reshape(1, 3, 299, 299).astype(np.uint8))
    features = Inception(made_up(inception()))(clip)
    assert features.shape == (1, 2048)
    for place, value in INCEPTION.items():
        assert float(features[0, place]) == pytest.approx(value, abs=2e-4)
    assert float(features.mean()) == pytest.approx(0.1323, abs=2e-4)


def test_lpips_gives_the_numbers_of_torchmetrics(weights, monkeypatch):
    tl = pytest.importorskip("torchmetrics.functional.image.lpips")
    from tests.metrics.networks.tiny import made_up

    from opensonic.metrics.networks.lpips import Lpips
    from opensonic.weights.expected_measuring import ALEXNET, alexnet, lpips

    nn = torch.nn
    pool, relu = nn.MaxPool2d(3, 2), nn.ReLU()
    convolutions = [
        nn.Conv2d(into, out, kernel, 4 if i == 0 else 1, kernel // 2 if i else 2)
        for i, (out, into, kernel) in enumerate(
            (row[1], row[2], row[3]) if k else (64, 3, 11) for k, row in enumerate(ALEXNET)
        )
    ]
    first, second, *rest = convolutions
    layers = [first, relu, pool, second, relu, pool]
    layers += [layer for convolution in rest for layer in (convolution, relu)]
    monkeypatch.setattr(tl, "_get_tv_model_features", lambda *_: nn.Sequential(*layers))
    theirs = tl._NoTrainLpips(net="alex")
    shares = {name: tensor.abs() for name, tensor in made_up(lpips()).items()}
    theirs.load_state_dict(shares, strict=False)
    ours = Lpips([row[1] for row in ALEXNET])
    tensors = made_up(alexnet())
    ours.load_state_dict(
        tensors | {f"weights.{i}": shares[f"lin{i}.model.1.weight"] for i in range(5)}
    )
    with torch.no_grad():
        for convolution, row in zip(convolutions, ALEXNET, strict=True):
            convolution.weight.copy_(tensors[f"features.{row[0]}.weight"])
            convolution.bias.copy_(tensors[f"features.{row[0]}.bias"])
    a, b = (
        torch.from_numpy(picture(seed, 70)).permute(2, 0, 1)[None] / 127.5 - 1 for seed in (1, 2)
    )
    assert float(ours(a, b)) == pytest.approx(float(theirs(a, b)), rel=1e-5)
    assert float(ours(a, a)) == 0 < float(ours(a, b))


def test_lpips_of_a_video(weights):
    from opensonic.metrics.networks.likeness import LpipsObserver
    from opensonic.metrics.networks.lpips import load_lpips

    network = load_lpips(weights / "alexnet.safetensors", weights / "lpips.safetensors")
    same = measure(LpipsObserver(network), pairs(25))
    other = measure(LpipsObserver(network), pairs(25, change=brighter))
    assert same.value == 0 < other.value
    assert "5 pictures" in same.note
    alone = measure(LpipsObserver(network), ((sight, None) for sight, _ in pairs(5)))
    assert alone.value is None
    assert alone.note == "needs a reference"


def test_a_larger_reference_is_brought_to_the_videos_size(weights):
    from opensonic.metrics.networks.likeness import LpipsObserver
    from opensonic.metrics.networks.lpips import load_lpips

    network = load_lpips(weights / "alexnet.safetensors", weights / "lpips.safetensors")
    small, large = picture(0, 80), np.repeat(np.repeat(picture(0, 80), 2, 0), 2, 1)
    row = measure(LpipsObserver(network), [(Sight(0, small, None, 0), Sight(0, large, None, 0))])
    assert row.value < 1e-6


def test_fid_of_a_video(weights):
    from opensonic.metrics.networks.inception import load_inception

    network = load_inception(weights / "inception.safetensors")
    same = fid_of(network, pairs(40))
    other = fid_of(network, pairs(40, change=brighter))
    assert abs(same.value) < 1e-3 * other.value
    assert other.value > 0
    assert same.note.startswith("8 pictures, far fewer than 10000")
    few = fid_of(network, pairs(3))
    assert few.value is None
    assert "at least 2 pictures" in few.note


def test_fid_of_many_videos_is_that_of_all_their_pictures(weights):
    from opensonic.metrics.networks.frechet import PICTURES, PointSets
    from opensonic.metrics.networks.inception import load_inception

    network = load_inception(weights / "inception.safetensors")
    pool = PointSets(network.num_features, PICTURES)
    one = fid_of(network, pairs(40, change=brighter), pool)
    assert pool.row("fid") == one
    fid_of(network, pairs(40), pool)
    assert pool.row("fid").note.startswith("16 pictures")
    assert 0 < pool.row("fid").value < one.value


def test_fvd_of_a_video(weights):
    from opensonic.metrics.networks.i3d import I3d

    network = I3d(weights / "i3d.pt")
    same = fvd_of(network, pairs(60))
    other = fvd_of(network, pairs(60, change=brighter))
    assert abs(same.value) < 1e-3 * other.value
    assert same.note.startswith("3 clips of 16 pictures, far fewer than 256")
    fast = fvd_of(network, pairs(120, fps=50))
    assert fast.note.startswith("3 clips")  # still 25 pictures a second
    few = fvd_of(network, pairs(31))
    assert few.value is None


def test_fvd_is_the_distance_of_what_the_network_answers(weights):
    """Two sets of clips whose features are known: the distance is that of their means."""
    from opensonic.metrics.networks.i3d import I3d

    grey = [np.full((8, 8, 3), level, np.uint8) for level in (50, 90, 130)]
    network = I3d(weights / "i3d.pt")
    sights = (
        (
            Sight((i + 0.5) / 25, grey[i // 16] + np.uint8(30), None, 0),
            Sight((i + 0.5) / 25, grey[i // 16], None, 0),
        )
        for i in range(48)
    )
    row = fvd_of(network, sights)
    assert row.value == pytest.approx(3 * 30**2, rel=1e-3)  # the means of three colours


@pytest.mark.parametrize("name", ["inception", "i3d", "lpips"])
def test_other_files_are_refused(weights, tmp_path, name):
    from opensonic.metrics.networks.i3d import I3d
    from opensonic.metrics.networks.inception import load_inception
    from opensonic.metrics.networks.lpips import load_lpips

    other = weights / "syncnet.safetensors"
    with pytest.raises(WeightsError, match=r"syncnet\.safetensors"):
        {
            "inception": lambda: load_inception(other),
            "i3d": lambda: I3d(other),
            "lpips": lambda: load_lpips(weights / "alexnet.safetensors", other),
        }[name]()
