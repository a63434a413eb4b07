"""Reference inputs, weights and outputs of the published model at tiny size, if they are there."""

import json
import signal
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the Sonic model needs the extra opensonic[sonic]")
pytest.importorskip("diffusers", reason="the Sonic model needs the extra opensonic[sonic]")
pytest.importorskip("transformers", reason="the Sonic model needs the extra opensonic[sonic]")

import numpy as np
import torch
from safetensors.torch import load_file

import opensonic
from opensonic.engines.base import Run
from opensonic.engines.diffusion.dimensions import UNetSizes, VAESizes, tiny
from opensonic.engines.diffusion.unet import SonicUNet

SONIC = Path(__file__).resolve().parents[4] / "shared/sonic"


class Golden:
    """Reads reference cases, float32, by the first part of their names."""

    def __init__(self, folder):
        self.folder = folder

    def names(self, pattern):
        return sorted(path.stem for path in self.folder.glob(f"{pattern}.json"))

    def facts(self, name):
        return json.loads((self.folder / f"{name}.json").read_text())

    def tensors(self, name):
        tensors = load_file(self.folder / f"{name}.safetensors")
        exact = {torch.float8_e4m3fn: torch.float32}
        return {key: each.to(exact.get(each.dtype, each.dtype)) for key, each in tensors.items()}


@pytest.fixture(scope="session")
def golden():
    folder = SONIC / "golden"
    if not folder.is_dir():
        pytest.skip("../shared/sonic/golden is not there: no reference results to compare with")
    return Golden(folder)


@pytest.fixture(scope="session")
def published_shapes():
    """Read a table of published names and shapes."""
    folder = SONIC / "keys"
    if not folder.is_dir():
        pytest.skip("../shared/sonic/keys is not there: no published names to compare with")

    def read(name):
        table = json.loads((folder / f"{name}.json").read_text())["tensors"]
        return {key: tuple(each["shape"]) for key, each in table.items()}

    return read


@pytest.fixture(scope="session")
def build_golden_unet(golden):
    """Build the UNet of a reference case."""

    def build(name="b_unet_tiny2"):
        config = golden.facts(name)["config"]
        fields = {key: config[key] for key in config if key in UNetSizes.__dataclass_fields__}
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        unet = SonicUNet(UNetSizes(**fields)).eval().requires_grad_(False)
        unet.load_state_dict(golden.tensors(f"{name}_state"), strict=True)
        return unet

    return build


@pytest.fixture(scope="session")
def golden_unet(build_golden_unet):
    return build_golden_unet()


@pytest.fixture(scope="session")
def golden_vae(golden):
    from opensonic.engines.diffusion.decode import build_vae

    config = golden.facts("c_inputs")["vae_config"]
    vae = build_vae(
        VAESizes(
            block_out_channels=tuple(config["block_out_channels"]),
            layers_per_block=config["layers_per_block"],
        )
    ).requires_grad_(False)
    vae.load_state_dict(golden.tensors("c_vae_state"))
    return vae


@pytest.fixture(scope="session")
def random_unet():
    """A tiny UNet whose weights are large enough that every layer matters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        unet = SonicUNet(tiny().unet).eval().requires_grad_(False)
        for name, weight in unet.named_parameters():
            if "processor" in name:
                weight.normal_(0, 0.5)
    return unet


@pytest.fixture
def error():
    """Largest difference over the largest value of the reference."""

    def compare(result, reference):
        assert result.shape == reference.shape
        return ((result - reference).abs().max() / reference.abs().max()).item()

    return compare


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """What runs in the background of a shell inherits that SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def start(example_image, make_speech, tiny_models):
    """Make the video of 0.3 s of sound; 0.3 s are 4 frames of the model: one window."""

    def start(seconds="0.3", **settings):
        usual = {"inference_steps": 2, "min_resolution": 128, "device": "cpu"}
        chosen = usual | {"models_dir": str(tiny_models)} | settings
        speech, _ = make_speech(seconds)
        return opensonic.animate(example_image, speech, engine="sonic", **chosen)

    return start


@pytest.fixture
def render():
    """Give all frames of a video, without the report that follows it."""

    def render(video, **run):
        chunks = video.engine.animate(video.portrait, video.speech, video.settings, Run(**run))
        return np.concatenate([chunk.frames.copy() for chunk in chunks])

    return render
