import signal
import weakref
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import opensonic
from opensonic.engines.base import Run
from opensonic.engines.diffusion import engine, rendition, sampler
from opensonic.engines.diffusion.clip import (
    count_model_frames,
    count_video_frames,
    network_picture,
    network_size,
    sampler_settings,
)
from opensonic.engines.diffusion.engine import SonicEngine
from opensonic.engines.diffusion.model import SonicModel
from opensonic.engines.diffusion.picture import prepare_picture
from opensonic.engines.diffusion.resume import (
    StateFile,
    digest_files,
    digest_sound,
    held_signals,
)
from opensonic.engines.diffusion.sampler import Sampler, SamplerState
from opensonic.errors import EncodeError, InputError
from opensonic.face.portrait import prepare_portrait
from opensonic.settings import Settings


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
        chosen = {"inference_steps": 2, "min_resolution": 128, "device": "cpu"} | settings
        speech, _ = make_speech(seconds)
        return opensonic.animate(
            example_image, speech, engine="sonic", models_dir=str(tiny_models), **chosen
        )

    return start


def _frames(video, **run):
    source = video.speech
    chunks = video.engine.animate(video.portrait, source, video.settings, Run(**run))
    return np.concatenate([chunk.frames.copy() for chunk in chunks])


def test_progress_tells_step_window_and_how_many_are_left(start):
    reports = []
    _frames(start("0.5"), progress=reports.append)
    windows = [report for report in reports if report.stage == "denoising"]
    assert [report.done for report in windows] == [*range(6)]
    assert {(report.total, report.unit) for report in windows} == {(5, "windows")}
    assert windows[1].detail == "step 1 of 2, window 2 of 2"
    assert [report.stage for report in reports[:2]] == ["loading networks", "hearing"]


def test_networks_are_loaded_once(start):
    video, reports = start(fps="12.5"), []
    first = _frames(video)
    assert np.array_equal(first, _frames(video, progress=reports.append))
    assert "loading networks" not in [report.stage for report in reports]


def test_seed_and_scales_change_the_frames_and_the_frame_rate_does_not_change_the_clip(start):
    first = _frames(start(fps="12.5"))
    assert len(first) == 4
    assert not np.array_equal(first, _frames(start(fps="12.5", seed=1)))
    assert not np.array_equal(first, _frames(start(fps="12.5", motion_scale=2)))
    assert not np.array_equal(first, _frames(start(fps="12.5", dynamic_scale=2)))
    doubled = _frames(start())
    assert len(doubled) == 8
    assert np.array_equal(doubled[::2], first)


def test_each_scale_has_its_bucket_and_compat_scales_both_by_one():
    chosen = Settings(dynamic_scale=1.2, motion_scale=0.8)
    ours = sampler_settings(chosen, 25)
    assert (ours.translation_scale, ours.expression_scale) == (0.8, 1.2)
    published = sampler_settings(replace(chosen, compat=True), 25)
    assert (published.translation_scale, published.expression_scale) == (1.2, 1.2)
    assert (ours.image_guidance, ours.audio_guidance) == ((2.0, 2.0), (7.5, 7.5))


def test_the_picture_is_resized_only_once(example_image):
    image = np.pad(example_image, ((0, 31), (0, 17), (0, 0)), mode="edge")
    settings = Settings(min_resolution=160)
    portrait = prepare_portrait(image, "p", settings, keep_original=True).portrait
    assert portrait.image.shape[:2] == (168, 160)
    assert network_size(portrait, settings) == (128, 192)
    picture = network_picture(portrait, settings)
    wanted = prepare_picture(image, tuple(portrait.original.face.box), 160)
    assert torch.equal(picture.reference, wanted.reference)
    assert torch.equal(picture.mask, wanted.mask)
    assert network_size(portrait, Settings(compat=True)) == (512, 512)


def test_frames_cover_the_sound_or_are_those_of_the_published_program(make_speech):
    for seconds in ("0.44", "0.7999", "0.8", "3", "10", "9.9999", "401"):
        speech, _ = make_speech(seconds, rate=8000)
        pairs = min(int(round(speech.duration * 16_000) // 640), 10_000)
        assert count_model_frames(speech, compat=True) == pairs // 2
        published = count_video_frames(speech, Settings(compat=True))
        assert published == 2 * (pairs // 2) - 1
        ours = count_video_frames(speech, Settings())
        assert ours / 25 >= speech.duration > (ours - 1) / 25
        assert count_model_frames(speech, compat=False) / Fraction(25, 2) >= speech.duration


def test_half_precision_gives_nearly_the_same(start):
    exact, half = _frames(start(fps="12.5")), _frames(start(fps="12.5", dtype="bf16"))
    assert 0 < np.abs(exact.astype(int) - half).mean() < 8


@pytest.mark.parametrize(("speed", "n_steps"), [("exact", 2), ("faster", 13)])
def test_a_run_that_stops_goes_on_where_it_was(start, tmp_path, speed, n_steps):
    kept = tmp_path / "talk.mp4.resume"
    chosen = {"seconds": "0.5", "speed": speed, "inference_steps": n_steps, "fps": "12.5"}
    stages = []

    def stop(report):
        stages.append(report)
        if report.stage == "denoising" and report.done == 4:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        _frames(start(**chosen), progress=stop, state=kept)
    assert signal.getsignal(signal.SIGINT) is before
    assert list(tmp_path.iterdir()) == [kept]
    stages.clear()
    resumed = _frames(start(**chosen), progress=stages.append, state=kept)
    assert next(report.done for report in stages if report.stage == "denoising") == 4
    assert np.array_equal(resumed, _frames(start(**chosen)))
    stages.clear()  # what is denoised but not yet a file is kept too
    assert np.array_equal(resumed, _frames(start(**chosen), progress=stages.append, state=kept))
    assert "denoising" not in [report.stage for report in stages]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"seconds": "0.31"}, "its sound differs"),
        ({"min_resolution": 192}, "its picture differs"),
        ({"inference_steps": 3}, "its settings differ"),
        ({"dtype": "bf16", "seconds": "0.31"}, "its sound and settings differ"),
    ],
)
def test_finished_work_of_another_video_is_refused(start, tmp_path, changes, part):
    kept = tmp_path / "state"
    _frames(start(fps="12.5"), state=kept)
    contents = kept.read_bytes()
    with pytest.raises(InputError, match=part):
        _frames(start(**({"fps": "12.5"} | changes)), state=kept)
    assert kept.read_bytes() == contents


def test_a_state_file_that_is_none_or_cannot_be_written_is_told(tmp_path):
    kept = tmp_path / "state"
    file = StateFile(kept, {"sound": "1"})
    assert file.load() is None
    kept.write_bytes(b"something else")
    with pytest.raises(InputError, match="no finished work of a stopped run"):
        file.load()
    state = SamplerState(torch.zeros(1, 4, 8, 8))
    with pytest.raises(EncodeError, match="cannot be kept there"):
        StateFile(tmp_path / "no/such/folder", {}).save(state)
    file.save(state)
    assert torch.equal(StateFile(kept, {"sound": "1"}).load().latents, state.latents)
    assert list(tmp_path.iterdir()) == [kept]


def test_a_second_signal_does_not_wait(tmp_path):
    with held_signals() as let_stop:
        let_stop()  # nothing came
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            let_stop()


def test_the_digest_of_sound_does_not_depend_on_its_blocks():
    sound = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    assert digest_sound([sound]) == digest_sound(np.split(sound, [10, 700]))
    assert digest_sound([sound]) != digest_sound([sound[::-1]])


def test_the_digest_of_weights_knows_every_tensor(tmp_path):
    path = tmp_path / "unet.safetensors"
    tensors = {name: torch.full((500, 500), 0.5) for name in "abcdefgh"}
    digests = set()
    for name in ("", *tensors):
        changed = {key: each + (key == name) for key, each in tensors.items()}
        save_file(changed, path)
        digests.add(digest_files([path]))
    assert len(digests) == 1 + len(tensors)
    save_file(changed, path)
    assert digest_files([path]) in digests


def test_hearing_is_tried_again_when_the_device_runs_out_of_memory(start, monkeypatch):
    expected = _frames(start(fps="12.5"))
    prepare, failures = SonicModel.prepare, iter([True, False])

    def scarce(self, *args, **options):
        if next(failures):
            raise torch.OutOfMemoryError("planted")
        return prepare(self, *args, **options)

    monkeypatch.setattr(SonicModel, "prepare", scarce)
    assert np.array_equal(_frames(start(fps="12.5")), expected)

    def never(self, *args, **options):
        raise torch.OutOfMemoryError("planted")

    monkeypatch.setattr(SonicModel, "prepare", never)
    with pytest.raises(InputError, match="choose a smaller min_resolution"):
        _frames(start(fps="12.5"))


def test_other_errors_are_not_taken_for_a_lack_of_memory(start, monkeypatch):
    def broken(self, *args, **options):
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(SonicModel, "prepare", broken)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        _frames(start(fps="12.5"))


def test_networks_that_do_not_fit_together_wait_on_the_host(start, monkeypatch):
    expected = _frames(start(fps="12.5"))
    load, failures, asked = SonicModel.load, iter([True, False]), []

    def scarce(files, **options):
        if next(failures):
            raise torch.OutOfMemoryError("planted")
        return load(files, **options)

    class Watched(rendition.Rendition):
        def frames(self):
            asked.append(self.resources.offload)
            return super().frames()

    monkeypatch.setattr(SonicModel, "load", scarce)
    monkeypatch.setattr(engine, "Rendition", Watched)
    assert np.array_equal(_frames(start(fps="12.5")), expected)
    assert asked == [True]


def test_the_noise_is_let_go_of_before_denoising(start, monkeypatch):
    drawn, alive = [], []

    def draw(*args):
        noise = sampler.draw_noise(*args)
        drawn.append(weakref.ref(noise))
        return noise

    def watch(report):
        if report.stage == "denoising":
            alive.append(drawn[0]() is not None)

    monkeypatch.setattr(rendition, "draw_noise", draw)
    _frames(start(fps="12.5"), progress=watch)
    assert alive == [False] * 3


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("planted"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    ],
)
def test_a_device_that_runs_out_of_memory_is_asked_for_less(start, monkeypatch, error):
    expected = _frames(start(fps="12.5"))
    predict, asked, stages = Sampler.predict, [], []

    def scarce(self, latents, window, step, deep=None):
        asked.append(self._settings.branch_batch)
        if step == 1 and asked[-1] == 3:
            raise error
        return predict(self, latents, window, step, deep)

    monkeypatch.setattr(Sampler, "predict", scarce)
    found = _frames(start(fps="12.5"), progress=lambda report: stages.append(report.stage))
    assert asked[0] == 3
    assert asked[-1] < 3
    assert any("out of memory" in stage for stage in stages)
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_the_engine_reads_tensors_in_the_numbers_that_were_chosen(start):
    engine = start(dtype="bf16").engine
    assert isinstance(engine, SonicEngine)
    assert any("bfloat16" in note for note in start(dtype="bf16").notes)
