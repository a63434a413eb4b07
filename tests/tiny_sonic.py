"""A folder of tiny random weights, laid out as the published model's, that the engine can load."""

from dataclasses import replace

import torch
from safetensors.torch import save_file

from opensonic.engines.diffusion.dimensions import VAESizes, tiny, write_sizes
from opensonic.engines.diffusion.engine import FILES
from opensonic.engines.diffusion.model import SonicModel
from opensonic.post.interpolate.ifnet import IFNet
from opensonic.weights.records import MODEL_FILES, RIFE


def write_tiny_models(folder, seed=0):
    """Write every file that the engine needs; each carries its sizes, which are far from the
    published ones."""
    small = VAESizes(block_out_channels=(32, 32, 32, 32), layers_per_block=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SonicModel.build(replace(tiny(), vae=small))
        ifnet = IFNet(width=8)
    for name, network in model.networks().items():
        sizes = getattr(model.dimensions, name)
        _write(folder, FILES[name], network.state_dict(), write_sizes(sizes))
    _write(folder, RIFE, ifnet.state_dict(), {"sizes": '{"width": 8}'})
    return folder


def _write(folder, name, state, notes):
    path = (folder / MODEL_FILES[name].place).with_suffix(".safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in state.items()}, path, metadata=notes)
