"""What happens when the device runs out of memory."""

import numpy as np
import pytest
import torch

from opensonic.engines.diffusion import engine, rendition
from opensonic.engines.diffusion.model import SonicModel
from opensonic.engines.diffusion.sampler import Sampler
from opensonic.errors import InputError


def test_hearing_is_tried_again_when_the_device_runs_out_of_memory(start, render, monkeypatch):
    expected = render(start(fps="12.5"))
    prepare, failures = SonicModel.prepare, iter([True, False])

    def scarce(self, *args, **options):
        if next(failures):
            raise torch.OutOfMemoryError("planted")
        return prepare(self, *args, **options)

    monkeypatch.setattr(SonicModel, "prepare", scarce)
    assert np.array_equal(render(start(fps="12.5")), expected)

    def never(self, *args, **options):
        raise torch.OutOfMemoryError("planted")

    monkeypatch.setattr(SonicModel, "prepare", never)
    with pytest.raises(InputError, match="choose a smaller min_resolution"):
        render(start(fps="12.5"))


def test_other_errors_are_not_taken_for_a_lack_of_memory(start, render, monkeypatch):
    def broken(self, *args, **options):
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(SonicModel, "prepare", broken)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        render(start(fps="12.5"))


def test_networks_that_do_not_fit_together_wait_on_the_host(start, render, monkeypatch):
    expected = render(start(fps="12.5"))
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
    assert np.array_equal(render(start(fps="12.5")), expected)
    assert asked == [True]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("planted"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    ],
)
def test_a_device_that_runs_out_of_memory_is_asked_for_less(start, render, monkeypatch, error):
    expected = render(start(fps="12.5"))
    predict, asked, stages = Sampler.predict, [], []

    def scarce(self, latents, window, step, deep=None):
        asked.append(self._settings.branch_batch)
        if step == 1 and asked[-1] == 3:
            raise error
        return predict(self, latents, window, step, deep)

    monkeypatch.setattr(Sampler, "predict", scarce)
    found = render(start(fps="12.5"), progress=lambda report: stages.append(report.stage))
    assert asked[0] == 3
    assert asked[-1] < 3
    assert any("out of memory" in stage for stage in stages)
    assert np.abs(found.astype(int) - expected).max() <= 1
