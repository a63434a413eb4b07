import pytest
import torch

from opensonic.engines.diffusion.context import CONSTANT, Branch, Context, KVCache
from opensonic.engines.diffusion.dimensions import UNetSizes
from opensonic.engines.diffusion.mask import MaskGrids, grid_size
from opensonic.engines.diffusion.unet import SonicUNet

CLOSE = 1e-5
SAME = 1e-6 * 2  # two float32 formulations, each 1e-6 from the truth


def _branches(image, audio, frames):
    return tuple(
        Branch(image[i : i + frames], audio[i : i + frames]) for i in range(0, len(image), frames)
    )


def _call(unet, case, kind, **options):
    frames = case["in.sample"].shape[1]
    branches = _branches(case[f"{kind}.image_tokens"], case[f"{kind}.audio_tokens"], frames)
    context = Context(branches, frames, MaskGrids(case["in.mask"]), **options)
    ids = case[f"{kind}.added_time_ids"]
    return unet(case["in.sample"], case["in.timestep"], context, ids)


@pytest.mark.parametrize("plain", [True, False])
def test_golden_outputs(golden, build_golden_unet, error, plain):
    for name in golden.names("b_unet*"):
        unet, case = build_golden_unet(name), golden.tensors(name)
        for key in [key for key in case if "out.scale" in key]:
            kind = "gen" if key.startswith("gen") else "in"
            scale = float(key.split("scale")[1])
            out = _call(unet, case, kind, audio_scale=scale, plain=plain)
            assert error(out, case[key]) < CLOSE, (name, key)


@pytest.mark.parametrize("plain", [True, False])
def test_golden_intermediates(golden, build_golden_unet, error, plain):
    for name in golden.names("b_unet*"):
        unet, case = build_golden_unet(name), golden.tensors(name)
        seen = {}

        def keep(key, module, unet=unet, seen=seen):
            def hook(_, args, kwargs, out):
                seen[f"{key}_in"] = args[0] if args else kwargs.get("hidden_states")
                seen[f"{key}_out"] = out[0] if isinstance(out, tuple) else out

            return unet.get_submodule(module).register_forward_hook(hook, with_kwargs=True)

        attention = "mid_block.attentions.0"
        places = {
            "mid_attn": attention,
            "mid_attn.spatial_block": f"{attention}.transformer_blocks.0",
            "mid_attn.temporal_block": f"{attention}.temporal_transformer_blocks.0",
        }
        recorded = [key.removeprefix("mid.") for key in case if key.startswith("mid.")]
        for point in recorded:
            place = point.removesuffix("_out").removesuffix("_in")
            keep(place, places.get(place, place))
        _call(unet, case, "in", plain=plain)
        for point in recorded:
            reference = case[f"mid.{point}"]
            assert error(seen[point][-len(reference) :], reference) < CLOSE, (name, point)


def _random_call(unet, *, frames=5, mask=None, branches=(0, 1, 2), **options):
    generator = torch.Generator().manual_seed(1)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    noisy, image = draw(frames, 4, 16, 16), draw(1, 4, 16, 16).expand(frames, -1, -1, -1)
    token, silence, heard = draw(1, 1, 32), draw(1, 6, 32), draw(frames, 6, 32)
    told = (
        Branch(torch.zeros_like(token), silence, CONSTANT),
        Branch(token, silence, CONSTANT),
        Branch(token, heard, tuple(range(frames))),
    )
    samples = torch.stack([torch.cat([noisy, image * (i > 0)], dim=1) for i in branches])
    if mask is None:
        mask = torch.zeros(1, 1, 128, 128)
        mask[..., 30:90, 40:70] = 1
    context = Context(tuple(told[i] for i in branches), frames, MaskGrids(mask), **options)
    ids = torch.tensor([[12.5, 30.0, 25.0]]).expand(len(branches), -1)
    return unet(samples, torch.tensor(0.7), context, ids)


@pytest.mark.parametrize("mask_value", [None, 0.0, 0.8])
def test_both_formulations_are_equal(random_unet, error, mask_value):
    mask = None if mask_value is None else torch.full((1, 1, 128, 128), mask_value)
    plain = _random_call(random_unet, mask=mask, plain=True)
    ours = _random_call(random_unet, mask=mask, cache=KVCache())
    assert error(ours, plain) < SAME


def test_both_formulations_are_the_same_mathematics(random_unet, error):
    import copy

    unet = copy.deepcopy(random_unet).double()
    torch.set_default_dtype(torch.float64)
    try:
        plain, ours = (_random_call(unet, **each) for each in ({"plain": True}, {"twin": 2}))
    finally:
        torch.set_default_dtype(torch.float32)
    assert plain.dtype == torch.float64
    assert error(ours, plain) < 1e-7  # the mask's grids stay float32


def test_sharing_the_first_layers_changes_nothing(random_unet, error):
    plain = _random_call(random_unet, plain=True)
    together = _random_call(random_unet, twin=2)
    assert error(together, plain) < SAME
    early = {}
    one_by_one = [
        _random_call(random_unet, branches=(0,)),
        _random_call(random_unet, branches=(1,), early=early),
        _random_call(random_unet, branches=(2,), early=early, twin=0),
    ]
    assert error(torch.cat(one_by_one), plain) < SAME
    assert not early


def test_shared_layers_run_once(random_unet):
    rows = []
    conv = random_unet.down_blocks[0].resnets[0].spatial_res_block.conv1
    hook = conv.register_forward_hook(lambda _, args, out: rows.append(len(args[0])))
    _random_call(random_unet, twin=2, frames=5)
    early = {}
    _random_call(random_unet, branches=(1,), early=early)
    _random_call(random_unet, branches=(2,), early=early, twin=0)
    hook.remove()
    assert rows == [10, 5]


def test_cache_keeps_the_first_frames_within_its_bound(random_unet, error):
    free, tight = KVCache(), KVCache(limit=20_000)
    plain = _random_call(random_unet, plain=True)
    for cache in (free, tight):
        for _ in range(2):
            assert error(_random_call(random_unet, cache=cache), plain) < SAME
    assert 0 < tight.used <= 20_000 < free.used


def test_cached_frames_are_not_projected_again(random_unet):
    calls = []
    attention = random_unet.mid_block.attentions[0].transformer_blocks[0].attn2.processor
    hook = attention.to_k_ip[0].register_forward_hook(
        lambda _, args, out: calls.append(len(args[0]))
    )
    cache = KVCache()
    _random_call(random_unet, cache=cache)
    _random_call(random_unet, cache=cache)
    hook.remove()
    assert calls == [1, 5]  # silence once, five frames once


def test_gradients_reach_the_audio_weights(random_unet):
    import copy

    unet = copy.deepcopy(random_unet).requires_grad_(True)
    _random_call(unet, twin=2).square().mean().backward()
    for name, weight in unet.named_parameters():
        if "processor" in name:
            assert weight.grad is not None
            assert weight.grad.abs().max() > 0, name


def test_full_size_has_the_published_names_and_shapes(published_shapes):
    with torch.device("meta"):
        unet = SonicUNet(UNetSizes())
    found = {key: tuple(each.shape) for key, each in unet.state_dict().items()}
    assert found == published_shapes("official_unet_keys")
    listeners = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    assert len(listeners) == 32


@pytest.mark.parametrize("width", range(64, 1025, 64))
@pytest.mark.parametrize("height", [64, 320, 512, 704])
def test_grid_is_the_feature_map(width, height):
    for cell in (8, 16, 32, 64):
        size = (height // cell, width // cell)
        assert grid_size(size[0] * size[1], height, width) == size


def test_the_layout_for_gpus_changes_rounding_only(random_unet, error):
    import copy

    unet = copy.deepcopy(random_unet)
    unet.lay_out_for_gpu()
    assert unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert error(_random_call(unet), _random_call(random_unet, plain=True)) < 2e-5


def test_blocks_that_would_be_compiled_are_the_ones_without_a_context(random_unet, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: compiled.append(module))
    random_unet.compile_blocks()
    assert len(compiled) > 10
    assert not any(module in random_unet._listeners for module in compiled)
