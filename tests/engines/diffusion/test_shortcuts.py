import math

import pytest
import torch

from opensonic.engines.diffusion.clip import refuse_unfit, sampler_settings
from opensonic.engines.diffusion.conditions import Conditions, SamplerSettings
from opensonic.engines.diffusion.noise import draw_noise
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.scheduler import euler_step, karras_sigmas
from opensonic.engines.diffusion.shortcuts import (
    SHORTCUTS,
    Shortcuts,
    foretell_clean,
    second_order_step,
)
from opensonic.engines.diffusion.state import start_state
from opensonic.errors import SettingsError
from opensonic.settings import Settings

SPREAD = 0.5


def _solve(n_steps, *, second_order):
    """Walk from noise to data that is normal with spread 0.5, for which the truth is known."""
    sigmas = karras_sigmas(n_steps).double()
    x = torch.tensor([1.3 * 700.0], dtype=torch.float64)
    before = None
    for i in range(n_steps):
        now, following = sigmas[i], sigmas[i + 1]
        clean = x * SPREAD**2 / (SPREAD**2 + now**2)
        v = (x / (now**2 + 1) - clean) * (now**2 + 1) ** 0.5 / now
        torch.testing.assert_close(foretell_clean(v, x, now).double(), clean, rtol=1e-4, atol=1e-6)
        if second_order and before is not None:
            x = second_order_step(x, clean, before, (sigmas[i - 1], now, following))
        else:
            x = euler_step(v, x, now, following)
        before = clean
    truth = 1.3 * 700.0 * SPREAD / math.hypot(SPREAD, 700.0)
    return abs(x.item() - truth) / truth


def test_second_order_needs_fewer_steps_for_the_same_error():
    exact = _solve(25, second_order=False)
    assert _solve(15, second_order=True) < exact
    assert _solve(10, second_order=True) < 2 * exact
    assert _solve(15, second_order=False) > 1.4 * exact


class _Tokens:
    n_frames = 6

    def __init__(self, dim):
        self._tokens = torch.randn(7, 6, dim)

    def of_frames(self, frames):
        return self._tokens[list(frames)]

    def of_silence(self):
        return self._tokens[-1:]


def _conditions(dim):
    return Conditions(
        image_latents=torch.randn(1, 4, 8, 8),
        image_token=torch.randn(1, 1, dim),
        mask=torch.ones(1, 1, 64, 64),
        buckets=torch.full((6, 2), 16.0),
        audio=_Tokens(dim),
    )


@pytest.fixture
def sample(random_unet):
    def sample(shortcuts, n_steps=6, **changes):
        torch.manual_seed(0)
        conditions = _conditions(random_unet.sizes.cross_attention_dim)
        settings = SamplerSettings(
            n_steps=n_steps, window=4, shift=1, shortcuts=shortcuts, **changes
        )
        noise = draw_noise(6, (8, 8), torch.Generator().manual_seed(1))
        state = start_state(conditions, noise, settings)
        for _ in Sampler(random_unet, conditions, settings).run(state):
            pass
        return state.latents

    return sample


def test_nothing_saved_is_exact_and_something_saved_is_near(sample):
    exact = sample(Shortcuts())
    assert torch.equal(exact, sample(SHORTCUTS["exact"]))
    for word in ("fast", "faster"):
        other = sample(SHORTCUTS[word])
        assert not torch.equal(other, exact)
        assert other.isfinite().all()


@pytest.mark.parametrize("branch_batch", [1, 2])
def test_leaving_a_branch_out_does_not_depend_on_how_branches_are_batched(sample, branch_batch):
    saved = Shortcuts(leave_out_from=0.5)
    together = sample(saved)
    torch.testing.assert_close(
        sample(saved, branch_batch=branch_batch), together, rtol=1e-4, atol=1e-4
    )


def test_a_branch_that_weighs_nothing_may_be_left_out(sample):
    same = {"image_guidance": (1.0, 1.0)}
    saved = sample(Shortcuts(leave_out_from=0), **same)
    torch.testing.assert_close(saved, sample(Shortcuts(), **same), rtol=1e-4, atol=1e-4)


def test_deep_features_of_every_step_are_exact(random_unet, monkeypatch):
    """What a step kept, used by the same step, gives the very same; the deep blocks do not run."""
    torch.manual_seed(0)
    dim = random_unet.sizes.cross_attention_dim
    sampler = Sampler(random_unet, _conditions(dim), SamplerSettings(branch_batch=2))
    latents, deep = torch.randn(4, 4, 8, 8), {}
    with torch.no_grad():
        expected = sampler.predict(latents, (0, 1, 2, 3), 12)
        kept = sampler.predict(latents, (0, 1, 2, 3), 12, deep)
        assert sorted(deep) == [0, 1, 2]
        monkeypatch.setattr(random_unet.mid_block, "forward", None)
        again = sampler.predict(latents, (0, 1, 2, 3), 12, deep)
        other = sampler.predict(2 * latents, (0, 1, 2, 3), 12, deep)
    assert torch.equal(kept, expected)
    torch.testing.assert_close(again, expected, rtol=1e-5, atol=1e-5)
    assert not torch.equal(other, expected)


def test_windows_that_stay_save_work_and_end_where_the_steps_do(sample):
    exact = sample(Shortcuts(), n_steps=5)
    stayed = sample(Shortcuts(stay=2), n_steps=5)
    assert not torch.equal(stayed, exact)
    assert stayed.isfinite().all()
    torch.testing.assert_close(sample(Shortcuts(stay=2), n_steps=1), sample(Shortcuts(), n_steps=1))
    settings = SamplerSettings(n_steps=5, window=4, shift=1, shortcuts=Shortcuts(stay=2))
    assert [len(settings.windows(6, step)) > 0 for step in range(5)] == [True, False] * 2 + [True]
    assert [*settings.turn(4)] == [4]


def test_words_stand_for_shortcuts_and_compat_takes_none(make_speech):
    assert sampler_settings(Settings(inference_steps=25, speed="fast"), 25).n_steps == 15
    assert sampler_settings(Settings(inference_steps=25, speed="faster"), 25).n_steps == 10
    assert sampler_settings(Settings(inference_steps=1, speed="faster"), 25).n_steps == 1
    speech, _ = make_speech("1")
    with pytest.raises(SettingsError, match="compat"):
        refuse_unfit(speech, Settings(speed="fast", compat=True))
