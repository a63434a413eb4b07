"""Files of single networks, found or named, in the form that is loaded."""

import hashlib
from dataclasses import replace

import pytest
from tests.model_hub import SHAPES, smaller, write_tensors

from opensonic.errors import WeightsError
from opensonic.weights.networks import find_network
from opensonic.weights.records import MODEL_FILES

ONNX = b"\x08\x08\x12\x04made"


@pytest.fixture
def syncnet(monkeypatch):
    monkeypatch.setitem(MODEL_FILES, "syncnet", smaller(MODEL_FILES["syncnet"]))


def test_what_is_not_there_is_none(home, tmp_path):
    assert find_network("syncnet", tmp_path) is None


def test_a_pickle_becomes_safetensors_once(home, syncnet, tmp_path):
    torch = pytest.importorskip("torch", reason="needs opensonic[evaluate]")
    tensors = {name: torch.ones(shape) for name, shape in SHAPES.items()}
    tensors["bn.num_batches_tracked"] = torch.tensor(3)  # newer files count batches
    pickled = tmp_path / "auxiliary/syncnet_v2.model"
    pickled.parent.mkdir()
    torch.save(tensors, pickled)
    said = []
    for path in (None, pickled):
        found = find_network("syncnet", tmp_path, path, said.append)
        assert found == pickled.with_suffix(".safetensors")
    assert len(said) == 1


def test_a_wrong_network_is_named(home, syncnet, tmp_path):
    path = write_tensors(tmp_path / "other.safetensors", {"other": (2,)})
    with pytest.raises(WeightsError, match=r"other.safetensors: lacks a.weight"):
        find_network("syncnet", path=path)
    with pytest.raises(WeightsError, match="no such file"):
        find_network("syncnet", path=tmp_path / "nowhere.safetensors")


def test_a_program_that_is_found_must_be_the_published_one(home, tmp_path, monkeypatch):
    path = tmp_path / "w600k_r50.onnx"
    path.write_bytes(ONNX)
    with pytest.raises(WeightsError, match="has the SHA-256"):
        find_network("arcface", tmp_path)
    assert find_network("arcface", path=path) == path  # whoever names it answers for it
    right = replace(MODEL_FILES["arcface"], sha256=hashlib.sha256(ONNX).hexdigest())
    monkeypatch.setitem(MODEL_FILES, "arcface", right)
    assert find_network("arcface", tmp_path) == path
    path.write_bytes(b"<html>")
    with pytest.raises(WeightsError, match="is no ONNX file"):
        find_network("arcface", tmp_path)
