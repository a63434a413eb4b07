"""Pickled checkpoints: read safely, converted once."""

import hashlib
import json
import os
import pickle
import tracemalloc
from pathlib import Path

import pytest
from tests.model_hub import SHAPES

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from opensonic.errors import WeightsError  # noqa: E402
from opensonic.weights import conversion  # noqa: E402
from opensonic.weights.check import check_contents, check_file, check_pickle  # noqa: E402
from opensonic.weights.headers import read_header  # noqa: E402
from opensonic.weights.pickles import convert_pickle  # noqa: E402
from opensonic.weights.records import MODEL_FILES  # noqa: E402

load_file, save_file = safetensors.load_file, safetensors.save_file


@pytest.fixture
def tensors():
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(6, 4, generator=generator)
    return {
        "a.weight": whole,
        "a.half": whole[:3].half(),
        "shared": whole[2:4],
        "turned": whole.T,
        "b": torch.tensor(7, dtype=torch.int64),
        "brain": torch.randn(5).bfloat16(),
        "empty": torch.zeros(0, 3),
        "flag": torch.tensor([True, False]),
    }


@pytest.mark.parametrize("name", ["unet.pth", "model.bin", "old.pkl"])
def test_tensors_come_back_to_the_bit(tensors, tmp_path, name):
    path = tmp_path / name
    torch.save(tensors, path, _use_new_zipfile_serialization=name != "old.pkl")
    told = []
    made = convert_pickle(path, tmp_path / "cache", say=told.append)
    assert made.made
    assert made.path == path.with_suffix(".safetensors")
    assert len(told) == 1 and str(made.path) in told[0]
    back = load_file(made.path)
    assert set(back) == set(tensors)
    for key, tensor in tensors.items():
        assert back[key].dtype == tensor.dtype
        assert torch.equal(back[key], tensor)
    assert list(tmp_path.glob(".*")) == []


def test_a_second_time_nothing_is_converted(tensors, tmp_path, monkeypatch):
    path = tmp_path / "unet.pth"
    torch.save({"state_dict": tensors}, path)
    convert_pickle(path, tmp_path)
    assert not convert_pickle(path, tmp_path).made
    os.utime(path, ns=(1, 1))  # the same contents under another time
    assert not convert_pickle(path, tmp_path).made
    monkeypatch.setattr(conversion, "sha256_of", lambda _: pytest.fail("compared once is enough"))
    assert not convert_pickle(path, tmp_path).made


def test_a_changed_pickle_is_converted_again(tensors, tmp_path):
    path = tmp_path / "unet.pth"
    torch.save({"x": torch.zeros(4)}, path)
    convert_pickle(path, tmp_path)
    before = path.stat()
    torch.save({"x": torch.ones(4)}, path)
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(1, 1))
    again = convert_pickle(path, tmp_path)
    assert again.made
    assert load_file(again.path)["x"].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("cut", [True, False])
def test_a_file_that_we_did_not_make_is_neither_used_nor_overwritten(tensors, tmp_path, cut):
    path, cache = tmp_path / "unet.pth", tmp_path / "cache"
    torch.save(tensors, path)
    foreign = path.with_suffix(".safetensors")
    save_file({"x": torch.zeros(3)}, foreign)
    before = foreign.read_bytes()[: -1 if cut else None]
    foreign.write_bytes(before)
    made = convert_pickle(path, cache)
    assert made.made
    assert made.path.is_relative_to(cache)
    assert foreign.read_bytes() == before


def test_a_damaged_conversion_is_not_used(tensors, tmp_path):
    path = tmp_path / "unet.pth"
    torch.save(tensors, path)
    target = convert_pickle(path, tmp_path / "cache").path
    target.write_bytes(target.read_bytes()[:-1])
    again = convert_pickle(path, tmp_path / "cache")
    assert again.made
    assert set(load_file(again.path)) == set(tensors)


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_malicious_pickle_is_refused_and_does_nothing(tmp_path, zipped):
    path, trap = tmp_path / "unet.pth", tmp_path / "trap"
    torch.save({"a": torch.zeros(2), "b": Evil(trap)}, path, _use_new_zipfile_serialization=zipped)
    told = r"unet\.pth: .*could run a program.*not opened \(unsupported [^\n]*\); fetch it again"
    with pytest.raises(WeightsError, match=rf"(?i){told}"):
        convert_pickle(path, tmp_path / "cache")
    assert not trap.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["unet.pth"]
    torch.load(path, weights_only=False)  # the trap works: only weights_only kept it shut
    assert trap.exists()


def test_a_bare_malicious_pickle_is_refused(tmp_path):
    path, trap = tmp_path / "flownet.pkl", tmp_path / "trap"
    path.write_bytes(pickle.dumps(Evil(trap)))
    with pytest.raises(WeightsError, match="not opened"):
        convert_pickle(path, tmp_path)
    assert not trap.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_verify_looks_into_a_pickle_without_running_it(home, small, tmp_path, zipped):
    path, trap = tmp_path / MODEL_FILES["unet"].place, tmp_path / "trap"
    path.parent.mkdir()
    for holds, good, told in (
        ({n: torch.zeros(s) for n, s in SHAPES.items()}, True, ""),
        ({"b": torch.zeros(1)}, False, "lacks a.weight"),
        ({"b": Evil(trap)}, False, "could run a program"),
    ):
        torch.save(holds, path, _use_new_zipfile_serialization=zipped)
        first = check_file("unet", tmp_path)
        assert first.unread
        verdict = check_contents(check_pickle(first))
        assert (verdict.good, verdict.unread) == (good, False)
        assert told in verdict.problem
    assert not trap.exists()
    assert sorted(p.name for p in path.parent.iterdir()) == ["unet.pth"]


def test_what_nobody_looked_into_is_called_unread(home, small, tmp_path, monkeypatch):
    path = tmp_path / MODEL_FILES["unet"].place
    path.parent.mkdir()
    torch.save({}, path)
    monkeypatch.setattr("opensonic.weights.check.find_spec", lambda _: None)
    verdict = check_contents(check_pickle(check_file("unet", tmp_path)))
    assert verdict.good and verdict.unread
    assert "PyTorch is missing" in verdict.checked
    noted = {"files": {MODEL_FILES["unet"].place: _entry(path)}}
    (tmp_path / "opensonic-files.json").write_text(json.dumps(noted))
    assert not check_contents(check_pickle(check_file("unet", tmp_path))).unread


def test_a_program_is_unread_until_its_sha256_is_known(home, tmp_path):
    path = tmp_path / MODEL_FILES["yoloface"].place
    path.write_bytes(b"PK\x03\x04")
    verdict = check_contents(check_pickle(check_file("yoloface", tmp_path)))
    assert verdict.good and verdict.unread
    noted = {"files": {MODEL_FILES["yoloface"].place: _entry(path)}}
    (tmp_path / "opensonic-files.json").write_text(json.dumps(noted))
    assert not check_contents(check_pickle(check_file("yoloface", tmp_path))).unread


def _entry(path):
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"size": path.stat().st_size, "sha256": sha256, "url": "https://hub"}


@pytest.mark.parametrize(
    "junk", [b"", b"<html>not found</html>", b"PK\x03\x04 cut off", b"\x80\x02}q\x00", bytes(100)]
)
def test_what_is_no_checkpoint_is_refused_in_words(tmp_path, junk):
    path = tmp_path / "unet.pth"
    path.write_bytes(junk)
    with pytest.raises(WeightsError, match=r"unet\.pth: .*etch it again"):
        convert_pickle(path, tmp_path)


def test_a_pickle_cut_off_is_refused(tensors, tmp_path):
    path = tmp_path / "unet.pth"
    torch.save(tensors, path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(WeightsError, match="etch it again"):
        convert_pickle(path, tmp_path)


@pytest.mark.parametrize("held", [[1, 2], {"a": 1}, {}, {1: torch.zeros(1)}])
def test_what_is_no_table_of_tensors_is_refused(tmp_path, held):
    path = tmp_path / "unet.pth"
    torch.save(held, path)
    with pytest.raises(WeightsError, match="no table of tensors"):
        convert_pickle(path, tmp_path)


def test_a_sparse_tensor_is_refused(tmp_path):
    path = tmp_path / "unet.pth"
    torch.save({"a": torch.eye(3).to_sparse()}, path)
    with pytest.raises(WeightsError, match=r"a is a .*plain numbers"):
        convert_pickle(path, tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"gone\.pth: cannot be read"):
        convert_pickle(tmp_path / "gone.pth", tmp_path)


def test_the_prefix_of_rife_goes(tmp_path):
    path = tmp_path / "flownet.pkl"
    torch.save({"module.block0.conv0.0.0.weight": torch.ones(1), "other": torch.ones(1)}, path)
    target = convert_pickle(path, tmp_path, prefix="module.").path
    assert set(read_header(target).shapes) == {"block0.conv0.0.0.weight", "other"}


def test_names_that_fall_together_are_refused(tmp_path):
    path = tmp_path / "flownet.pkl"
    torch.save({"module.a": torch.ones(1), "a": torch.ones(1)}, path)
    with pytest.raises(WeightsError, match="both with and without"):
        convert_pickle(path, tmp_path, prefix="module.")


def test_a_folder_that_is_not_ours_stays_as_it_is(tensors, tmp_path, monkeypatch):
    kept, cache = tmp_path / "kept", tmp_path / "cache"
    kept.mkdir()
    path = kept / "unet.pth"
    torch.save(tensors, path)
    assert convert_pickle(path, cache, beside=False).path.is_relative_to(cache)
    assert not convert_pickle(path, cache).made  # the one in the cache is found again
    assert [p.name for p in kept.iterdir()] == ["unet.pth"]


def test_a_read_only_folder_sends_the_conversion_to_the_cache(tensors, tmp_path, monkeypatch):
    path, cache = tmp_path / "unet.pth", tmp_path / "cache"
    torch.save(tensors, path)
    monkeypatch.setattr(conversion, "_can_write", lambda folder: folder != tmp_path)
    told = []
    made = convert_pickle(path, cache, say=told.append)
    assert made.path.is_relative_to(cache)
    assert str(cache) in told[0]


def test_a_full_disk_is_one_line_and_leaves_nothing(tensors, tmp_path, monkeypatch):
    path = tmp_path / "unet.pth"
    torch.save(tensors, path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(conversion, "write_header", full)
    with pytest.raises(WeightsError, match=r"cannot be written there .No space left"):
        convert_pickle(path, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["unet.pth"]


def test_an_old_pytorch_is_refused(tensors, tmp_path, monkeypatch):
    path = tmp_path / "unet.pth"
    torch.save(tensors, path)
    monkeypatch.setattr(torch, "__version__", "2.5.1")
    with pytest.raises(WeightsError, match=r"2\.5\.1 does not read pickles safely"):
        convert_pickle(path, tmp_path)


def test_memory_stays_far_below_the_file(tmp_path):
    path = tmp_path / "unet.pth"
    torch.save({f"layer{i}": torch.zeros(250_000) for i in range(40)}, path)  # 40 MB
    tracemalloc.start()
    convert_pickle(path, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
