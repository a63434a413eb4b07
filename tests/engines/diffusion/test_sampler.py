import copy

import pytest
import torch

from opensonic.engines.diffusion.conditions import Conditions, SamplerSettings
from opensonic.engines.diffusion.decode import Runs, decode_clip, to_unit
from opensonic.engines.diffusion.noise import draw_noise, draw_published_noise
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.scheduler import timestep
from opensonic.engines.diffusion.state import SamplerState, start_state
from opensonic.errors import InputError

CLOSE = 1e-5
FORMULATIONS = [
    {"plain": True},
    {"branch_batch": 3},
    {"branch_batch": 2},
    {"branch_batch": 1, "cache_bytes": 0},
]


class StoredTokens:
    def __init__(self, tokens, silence):
        self.tokens, self.silence, self.n_frames = tokens, silence, len(tokens)

    def of_frames(self, frames):
        return self.tokens[list(frames)]

    def of_silence(self):
        return self.silence


class RecordingSampler(Sampler):
    """Keeps what each window predicts and becomes."""

    def __init__(self, *args):
        super().__init__(*args)
        self.predictions, self.ids = [], []

    def predict(self, latents, window, step, deep=None):
        prediction = super().predict(latents, window, step, deep)
        self.predictions.append(prediction)
        self.ids.append(self.time_ids(window)[0])
        return prediction


def _conditions(inputs, n_frames):
    return Conditions(
        image_latents=inputs["vae.ref_latent_mean"],
        image_token=inputs["clip.image_embeds"][:, None],
        mask=inputs["in.face_mask"],
        buckets=inputs["in.buckets"][:n_frames].flatten(1),
        audio=StoredTokens(inputs["in.audio"][:n_frames], inputs["in.uncond"][:1]),
    )


def _settings(args, **options):
    return SamplerSettings(
        n_steps=args["num_inference_steps"],
        window=args["frames_per_batch"],
        overlap=args["overlap"],
        shift=args["shift_offset"],
        image_guidance=(args["min_guidance_scale1"], args["max_guidance_scale1"]),
        audio_guidance=(args["min_guidance_scale2"], args["max_guidance_scale2"]),
        translation_scale=args["motion_bucket_scale"],
        expression_scale=args["motion_bucket_scale"],
        strength=args["i2i_noise_strength"],
        fps=args["fps"],
        compat=True,
        **options,
    )


@pytest.mark.parametrize("options", FORMULATIONS, ids=str)
def test_golden_clips(golden, golden_unet, golden_vae, error, options):
    names = golden.names("c[0-9]*")
    for name in names if options in FORMULATIONS[:2] else names[:1]:
        facts, case = golden.facts(name), golden.tensors(name)
        inputs = golden.tensors(facts["inputs"].split(".")[0])
        settings = _settings(facts["args"], **options)
        conditions = _conditions(inputs, facts["num_frames"])
        noise = inputs["in.latents"][0, : facts["num_frames"]]
        state = start_state(conditions, noise, settings)
        sampler = RecordingSampler(golden_unet, conditions, settings)
        after = [state.latents.clone()]
        for position in sampler.run(state):
            if position.window == position.n_windows - 1:
                after.append(state.latents.clone())
        for step, latents in enumerate(after):
            assert error(latents, case[f"latents_step{step}"][0]) < CLOSE, (name, step)
        assert len(after) == sum(key.startswith("latents_step") for key in case)
        for i, prediction in enumerate(sampler.predictions):
            if f"win{i}.guided_pred" in case:
                assert error(prediction, case[f"win{i}.guided_pred"][0]) < CLOSE, (name, i)
        assert error(torch.stack(sampler.ids), case["added_time_ids"]) < CLOSE
        if options == {"branch_batch": 3}:
            _check_tables(facts, case, settings, error)
            _check_frames(facts, case, after[-1], golden_vae, error)


def _check_tables(facts, case, settings, error):
    planned = [
        {"step": step, "idx": list(window)}
        for step in range(settings.n_run)
        for window in settings.windows(facts["num_frames"], step)
    ]
    assert planned == [{key: each[key] for key in ("step", "idx")} for each in facts["windows"]]
    assert error(settings.sigmas(), case["sigmas"][-settings.n_run - 1 :]) < CLOSE
    assert error(timestep(settings.sigmas()[:-1]), case["timesteps"][-settings.n_run :]) < CLOSE
    for key, ramp in (("guidance1", "image_guidance"), ("guidance2", "audio_guidance")):
        guidance = torch.linspace(*getattr(settings, ramp), settings.n_run)
        assert error(guidance, case[key].flatten()) < CLOSE


def _check_frames(facts, case, latents, vae, error):
    chunk = facts["args"]["decode_chunk_size"]
    frames = torch.cat(
        list(decode_clip(vae, latents, runs=Runs(frames=chunk, overlap=0), compat=True))
    )
    key = "frames" if "frames" in case else "frames_first2_last"
    frames = frames if key == "frames" else frames[[0, 1, -1]]
    reference = to_unit(case[key][0].transpose(0, 1))
    assert error(frames, reference) < 5e-5  # of 1; before clamping they reach to 8


@pytest.fixture
def clip(random_unet):
    """What a run needs: conditions of 11 frames and their noise."""
    generator = torch.Generator().manual_seed(2)
    n_frames = 11

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 10:50, 20:40] = 1
    conditions = Conditions(
        image_latents=draw(1, 4, 8, 8),
        image_token=draw(1, 1, 32),
        mask=mask,
        buckets=20 + draw(n_frames, 2),
        audio=StoredTokens(draw(n_frames, 6, 32), draw(1, 6, 32)),
    )
    return conditions, torch.stack([*draw_noise(n_frames, (8, 8), generator)])


def _run(unet, clip, state=None, stop_after=None, **options):
    conditions, noise = clip
    defaults = {"n_steps": 3, "window": 4, "overlap": 1, "shift": 2}
    settings = SamplerSettings(**(defaults | options))
    state = state or start_state(conditions, noise, settings)
    positions = []
    for position in Sampler(unet, conditions, settings).run(state):
        positions.append(position)
        if len(positions) == stop_after:
            break
    return state, positions


@pytest.mark.parametrize("compat", [False, True])
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(random_unet, clip, tmp_path, compat):
    whole, positions = _run(random_unet, clip, compat=compat)
    for stop in (1, 2, 5, len(positions)):
        state, _ = _run(random_unet, clip, stop_after=stop, compat=compat)
        state.save(tmp_path / "state.safetensors")
        loaded = SamplerState.load(tmp_path / "state.safetensors")
        assert (loaded.step, loaded.window) == (state.step, state.window)
        finished, rest = _run(random_unet, clip, state=loaded, compat=compat)
        assert len(rest) == len(positions) - stop
        assert torch.equal(finished.latents, whole.latents)
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]


def test_a_file_that_is_no_state_is_refused(tmp_path):
    (tmp_path / "no.safetensors").write_bytes(b"something else")
    with pytest.raises(InputError, match="not the state of an interrupted run"):
        SamplerState.load(tmp_path / "no.safetensors")


def test_only_shared_frames_are_held_between_windows(random_unet, clip):
    conditions, noise = clip
    settings = SamplerSettings(n_steps=2, window=4, overlap=1, shift=2)
    state = start_state(conditions, noise, settings)
    for _ in Sampler(random_unet, conditions, settings).run(state):
        assert len(state.sums) <= 3
    assert not state.sums


def test_positions_count_every_window(random_unet, clip):
    _, positions = _run(random_unet, clip, overlap=0, shift=3)
    assert [(p.step, p.window, p.n_windows) for p in positions] == [
        *((0, k, 3) for k in range(3)),
        *((1, k, 4) for k in range(4)),
        *((2, k, 4) for k in range(4)),
    ]
    assert {p.n_steps for p in positions} == {3}


def test_first_and_last_frames_are_strangers_by_default(random_unet, clip):
    conditions, noise = clip
    changed = noise.clone()
    changed[-1] += 1
    for compat, meets in ((False, False), (True, True)):
        base, _ = _run(random_unet, (conditions, noise), n_steps=1, overlap=0, compat=compat)
        other, _ = _run(random_unet, (conditions, changed), n_steps=1, overlap=0, compat=compat)
        assert (not torch.equal(base.latents[0], other.latents[0])) == meets


@pytest.mark.parametrize("n_frames", [1, 2, 5])
def test_clips_shorter_than_a_window(random_unet, clip, n_frames):
    conditions, noise = clip
    short = Conditions(
        image_latents=conditions.image_latents,
        image_token=conditions.image_token,
        mask=conditions.mask,
        buckets=conditions.buckets[:n_frames],
        audio=StoredTokens(conditions.audio.tokens[:n_frames], conditions.audio.silence),
    )
    state, positions = _run(random_unet, (short, noise[:n_frames]), window=25)
    assert len(positions) == 3
    assert state.latents.shape == (n_frames, 4, 8, 8)
    assert state.latents.isfinite().all()


def test_the_two_buckets_have_scales_of_their_own(random_unet, clip):
    conditions, _ = clip
    base = Sampler(random_unet, conditions, SamplerSettings()).time_ids((0, 1, 2))
    scaled = SamplerSettings(translation_scale=2.0, expression_scale=0.5)
    ids = Sampler(random_unet, conditions, scaled).time_ids((0, 1, 2))
    assert torch.allclose(ids, base * torch.tensor([1.0, 2.0, 0.5]))
    assert base[0, 0] == 12.5
    faster = Sampler(random_unet, conditions, SamplerSettings(fps=25)).time_ids((0, 1, 2))
    assert faster[0].tolist() == [25, *base[0, 1:].tolist()]


def test_a_network_that_gives_no_numbers_is_told_at_its_first_window(random_unet, clip):
    broken = copy.deepcopy(random_unet)
    broken.conv_out.bias[0] = torch.inf
    conditions, noise = clip
    settings = SamplerSettings(n_steps=2, window=4)
    state = start_state(conditions, noise, settings)
    before = state.latents[list(range(len(noise)))].clone()
    with pytest.raises(InputError, match="denoising network gave values that are no numbers"):
        next(Sampler(broken, conditions, settings).run(state))
    assert torch.equal(state.latents[list(range(len(noise)))], before)
    assert (state.step, state.window) == (0, 0)
    assert not state.sums


def test_guidance_ramps_and_strength():
    settings = SamplerSettings(n_steps=10, strength=0.35)
    assert settings.n_run == 3
    assert torch.equal(settings.sigmas(), SamplerSettings(n_steps=10).sigmas()[7:])
    with pytest.raises(InputError, match="leaves none"):
        SamplerSettings(n_steps=10, strength=0.05)
    with pytest.raises(InputError, match="less than a window"):
        SamplerSettings(window=4, overlap=4)


def test_in_half_precision_guidance_is_rounded_as_published(random_unet, clip):
    conditions, _ = clip
    settings = SamplerSettings(n_steps=4, image_guidance=(1.0, 2.0), audio_guidance=(1.0, 3.0))
    sampler = Sampler(random_unet, conditions, settings)
    outputs = torch.randn(3, 100, generator=torch.Generator().manual_seed(1)).half()
    first, second = (torch.linspace(*ramp, 4).half()[1] for ramp in ((1.0, 2.0), (1.0, 3.0)))
    nothing, picture, speech = outputs
    expected = nothing + first * (picture - nothing) + second * (speech - picture)
    assert torch.equal(sampler._guide([*outputs], 1), expected)


def test_noise_of_a_longer_clip_begins_like_that_of_a_shorter_one():
    short, long, other = (
        torch.stack([*draw_noise(n, (8, 8), torch.Generator().manual_seed(seed))])
        for n, seed in ((3, 7), (5, 7), (3, 8))
    )
    assert torch.equal(long[:3], short)
    assert not torch.equal(other, short)


def test_published_noise_comes_after_the_pictures():
    generator = torch.Generator().manual_seed(7)
    torch.randn(1, 3, 64, 64, generator=generator, dtype=torch.float16)
    expected = torch.randn(1, 3, 4, 8, 8, generator=generator, dtype=torch.float16)[0]
    noise = draw_published_noise(3, (8, 8), torch.Generator().manual_seed(7))
    assert torch.equal(torch.stack([*noise]), expected)


def test_half_precision_stays_near_single(random_unet, clip, error):
    half = copy.deepcopy(random_unet).to(torch.bfloat16)
    conditions, noise = clip
    coarse = Conditions(
        image_latents=conditions.image_latents.to(torch.bfloat16),
        image_token=conditions.image_token.to(torch.bfloat16),
        mask=conditions.mask,
        buckets=conditions.buckets,
        audio=conditions.audio,
    )
    options = {"n_steps": 1, "audio_guidance": (1.0, 1.0), "image_guidance": (1.0, 1.0)}
    fine, _ = _run(random_unet, clip, **options)
    rough, _ = _run(half, (coarse, noise), **options)
    assert rough.latents.dtype == torch.bfloat16
    assert error(rough.latents.float(), fine.latents) < 0.05
