import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from opensonic.engines.diffusion.conditions import SamplerSettings
from opensonic.engines.diffusion.decode import decode_clip
from opensonic.engines.diffusion.dimensions import Dimensions, VAESizes, write_sizes
from opensonic.engines.diffusion.model import SIZES, SonicModel
from opensonic.engines.diffusion.noise import draw_noise
from opensonic.engines.diffusion.picture import PreparedPicture, prepare_picture
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.state import start_state
from opensonic.errors import WeightsError

TABLES = {
    "unet": "official_unet_keys",
    "vae": "extra_vae_keys",
    "clip": "extra_clip_vision_keys",
    "whisper": "extra_whisper_tiny_encoder_keys",
    "audio_tokens": "official_audio2token_keys",
    "buckets": "official_audio2bucket_keys",
}


def test_full_size_has_the_published_names_and_shapes(published_shapes):
    model = SonicModel.build_on_meta()
    assert model.dimensions == Dimensions()
    for name, network in model.networks().items():
        found = {key: tuple(each.shape) for key, each in network.state_dict().items()}
        assert found == published_shapes(TABLES[name]), name
    assert all(each.is_meta for each in model.unet.parameters())


def _write(model, folder):
    files = {}
    for name, network in model.networks().items():
        files[name] = folder / f"{name}.safetensors"
        state = {key: each.contiguous() for key, each in network.state_dict().items()}
        save_file(state, files[name], write_sizes(getattr(model.dimensions, name)))
    return files


@pytest.fixture(scope="module")
def tiny_model():
    return SonicModel.tiny(1)


@pytest.fixture
def tiny_files(tiny_model, tmp_path):
    return _write(tiny_model, tmp_path)


def _animate(model):
    generator = np.random.default_rng(0)
    image = generator.integers(0, 255, (90, 70, 3), dtype=np.uint8)
    sound = generator.normal(0, 0.1, 9_000).astype(np.float32)
    picture = prepare_picture(image, (10, 10, 50, 60), 64)
    conditions = model.prepare(picture, [sound])
    settings = SamplerSettings(n_steps=2, window=6)
    size = tuple(conditions.image_latents.shape[2:])
    noise = draw_noise(conditions.audio.n_frames, size, torch.Generator().manual_seed(3))
    state = start_state(conditions, noise, settings)
    for _ in Sampler(model.unet, conditions, settings).run(state):
        pass
    return torch.cat(list(decode_clip(model.vae, state.latents)))


def test_a_loaded_model_does_what_the_saved_one_did(tiny_model, tiny_files):
    loaded = SonicModel.load(tiny_files, dtype=torch.float32)
    assert loaded.dimensions == tiny_model.dimensions
    frames = _animate(tiny_model)
    assert frames.shape == (8, 3, 64, 64)
    assert frames.std() > 0.01
    assert torch.equal(_animate(loaded), frames)


def test_half_precision_is_for_the_large_networks_only(tiny_files):
    model = SonicModel.load(tiny_files, dtype=torch.bfloat16)
    dtypes = {name: {p.dtype for p in net.parameters()} for name, net in model.networks().items()}
    assert dtypes["unet"] == dtypes["vae"] == dtypes["clip"] == {torch.bfloat16}
    assert dtypes["whisper"] == dtypes["audio_tokens"] == dtypes["buckets"] == {torch.float32}
    assert _animate(model).isfinite().all()


def test_tiny_models_are_repeatable():
    first, second, other = SonicModel.tiny(4), SonicModel.tiny(4), SonicModel.tiny(5)
    name = "conv_in.weight"
    weights = [model.unet.state_dict()[name] for model in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_whisper_may_come_with_its_decoder(tiny_model, tiny_files):
    state = tiny_model.whisper.state_dict()
    whole = {f"model.encoder.{key}": each.contiguous() for key, each in state.items()}
    whole["model.decoder.layers.0.fc1.weight"] = torch.zeros(2, 2)
    save_file(whole, tiny_files["whisper"], write_sizes(tiny_model.dimensions.whisper))
    loaded = SonicModel.load(tiny_files, dtype=torch.float32)
    assert torch.equal(loaded.whisper.conv1.weight, tiny_model.whisper.conv1.weight)


def test_missing_files_are_all_named(tiny_files):
    tiny_files.pop("vae")
    tiny_files["clip"].unlink()
    with pytest.raises(WeightsError, match="weights of vae, clip are missing"):
        SonicModel.load(tiny_files)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda state: state.pop("conv_in.bias"), "1 tensors are missing"),
        (lambda state: state.update(extra=torch.zeros(1)), "1 unknown"),
        (lambda state: state.update({"conv_in.bias": torch.zeros(3)}), "1 of another shape"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(tiny_model, tiny_files, spoil, message):
    state = {key: each.contiguous() for key, each in tiny_model.unet.state_dict().items()}
    spoil(state)
    save_file(state, tiny_files["unet"], write_sizes(tiny_model.dimensions.unet))
    with pytest.raises(WeightsError, match=message):
        SonicModel.load(tiny_files)


def test_damaged_files_and_sizes_are_refused(tiny_model, tiny_files):
    state = {key: each.contiguous() for key, each in tiny_model.vae.state_dict().items()}
    save_file(state, tiny_files["vae"], {"sizes": '{"colours": 3}'})
    with pytest.raises(WeightsError, match="not those of VAESizes"):
        SonicModel.load(tiny_files)
    save_file(state, tiny_files["vae"], write_sizes(VAESizes()))
    with pytest.raises(WeightsError, match="not the weights of vae"):
        SonicModel.load(tiny_files)
    tiny_files["vae"].write_bytes(b"not safetensors")
    with pytest.raises(WeightsError, match="cannot be read as safetensors"):
        SonicModel.load(tiny_files)


def test_golden_clip_embedding(golden, error):
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    facts, case = golden.facts("c_inputs"), golden.tensors("c_inputs")
    model = SonicModel.tiny()
    model.clip = CLIPVisionModelWithProjection(CLIPVisionConfig(**facts["clip_config"])).eval()
    model.clip.load_state_dict(golden.tensors("c_clip_state"))
    picture = PreparedPicture(case["in.ref_img"], case["in.face_mask"], case["in.clip_img"])
    assert error(model.embed_picture(picture), case["clip.image_embeds"]) < 1e-5


def test_names_are_those_of_the_dimensions():
    assert list(SIZES) == list(Dimensions.__dataclass_fields__)


def test_a_file_in_another_ones_place_is_named(tiny_files):
    files = tiny_files | {"buckets": tiny_files["audio_tokens"]}
    with pytest.raises(
        WeightsError, match=r"audio_tokens\.safetensors: not the weights of buckets"
    ):
        SonicModel.load(files)
