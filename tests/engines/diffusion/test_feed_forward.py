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
    with torch.no_grad():
        whole = layer(rows)
        layer.slice_rows = 3
        sliced = layer(rows)
    assert whole.shape == (*shape[:-1], 12)
    torch.testing.assert_close(sliced, whole, rtol=1e-6, atol=1e-7)


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
