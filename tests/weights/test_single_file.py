"""SVD-XT as a single file: every name, every shape, and the numbers in their right places."""

import os
from collections import Counter

import pytest

from opensonic.errors import WeightsError
from opensonic.weights import expected, single_file
from opensonic.weights.headers import write_header
from opensonic.weights.single_file import extract_network, single_file_problems, sources

ENCODER = "conditioner.embedders.3.encoder.encoder"
DECODER = "first_stage_model.decoder"
TOWER = "conditioner.embedders.0.open_clip.model.visual"


class Stability:
    """The tensors that Stability AI's file has for VAE and tower, written down by its modules."""

    def __init__(self):
        self.shapes = {}
        self.encoder()
        self.decoder()
        self.tower()

    def add(self, name, *shape, bias=True):
        self.shapes[f"{name}.weight"] = shape
        if bias:
            self.shapes[f"{name}.bias"] = shape[:1]

    def resnet(self, name, into, out, temporal):
        self.add(f"{name}.norm1", into)
        self.add(f"{name}.conv1", out, into, 3, 3)
        self.add(f"{name}.norm2", out)
        self.add(f"{name}.conv2", out, out, 3, 3)
        if into != out:
            self.add(f"{name}.nin_shortcut", out, into, 1, 1)
        if temporal:
            self.add(f"{name}.time_stack.in_layers.0", out)
            self.add(f"{name}.time_stack.in_layers.2", out, out, 3, 1, 1)
            self.add(f"{name}.time_stack.out_layers.0", out)
            self.add(f"{name}.time_stack.out_layers.3", out, out, 3, 1, 1)
            self.shapes[f"{name}.mix_factor"] = (1,)

    def middle(self, name, temporal):
        for block in (1, 2):
            self.resnet(f"{name}.mid.block_{block}", 512, 512, temporal)
        self.add(f"{name}.mid.attn_1.norm", 512)
        for part in ("q", "k", "v", "proj_out"):
            self.add(f"{name}.mid.attn_1.{part}", 512, 512, 1, 1)

    def encoder(self):
        self.add(f"{ENCODER}.conv_in", 128, 3, 3, 3)
        into = 128
        for level, out in enumerate((128, 256, 512, 512)):
            for block in range(2):
                self.resnet(f"{ENCODER}.down.{level}.block.{block}", into, out, False)
                into = out
            if level < 3:
                self.add(f"{ENCODER}.down.{level}.downsample.conv", out, out, 3, 3)
        self.middle(ENCODER, False)
        self.add(f"{ENCODER}.norm_out", 512)
        self.add(f"{ENCODER}.conv_out", 8, 512, 3, 3)
        self.add("conditioner.embedders.3.encoder.quant_conv", 8, 8, 1, 1)

    def decoder(self):
        self.add(f"{DECODER}.conv_in", 512, 4, 3, 3)
        self.middle(DECODER, True)
        into = 512
        for level, out in ((3, 512), (2, 512), (1, 256), (0, 128)):
            for block in range(3):
                self.resnet(f"{DECODER}.up.{level}.block.{block}", into, out, True)
                into = out
            if level:
                self.add(f"{DECODER}.up.{level}.upsample.conv", out, out, 3, 3)
        self.add(f"{DECODER}.norm_out", 128)
        self.add(f"{DECODER}.conv_out", 3, 128, 3, 3)
        self.add(f"{DECODER}.conv_out.time_mix_conv", 3, 3, 3, 1, 1)

    def tower(self):
        self.shapes[f"{TOWER}.class_embedding"] = (1280,)
        self.shapes[f"{TOWER}.positional_embedding"] = (257, 1280)
        self.shapes[f"{TOWER}.proj"] = (1280, 1024)
        self.add(f"{TOWER}.conv1", 1280, 3, 14, 14, bias=False)
        self.add(f"{TOWER}.ln_pre", 1280)
        self.add(f"{TOWER}.ln_post", 1280)
        for layer in range(32):
            name = f"{TOWER}.transformer.resblocks.{layer}"
            self.shapes[f"{name}.attn.in_proj_weight"] = (3840, 1280)
            self.shapes[f"{name}.attn.in_proj_bias"] = (3840,)
            self.add(f"{name}.attn.out_proj", 1280, 1280)
            self.add(f"{name}.ln_1", 1280)
            self.add(f"{name}.ln_2", 1280)
            self.add(f"{name}.mlp.c_fc", 5120, 1280)
            self.add(f"{name}.mlp.c_proj", 1280, 5120)


def test_every_tensor_of_the_file_is_used_exactly_once_and_has_the_right_shape():
    shapes = Stability().shapes
    used = Counter()
    for network in single_file.NETWORKS:
        for source in sources(network, shapes).values():
            assert shapes[source.name] == source.shapes[0], source
            used[source.name] += 1
    assert set(used) == set(shapes)
    assert {n for name, n in used.items() if ".in_proj_" in name} == {3}
    assert {n for name, n in used.items() if ".in_proj_" not in name} == {1}


def test_each_third_is_taken_by_query_key_and_value_in_this_order():
    found = sources("image_encoder", {})
    name = "vision_model.encoder.layers.31.self_attn.{}_proj.bias"
    assert [found[name.format(part)].third for part in "qkv"] == [0, 1, 2]


def test_an_encoder_that_lies_with_the_decoder_is_found_there():
    found = sources("vae", {"first_stage_model.quant_conv.weight": (8, 8, 1, 1)})
    assert found["encoder.conv_in.bias"].name == "first_stage_model.encoder.conv_in.bias"
    assert found["quant_conv.bias"].name == "first_stage_model.quant_conv.bias"


@pytest.fixture
def small(monkeypatch):
    """Both networks at tiny size."""
    monkeypatch.setattr(expected, "VAE_CHANNELS", (2, 3, 4, 4))
    monkeypatch.setattr(expected, "CLIP_LAYERS", 2)
    monkeypatch.setattr(expected, "CLIP_WIDTH", 6)
    monkeypatch.setattr(expected, "CLIP_PROJECTION", 5)


@pytest.fixture
def checkpoint(small, tmp_path):
    """A tiny single file with random numbers, and its tensors."""
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    made, generator = {}, torch.Generator().manual_seed(0)
    for network in single_file.NETWORKS:
        for source in sources(network, {}).values():
            made.setdefault(source.name, torch.randn(source.shapes[0], generator=generator))
    made["model.diffusion_model.out.0.weight"] = torch.zeros(3)
    path = tmp_path / "svd_xt.safetensors"
    save_file(made, path)
    return path, made


def read_copy(path, network, cache):
    return pytest.importorskip("safetensors.torch").load_file(
        extract_network(path, network, cache).path
    )


def test_numbers_land_in_their_places(checkpoint, tmp_path):
    torch = pytest.importorskip("torch")
    path, made = checkpoint
    clip = read_copy(path, "image_encoder", tmp_path)
    assert {k: tuple(v.shape) for k, v in clip.items()} == expected.clip_vision()
    for last in ("weight", "bias"):
        name = f"vision_model.encoder.layers.1.self_attn.{{}}_proj.{last}"
        joined = torch.cat([clip[name.format(part)] for part in "qkv"])
        assert torch.equal(joined, made[f"{TOWER}.transformer.resblocks.1.attn.in_proj_{last}"])
    assert torch.equal(clip["visual_projection.weight"], made[f"{TOWER}.proj"].T)
    vae = read_copy(path, "vae", tmp_path)
    assert {k: tuple(v.shape) for k, v in vae.items()} == expected.vae()
    for name, source in sources("vae", {}).items():
        assert torch.equal(vae[name].flatten(), made[source.name].flatten()), name


def test_a_network_is_copied_once_and_again_when_the_file_changed(checkpoint, tmp_path):
    path, _ = checkpoint
    told = []
    first = extract_network(path, "vae", tmp_path / "cache", say=told.append)
    assert first.made
    assert first.path.is_relative_to(tmp_path / "cache")
    assert len(told) == 1
    assert not extract_network(path, "vae", tmp_path / "cache").made
    contents = bytearray(path.read_bytes())
    contents[-1] ^= 1
    path.write_bytes(contents)
    os.utime(path, ns=(1, 1))
    assert extract_network(path, "vae", tmp_path / "cache").made


def write_zeros(path, shapes):
    with path.open("wb") as file:
        write_header(file, [(name, "F16", shape) for name, shape in shapes.items()], {})
        for shape in shapes.values():
            size = 2
            for side in shape:
                size *= side
            file.write(bytes(size))


def test_another_checkpoint_is_refused_by_its_header(small, tmp_path):
    path = tmp_path / "svd_xt.safetensors"
    write_zeros(path, {"model.diffusion_model.out.0.weight": (3,)})
    assert len(single_file_problems(path, "vae")) == len(expected.vae())
    with pytest.raises(WeightsError, match=r"no SVD-XT checkpoint.*missing and \d+ more"):
        extract_network(path, "vae", tmp_path)


def test_a_wrong_shape_is_named(small, tmp_path):
    path = tmp_path / "svd_xt.safetensors"
    shapes = {s.name: s.shapes[0] for s in sources("vae", {}).values()}
    shapes["first_stage_model.decoder.conv_in.weight"] = (4, 9, 3, 3)
    write_zeros(path, shapes)
    assert single_file_problems(path, "vae") == [
        "first_stage_model.decoder.conv_in.weight has the shape (4, 9, 3, 3), expected (4, 4, 3, 3)"
    ]
