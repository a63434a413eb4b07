import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import opensonic
from opensonic.engines.diffusion.clip import (
    count_model_frames,
    count_video_frames,
    network_picture,
    network_size,
    sampler_settings,
)
from opensonic.engines.diffusion.engine import SonicEngine
from opensonic.engines.diffusion.picture import prepare_picture
from opensonic.errors import WeightsError
from opensonic.face.portrait import prepare_portrait
from opensonic.settings import Settings


def test_progress_tells_step_window_and_how_many_are_left(start, render):
    reports = []
    render(start("0.5"), progress=reports.append)
    windows = [report for report in reports if report.stage == "denoising"]
    assert [report.done for report in windows] == [*range(6)]
    assert {(report.total, report.unit) for report in windows} == {(5, "windows")}
    assert windows[1].detail == "step 1 of 2, window 2 of 2"
    assert [report.stage for report in reports[:2]] == ["loading networks", "hearing"]


def test_networks_are_loaded_once(start, render):
    video, reports = start(fps="12.5"), []
    first = render(video)
    assert np.array_equal(first, render(video, progress=reports.append))
    assert "loading networks" not in [report.stage for report in reports]


def test_a_wrong_network_between_frames_is_told_before_the_first_step(
    start, render, tiny_models, tmp_path
):
    folder = tmp_path / "models"
    shutil.copytree(tiny_models, folder)
    path = folder / "RIFE/flownet.safetensors"
    state = load_file(path)
    del state["block2.conv2.0.bias"]
    save_file(state, path, {"sizes": "{}"})
    seen = []
    with pytest.raises(WeightsError, match=r"flownet\.safetensors: RIFE: 1 tensors are missing"):
        render(start(models_dir=str(folder)), progress=lambda report: seen.append(report.stage))
    assert "denoising" not in seen


def test_seed_and_scales_change_the_frames_and_the_frame_rate_does_not_change_the_clip(
    start, render
):
    first = render(start(fps="12.5"))
    assert len(first) == 4
    assert not np.array_equal(first, render(start(fps="12.5", seed=1)))
    assert not np.array_equal(first, render(start(fps="12.5", motion_scale=2)))
    assert not np.array_equal(first, render(start(fps="12.5", dynamic_scale=2)))
    doubled = render(start())
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


def test_frames_cover_the_sound_or_are_those_of_the_published_program(render, make_speech):
    for seconds in ("0.44", "0.7999", "0.8", "3", "10", "9.9999", "401"):
        speech, _ = make_speech(seconds, rate=8000)
        pairs = min(int(round(speech.duration * 16_000) // 640), 10_000)
        assert count_model_frames(speech, compat=True) == pairs // 2
        published = count_video_frames(speech, Settings(compat=True))
        assert published == 2 * (pairs // 2) - 1
        ours = count_video_frames(speech, Settings())
        assert ours / 25 >= speech.duration > (ours - 1) / 25
        assert count_model_frames(speech, compat=False) / Fraction(25, 2) >= speech.duration


def test_half_precision_gives_nearly_the_same(start, render):
    exact, half = render(start(fps="12.5")), render(start(fps="12.5", dtype="bf16"))
    assert 0 < np.abs(exact.astype(int) - half).mean() < 8


def test_the_engine_reads_tensors_in_the_numbers_that_were_chosen(start):
    engine = start(dtype="bf16").engine
    assert isinstance(engine, SonicEngine)
    assert any("bfloat16" in note for note in start(dtype="bf16").notes)


def test_a_small_picture_that_is_squeezed_is_told(start, example_image, make_speech, tiny_models):
    assert not any("proportions" in note for note in start().notes)
    tall = np.pad(example_image, ((0, 50), (0, 0), (0, 0)), mode="edge")
    chosen = {"engine": "sonic", "device": "cpu", "models_dir": str(tiny_models)}
    speech, _ = make_speech("0.3")
    notes = opensonic.animate(tall, speech, min_resolution=128, **chosen).notes
    assert any("then brought to 128x152: sides" in note for note in notes)
    assert any("proportions by 19%" in note for note in notes)


@pytest.fixture
def without_rife(tiny_models, tmp_path):
    folder = tmp_path / "models"
    shutil.copytree(tiny_models, folder, ignore=shutil.ignore_patterns("RIFE"))
    return str(folder)


def test_without_rife_optical_flow_stands_in_and_a_note_says_so(start, render, without_rife):
    told = "fetch RIFE with: opensonic models pull flownet"
    assert not any(told in note for note in start().notes)
    video = start(models_dir=without_rife)
    assert sum(told in note for note in video.notes) == 1
    assert video.engine.between() is None
    frames, exact = render(video), render(start())
    assert len(frames) == len(exact) == 8
    assert np.array_equal(frames[::2], exact[::2])
    assert not np.array_equal(frames[1:6:2], exact[1:6:2])
    assert video.engine.between() is None


def test_where_no_frame_is_made_rife_is_not_missed(start, without_rife):
    chosen = {"models_dir": without_rife, "fps": "12.5"}
    assert any("RIFE" in note for note in start(**chosen).notes)
    assert not any("RIFE" in note for note in start(**chosen, smooth_motion=False).notes)
    assert not any("RIFE" in note for note in start("0.6", **chosen, compat=True).notes)


def test_compat_does_not_go_without_rife(start, without_rife):
    with pytest.raises(WeightsError, match=r"1 file of the Sonic model is missing: RIFE/flownet"):
        start("0.6", models_dir=without_rife, compat=True)


def test_the_plan_counts_rife_only_where_it_is(start, without_rife):
    ours = start()
    plans = [
        video.engine._plan(video.portrait, video.speech, video.settings)
        for video in (ours, start(models_dir=without_rife))
    ]
    assert plans[0].parts[-1].held > plans[1].parts[-1].held
    assert plans[0].parts[:-1] == plans[1].parts[:-1]


def test_jumps_are_mended_once_and_told_after_the_video(start, tmp_path, monkeypatch):
    asked = []

    def mend(chunks, between, jumped):
        asked.append("decoded")
        for told in (2, 3, 2):  # a run that is tried again tells the same again
            jumped(told)
        return chunks

    monkeypatch.setattr("opensonic.engines.diffusion.finishing.mend_frames", mend)
    monkeypatch.setattr("opensonic.video.smooth_chunks", lambda *_: asked.append("video"))
    saved = start().save(tmp_path / "talk.mp4")
    assert asked == ["decoded"]
    assert "2 frames jumped and came anew from those around" in saved.notes
    calm = start(smooth_motion=False).save(tmp_path / "calm.mp4")
    assert asked == ["decoded"]
    assert not any("jumped" in note for note in calm.notes)


def test_compat_leaves_the_frames_and_their_times_as_published(
    start, render, tmp_path, monkeypatch
):
    def fail(*_, **__):
        raise AssertionError("compat finishes nothing")

    for name in ("video.smooth_chunks", "video.align_chunks"):
        monkeypatch.setattr(f"opensonic.{name}", fail)
    monkeypatch.setattr("opensonic.engines.diffusion.finishing.mend_frames", fail)
    video = start("0.6", compat=True)
    frames = np.concatenate([chunk.frames for chunk in video])
    assert np.array_equal(frames, render(video))
    saved = video.save(tmp_path / "talk.mp4")
    assert saved.n_frames == 13
    assert saved.notes == saved.warnings == ()
    wished = start("0.6", compat=True, smooth_motion=True)
    with pytest.raises(AssertionError, match="finishes nothing"):
        next(iter(wished))
