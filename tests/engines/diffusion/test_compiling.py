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
            example_image, speech, engine="sonic", models_dir=str(tiny_models), **chosen, **settings
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
