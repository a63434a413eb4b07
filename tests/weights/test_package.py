import hashlib
from dataclasses import replace

import pytest

from opensonic.errors import WeightsError
from opensonic.weights import package as weights


@pytest.mark.parametrize("name", weights.RECORDS)
def test_every_weight_file_is_whole_small_and_opens(name):
    path = weights.weights_path(name)
    assert path.stat().st_size < 10_000_000
    assert weights.open_session(name).get_inputs()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(WeightsError, match="known"):
        weights.weights_path("nothing")


@pytest.fixture
def planted(tmp_path, monkeypatch):
    record = weights.WeightFile("planted", "planted.onnx", "0" * 64, "nobody")
    monkeypatch.setattr(weights, "_ROOT", tmp_path)
    monkeypatch.setitem(weights.RECORDS, "planted", record)
    return tmp_path / "planted.onnx", record


def test_a_missing_file_is_named(planted):
    with pytest.raises(WeightsError, match=r"planted\.onnx: weight file is missing"):
        weights.weights_path("planted")


def test_a_damaged_file_is_refused(planted):
    planted[0].write_bytes(b"other")
    with pytest.raises(WeightsError, match="damaged"):
        weights.weights_path("planted")


def test_a_file_that_is_no_network_is_refused(planted, monkeypatch):
    path, record = planted
    path.write_bytes(b"no network")
    right = replace(record, sha256=hashlib.sha256(b"no network").hexdigest())
    monkeypatch.setitem(weights.RECORDS, "planted", right)
    with pytest.raises(WeightsError, match="onnxruntime cannot open it"):
        weights.open_session("planted")
