from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from diffusers.models.attention import FeedForward

from opensonic.device import Device
from opensonic.engines.diffusion import feed_forward
from opensonic.engines.diffusion import plan as plan_module
from opensonic.engines.diffusion.conditions import Conditions, SamplerSettings
from opensonic.engines.diffusion.costs import INTERPOLATION_BYTES, Job, count_host, count_memory
from opensonic.engines.diffusion.decode import build_vae, decode_frames
from opensonic.engines.diffusion.dimensions import Dimensions, UNetSizes, tiny
from opensonic.engines.diffusion.plan import duration, plan_run
from opensonic.engines.diffusion.rehearsal import (
    Ledger,
    count,
    rehearse_decode,
    rehearse_encode,
    rehearse_window,
)
from opensonic.engines.diffusion.resources import RUNS, Resources, smaller, smaller_runs
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.engines.diffusion.shortcuts import SHORTCUTS
from opensonic.engines.diffusion.unet import SonicUNet
from opensonic.errors import InputError
from opensonic.post.interpolate.ifnet import IFNet

GB = 10**9
LEAST = Resources(branch_batch=1, cache_bytes=0, decoding=len(RUNS) - 1)


def _card(free=24):
    return Device("cuda:0", "a card", free * GB, free * GB)


def _least(job):
    return replace(LEAST, offload=job.device.kind != "cpu")


def _job(px=512, seconds=10, **changes):
    job = Job(
        dimensions=Dimensions(),
        size=(px, px),
        n_frames=int(12.5 * seconds),
        device=_card(),
        dtype="float16",
        chosen=SamplerSettings(),
    )
    return replace(job, **changes)


def test_work_at_full_size_is_the_published_count_and_ours_is_less():
    arguments = (UNetSizes(), SamplerSettings(plain=True), (64, 64), torch.float16)
    plain = rehearse_window(*arguments, n_frames=25)
    assert plain.flops == pytest.approx(100.01485873152e12, rel=1e-6)
    ours = rehearse_window(UNetSizes(), SamplerSettings(), (64, 64), torch.float16, n_frames=25)
    assert ours.flops < 0.94 * plain.flops
    assert ours.peak_bytes < 0.75 * plain.peak_bytes
    vae = Dimensions().vae
    assert rehearse_decode(vae, (64, 64), torch.float16, n_frames=1).flops * 25 == pytest.approx(
        76.0703483904e12, rel=1e-6
    )
    assert rehearse_encode(vae, (64, 64), torch.float16).flops == pytest.approx(
        1.116658466816e12, rel=1e-6
    )


@pytest.mark.parametrize(("px", "limit"), [(512, 10), (1024, 20)])
def test_the_published_model_fits(px, limit):
    plan = plan_run(_job(px), budget=limit * GB, time_it=False)
    assert plan.peak.total <= limit * GB
    assert plan.resources.branch_batch == 3
    assert f"of {limit}.0 GB" in plan.notes()[0]


def test_the_device_does_not_notice_the_length_and_the_host_hardly_does():
    short, long = (plan_run(_job(seconds=s), time_it=False) for s in (10, 3600))
    assert long.peak.total - short.peak.total <= short.resources.cache_bytes
    assert long.resources == short.resources
    assert long.flops > 300 * short.flops


def test_latents_of_a_long_clip_lie_in_a_file_and_little_grows_in_memory():
    heard, latents = 1024 * 4 + 2 * 4, 4 * 128 * 128 * 2
    assert count_host(_job(1024, seconds=4)) == (50 * (heard + latents), 0)
    for px, share in ((512, 1), (1024, 4)):
        assert count_host(_job(px, seconds=100)) == (1250 * heard, 1250 * latents // 4 * share)
    quick = _job(seconds=100, chosen=SamplerSettings(shortcuts=SHORTCUTS["fast"]))
    assert count_host(quick) == (1250 * heard, 1250 * latents // 2)
    assert (
        "5.1 MB and 41.0 MB in a temporary file"
        in plan_run(_job(seconds=100), time_it=False).notes()[1]
    )


def test_less_memory_means_smaller_steps():
    plans = [plan_run(_job(), budget=b * GB, time_it=False) for b in (20, 10, 6)]
    assert not plans[0].resources.offload
    assert plans[1].resources.offload
    assert plans[2].resources.branch_batch == 1
    assert [p.peak.total for p in plans] == sorted((p.peak.total for p in plans), reverse=True)


def test_what_cannot_fit_is_refused_with_the_nearest_setting_that_does(monkeypatch):
    monkeypatch.setattr(plan_module, "_ways", lambda job: [_least(job)])
    host = Device("cpu", "a host", 24 * GB, 24 * GB)
    small = {"dimensions": tiny(), "device": host, "dtype": "float32"}
    least = max(p.total for p in count_memory(_job(640, **small), LEAST))
    with pytest.raises(InputError, match=r"--min-resolution (\d+) or --memory-budget") as told:
        plan_run(_job(1024, **small), budget=least, time_it=False)
    assert "--min-resolution 640 " in str(told.value)
    assert plan_run(_job(640, **small), budget=least, time_it=False)
    amount = str(told.value).split("--memory-budget ")[1].split("GB")[0]
    assert plan_run(_job(1024, **small), budget=int(float(amount) * GB), time_it=False)
    half = _job(dimensions=tiny(), n_frames=4)
    enough = max(p.total for p in count_memory(half, _least(half)))
    with pytest.raises(InputError, match="--dtype fp16"):
        plan_run(replace(half, dtype="float32"), budget=enough, time_it=False)


def test_compat_keeps_its_windows_and_the_published_work_is_counted():
    job = _job(chosen=SamplerSettings(compat=True))
    plan = plan_run(job, budget=20 * GB, time_it=False)
    assert plan.resources.runs(compat=True).frames == 8
    assert _count_published(job) == pytest.approx(12.5e15 + 0.38e15, rel=0.01)
    assert plan.flops < 0.95 * _count_published(job)


def _count_published(job):
    """Count the operations of the published program: every window whole, each frame decoded."""
    plain, size = replace(job.chosen, plain=True), (job.latent_size, job.torch_dtype)
    window = rehearse_window(job.dimensions.unet, plain, *size, n_frames=plain.window)
    decode = rehearse_decode(job.dimensions.vae, *size, n_frames=1)
    n_windows = sum(len(plain.windows(job.n_frames, step)) for step in range(plain.n_run))
    return window.flops * n_windows + decode.flops * job.n_frames


def _tiny_call(settings, frames=4, side=16):
    sizes = tiny().unet
    unet = SonicUNet(sizes).eval().requires_grad_(False)
    dim = sizes.cross_attention_dim

    class Tokens:
        n_frames = frames

        def of_frames(self, window):
            return torch.randn(len(window), 32, dim)

        def of_silence(self):
            return torch.randn(1, 32, dim)

    conditions = Conditions(
        image_latents=torch.randn(1, 4, side, side),
        image_token=torch.randn(1, 1, dim),
        mask=torch.ones(1, 1, 8 * side, 8 * side),
        buckets=torch.randn(frames, 2),
        audio=Tokens(),
    )
    latents = torch.randn(frames, 4, side, side)

    def call():
        with torch.no_grad():
            Sampler(unet, conditions, settings).predict(latents, tuple(range(frames)), 0)

    return unet, call


def _measure(call):
    """Peak of PyTorch's own allocations on the CPU, from the profiler's record of each."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        call()
    changes = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = peak = 0
    for change in sorted(changes, key=lambda event: event.start_ns()):
        held += change.nbytes()
        peak = max(peak, held)
    return peak


@pytest.mark.parametrize("branch_batch", [1, 3])
def test_the_rehearsal_foretells_what_pytorch_allocates(branch_batch, monkeypatch):
    settings = SamplerSettings(branch_batch=branch_batch, cache_bytes=0)
    foretold = rehearse_window(tiny().unet, settings, (16, 16), torch.float32, n_frames=4)
    _, call = _tiny_call(settings)
    call()
    assert _measure(call) < 1.02 * foretold.peak_bytes  # a CPU's feed-forward layers take less
    monkeypatch.setattr(feed_forward, "CPU_SLICE_ROWS", feed_forward.SLICE_NUMBERS)
    monkeypatch.setattr(feed_forward.SlicedFeedForward, "_compute", FeedForward.forward)
    _, call = _tiny_call(settings)
    call()
    assert foretold.peak_bytes == pytest.approx(_measure(call), rel=0.05)


def test_the_rehearsal_of_decoding_foretells_what_pytorch_allocates():
    sizes = tiny().vae
    vae = build_vae(sizes)
    latents = torch.randn(4, 4, 16, 16)
    foretold = rehearse_decode(sizes, (16, 16), torch.float32, n_frames=4)
    measured = _measure(lambda: decode_frames(vae, latents))
    assert 0.75 * measured < foretold.peak_bytes < 1.1 * measured


def test_the_ledger_counts_what_is_held_on_any_device():
    with Ledger() as ledger:
        a = torch.zeros(1000)
        b = a + 1
        del a
        c = b[10:] * 2
        del b, c
    assert ledger.peak == 2 * 4000
    assert ledger.held == 0


def test_the_work_of_interpolation_is_reserved():
    with torch.device("meta"):
        network = IFNet().to("meta")
        picture = torch.empty(1, 3, 256, 256)
    need = count(network, lambda: network(picture, picture, Fraction(1, 2)))
    assert need.peak_bytes <= INTERPOLATION_BYTES * 256 * 256


def test_every_step_down_takes_less():
    job = _job(dimensions=replace(Dimensions(), unet=tiny().unet))
    resources = Resources()
    peaks = []
    while resources is not None:
        peaks.append(count_memory(job, resources)[1].total)
        resources = smaller(resources)
    assert peaks == sorted(set(peaks), reverse=True)
    assert len(peaks) == 5
    resources, peaks = Resources(), []
    while resources is not None:
        peaks.append(count_memory(job, resources)[2].total)
        resources = smaller_runs(resources, compat=False)
    assert peaks == sorted(peaks, reverse=True)


def _denoising(job, n_steps):
    chosen = SamplerSettings(n_steps=n_steps, compat=True)
    return plan_run(replace(job, chosen=chosen), time_it=False).flops


def test_shortcuts_save_work():
    job = _job(dimensions=tiny(), n_frames=25)
    exact = plan_run(job, time_it=False)
    for word, share in (("fast", 0.6), ("faster", 0.3)):
        cut = SHORTCUTS[word]
        chosen = SamplerSettings(n_steps=cut.count_steps(25), shortcuts=cut)
        plan = plan_run(replace(job, chosen=chosen), time_it=False)
        step = _denoising(job, 2) - _denoising(job, 1)
        saved = exact.flops - plan.flops
        assert saved == pytest.approx((1 - share) * 25 * step, rel=0.05)


def test_deep_features_are_counted():
    arguments = (tiny().unet, SamplerSettings(branch_batch=1), (32, 32), torch.float16)
    once, twice = (rehearse_window(*arguments, n_frames=5, turn=range(n)) for n in (1, 2))
    assert once.flops < twice.flops < 2 * once.flops
    deep = 5 * tiny().unet.block_out_channels[1] * 32 * 32 * 2
    assert once.peak_bytes + 2 * deep <= twice.peak_bytes < once.peak_bytes + 5 * deep


def test_times_are_told_as_people_do():
    assert duration(0.2) == "1 s"
    assert duration(600) == "10 min"
    assert duration(9000) == "2.5 h"
