"""Feed-forward layers in slices give what whole ones give."""

import pytest
import torch
from diffusers.models.attention import FeedForward

from opensonic.engines.diffusion.dimensions import tiny
from opensonic.engines.diffusion.feed_forward import SlicedFeedForward
from opensonic.engines.diffusion.unet import SonicUNet


@pytest.mark.parametrize("shape", [(10, 8), (2, 7, 8), (3, 1, 8)])
def test_slices_change_no_number(shape):
    torch.manual_seed(0)
    layer = SlicedFeedForward(8, 12).eval()
    rows = torch.randn(*shape)
    lengths = []
    layer.net[2].register_forward_pre_hook(lambda _, given: lengths.append(len(given[0])))
    with torch.no_grad():
        layer.plain = True
        layer.slice_rows = layer.cpu_slice_rows = 3
        whole = layer(rows)
        assert len(lengths) == 1
        layer.plain = False
        sliced = layer(rows)
    assert max(lengths[1:]) == 3
    assert whole.shape == (*shape[:-1], 12)
    torch.testing.assert_close(sliced, whole, rtol=1e-6, atol=1e-7)


def test_a_slice_stays_in_the_cache_of_a_cpu_and_is_not_too_narrow():
    with torch.device("meta"):
        rows = [SlicedFeedForward(width, width).cpu_slice_rows for width in (64, 320, 1280)]
    assert rows == [512, 256, 256]


def test_gradients_flow_through_the_whole_layer():
    layer = SlicedFeedForward(8, 8)
    layer.slice_rows = 3
    layer(torch.randn(10, 8)).sum().backward()
    assert layer.net[0].proj.weight.grad is not None


def test_every_layer_of_the_unet_is_sliced_and_keeps_its_names():
    with torch.device("meta"):
        unet = SonicUNet(tiny().unet)
    layers = [m for m in unet.modules() if isinstance(m, FeedForward)]
    assert layers
    assert all(type(layer) is SlicedFeedForward for layer in layers)
    names = set(layers[0].state_dict())
    whole = FeedForward(8, activation_fn="geglu")
    assert names == set(whole.state_dict())
