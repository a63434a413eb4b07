from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="RIFE needs the extra opensonic[sonic]")
pytest.importorskip("diffusers", reason="the Sonic engine needs the extra opensonic[sonic]")


@pytest.mark.parametrize("size", [(32, 48), (38, 50)])
def test_bytes_of_any_size_go_through_the_network(size):
    from opensonic.engines.diffusion.mending import ByteBetween
    from opensonic.post.interpolate.ifnet import IFNet

    torch.manual_seed(0)
    network = IFNet(8).requires_grad_(False).eval()
    first = np.full((1, *size, 3), 40, np.uint8)
    second = np.full((1, *size, 3), 200, np.uint8)
    made = ByteBetween(lambda: network)(first, second, Fraction(1, 2))
    assert made.shape == first.shape
    assert made.dtype == np.uint8
    assert made.flags["C_CONTIGUOUS"]
    assert 40 <= made.min() <= made.max() <= 200
    near = ByteBetween(lambda: network)(first, second, Fraction(1, 1000))
    assert abs(near.astype(int) - first).max() <= 1
