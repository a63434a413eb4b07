"""Finished work that outlives a stopped run."""

import signal

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from opensonic.engines.diffusion import model
from opensonic.engines.diffusion.resume import (
    StateFile,
    digest_files,
    digest_sound,
    held_signals,
)
from opensonic.engines.diffusion.state import SamplerState
from opensonic.errors import EncodeError, InputError


@pytest.mark.parametrize(("speed", "n_steps"), [("exact", 2), ("faster", 13)])
def test_a_run_that_stops_goes_on_where_it_was(
    start, render, tmp_path, speed, n_steps, monkeypatch
):
    kept = tmp_path / "talk.mp4.resume"
    chosen = {"seconds": "0.5", "speed": speed, "inference_steps": n_steps, "fps": "12.5"}
    stages = []

    def stop(report):
        stages.append(report)
        if report.stage == "denoising" and report.done == 4:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        render(start(**chosen), progress=stop, state=kept)
    assert signal.getsignal(signal.SIGINT) is before
    assert list(tmp_path.iterdir()) == [kept]
    stages.clear()
    resumed = render(start(**chosen), progress=stages.append, state=kept)
    assert next(report.done for report in stages if report.stage == "denoising") == 4
    assert np.array_equal(resumed, render(start(**chosen)))
    loaded, load = [], model.load_network

    def watch(network, path, *, name, **options):
        loaded.append(name)
        load(network, path, name=name, **options)

    monkeypatch.setattr(model, "load_network", watch)
    stages.clear()  # what is denoised but not yet a file is kept too
    assert np.array_equal(resumed, render(start(**chosen), progress=stages.append, state=kept))
    assert "denoising" not in [report.stage for report in stages]
    assert loaded == ["vae"]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"seconds": "0.31"}, "its sound differs"),
        ({"min_resolution": 192}, "its picture differs"),
        ({"inference_steps": 3}, "its settings differ"),
        ({"dtype": "bf16", "seconds": "0.31"}, "its sound and settings differ"),
    ],
)
def test_finished_work_of_another_video_is_refused(start, render, tmp_path, changes, part):
    kept = tmp_path / "state"
    render(start(fps="12.5"), state=kept)
    contents = kept.read_bytes()
    with pytest.raises(InputError, match=part):
        render(start(**({"fps": "12.5"} | changes)), state=kept)
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
