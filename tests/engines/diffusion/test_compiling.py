import numpy as np
import pytest
import torch

import opensonic
from opensonic.engines.diffusion.compiling import why_not_compile
from opensonic.engines.diffusion.unet import SonicUNet


@pytest.fixture
def compiled(monkeypatch):
    """Count the networks that are compiled; a machine with a compiler is only played."""
    networks = []
    monkeypatch.setattr(SonicUNet, "compile_blocks", lambda unet: networks.append(unet))
    monkeypatch.setattr(torch, "compile", lambda function: function)
    why_not_compile.cache_clear()
    yield networks
    why_not_compile.cache_clear()


@pytest.fixture
def make(example_image, make_speech, tiny_models):
    def make(**settings):
        speech, _ = make_speech("0.3")
        chosen = {"inference_steps": 1, "min_resolution": 128, "device": "cpu", "fps": "12.5"}
        return opensonic.animate(
            example_image,
            speech,
            engine="sonic",
            models_dir=str(tiny_models),
            **(chosen | settings),
        )

    return make


def test_the_network_is_compiled_when_asked_and_not_otherwise(make, compiled):
    next(iter(make()))
    assert not compiled
    video = make(compile=True)
    assert any("first window" in note for note in video.notes)
    next(iter(video))
    next(iter(video))
    assert len(compiled) == 1


def test_a_machine_that_cannot_compile_goes_on_without(make, compiled, monkeypatch):
    def fail(function):
        raise RuntimeError("No working C++ compiler found\nand more")

    monkeypatch.setattr(torch, "compile", fail)
    video = make(compile=True)
    expected = "compile: PyTorch cannot compile here (No working C++ compiler found): going on"
    assert any(note.startswith(expected) for note in video.notes)
    assert len(next(iter(video)).frames)
    assert not compiled


def test_a_compiler_that_fails_in_the_network_is_left_out_and_no_window_is_lost(
    make, render, monkeypatch
):
    def compile_badly(module):
        calls = []

        def run(*args, **kwargs):
            calls.append(module)
            if len(calls) == 3:
                raise RuntimeError("CppCompileError: C++ compile error")
            return module._call_impl(*args, **kwargs)

        module._compiled_call_impl = run

    stages = []
    settings = {"inference_steps": 4}
    expected = render(make(**settings))
    monkeypatch.setattr("opensonic.engines.diffusion.engine.why_not_compile", lambda device: "")
    monkeypatch.setattr(torch.nn.Module, "compile", compile_badly)
    found = render(make(compile=True, **settings), progress=lambda r: stages.append(r))
    assert np.array_equal(found, expected)
    told = [report.stage for report in stages]
    failed = told.index("torch.compile failed: going on without")
    assert stages[failed - 1].done == 2
    assert [r.done for r in stages[failed:] if r.stage == "denoising"] == [2, 3, 4]


def test_what_is_wrong_without_a_compiler_too_is_raised(make, render, monkeypatch):
    def broken(self, *args):
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr("opensonic.engines.diffusion.engine.why_not_compile", lambda device: "")
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: None)
    monkeypatch.setattr(SonicUNet, "forward", broken)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        render(make(compile=True))
