import subprocess
import sys

import pytest
import torch

from opensonic.engines.diffusion import clip_store
from opensonic.engines.diffusion.clip_store import FILE_FROM_BYTES, hold_clip


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("limit", [1, 10**6])
def test_a_clip_holds_what_is_written(monkeypatch, dtype, limit):
    monkeypatch.setattr(clip_store, "FILE_FROM_BYTES", limit)
    clip = hold_clip((5, 4, 8, 8), dtype)
    written = torch.randn(5, 4, 8, 8).to(dtype)
    for frame, each in zip(clip, written, strict=True):
        frame.copy_(each)
    assert clip.dtype == dtype
    assert torch.equal(clip[[4, 0]], written[[4, 0]])
    assert torch.equal(clip.clone(), written)


def test_the_folder_is_the_one_that_was_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert clip_store._folder() is None
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(clip_store, "LASTING", tmp_path)
    assert clip_store._folder() == tmp_path
    clip = hold_clip((FILE_FROM_BYTES,), torch.uint8)
    assert len(clip) == FILE_FROM_BYTES
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(clip_store, "LASTING", tmp_path / "none")
    assert clip_store._folder() is None


def test_where_no_file_can_be_made_memory_is_taken(monkeypatch):
    def full(n_bytes):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(clip_store, "_map_file", full)
    assert hold_clip((FILE_FROM_BYTES,), torch.uint8).shape == (FILE_FROM_BYTES,)


_WRITE = """
import sys, pathlib, torch
from opensonic.engines.diffusion.state import SamplerState
from opensonic.engines.diffusion.clip_store import hold_clip
def private():
    told = pathlib.Path("/proc/self/status").read_text()
    return int(told.split("RssAnon:")[1].split()[0]) * 1024
before = private()
state = SamplerState(hold_clip((1000, 4, 128, 128), torch.float16))
for frame in state.latents:
    frame.fill_(1)
path = pathlib.Path(sys.argv[1])
state.save(path)
state = SamplerState.load(path)
for frame in state.latents:
    frame += 1
assert state.latents[::100].float().mean() == 2
print(private() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_little_memory_is_taken_for_a_long_clip(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _WRITE, str(tmp_path / "state")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 40e6  # of 131 MB
