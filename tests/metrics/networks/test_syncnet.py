"""SyncNet's layers are those of its published file."""

import numpy as np
import pytest

from opensonic.errors import WeightsError
from opensonic.weights.expected_measuring import SYNCNET_LIPS, SYNCNET_SOUND, syncnet

torch = pytest.importorskip("torch", reason="needs opensonic[evaluate]")


def test_names_and_shapes_at_full_size_are_the_published_ones():
    from opensonic.metrics.networks.syncnet import SyncNet

    network = SyncNet([row[0] for row in SYNCNET_SOUND], [row[0] for row in SYNCNET_LIPS], 1024)
    sound = network.embed_sound(np.zeros((1, 20, 13), np.float32))
    lips = network.embed_lips(np.zeros((1, 5, 224, 224, 3), np.uint8))
    assert sound.shape == lips.shape == (1, 1024)  # so kernels and strides end at one place
    own = {n: tuple(t.shape) for n, t in network.state_dict().items() if "num_batches" not in n}
    assert own == syncnet()


def test_sizes_come_from_the_file(weights):
    from opensonic.metrics.networks.syncnet import load_syncnet

    network = load_syncnet(weights / "syncnet.safetensors")
    assert network.netcnnlip[4].out_channels == 16
    lips = network.embed_lips(np.zeros((2, 5, 224, 224, 3), np.uint8))
    sound = network.embed_sound(np.zeros((3, 20, 13), np.float32))
    assert lips.shape == (2, 64) and sound.shape == (3, 64)
    assert lips.dtype == sound.dtype == np.float32


def test_pictures_go_in_blue_first_and_sound_by_coefficient(weights):
    from opensonic.metrics.networks.syncnet import load_syncnet

    network = load_syncnet(weights / "syncnet.safetensors")
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (1, 5, 224, 224, 3), np.uint8)
    x = torch.from_numpy(crops[..., [2, 1, 0]].astype(np.float32)).permute(0, 4, 1, 2, 3)
    directly = network.netfclip(network.netcnnlip(x).flatten(1)).numpy()
    np.testing.assert_allclose(network.embed_lips(crops), directly, rtol=1e-5)
    mfcc = rng.standard_normal((1, 20, 13)).astype(np.float32)
    x = torch.from_numpy(np.ascontiguousarray(mfcc[0].T))[None, None]
    directly = network.netfcaud(network.netcnnaud(x).flatten(1)).numpy()
    np.testing.assert_allclose(network.embed_sound(mfcc), directly, rtol=1e-5)


@pytest.mark.parametrize("harm", ["lacks", "more", "shape", "tower"])
def test_another_network_is_refused(weights, tmp_path, harm):
    from tests.metrics.networks import tiny

    from opensonic.metrics.networks.syncnet import load_syncnet

    tensors = tiny.tiny_syncnet()
    if harm == "lacks":
        del tensors["netfclip.1.running_mean"]
    elif harm == "more":
        tensors["other.weight"] = torch.zeros(1)
    elif harm == "shape":
        tensors["netcnnlip.8.weight"] = tensors["netcnnlip.8.weight"][:, :8].clone()
    else:
        tensors = {n: t for n, t in tensors.items() if not n.startswith("netcnnlip")}
    path = tiny.write(tmp_path / "wrong.safetensors", tensors)
    with pytest.raises(WeightsError, match=r"wrong.safetensors: .*SyncNet"):
        load_syncnet(path)
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_syncnet(path)
