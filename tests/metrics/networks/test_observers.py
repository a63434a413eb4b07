"""What can run here, and what the others say; and all of it on one small video."""

import sys
from importlib.util import find_spec
from itertools import islice

import numpy as np
import pytest

from opensonic.errors import InputError, WeightsError
from opensonic.metrics.networks.observers import FieldMeasures
from opensonic.metrics.networks.sums import LineFit, Mean, Pace

NAMES = ["lse_d", "lse_c", "syncnet_lag", "csim", "csim_start", "csim_loss", "lpips", "fid", "fvd"]


def rows_of(observers):
    return {row.name: row for observer in observers for row in observer.rows(None, None)}


def test_without_weights_every_row_says_what_to_pull(tmp_path):
    rows = rows_of(FieldMeasures(tmp_path).observers())
    assert list(rows) == NAMES
    assert all(row.value is None for row in rows.values())
    assert rows["csim"].note == "no weights: opensonic models pull arcface (or sface)"
    assert FieldMeasures(tmp_path).pooled_rows() == ()
    if find_spec("torch") and find_spec("torchmetrics"):
        for name, wanted in (("lse_c", "syncnet"), ("lpips", "alexnet"), ("fvd", "i3d")):
            assert rows[name].note == f"no weights: opensonic models pull {wanted}"


def test_without_the_extra_every_row_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("opensonic.metrics.networks.lacks.find_spec", lambda name: None)
    before = set(sys.modules)
    rows = rows_of(FieldMeasures(tmp_path).observers())
    assert list(rows) == NAMES
    for name in ("lse_d", "lpips", "fid", "fvd"):
        assert rows[name].note == (
            "needs torch, torchmetrics, safetensors: pip install 'opensonic[evaluate]'"
        )
    assert "no weights" in rows["csim"].note  # which needs no extra
    assert not {"torch", "torchmetrics"} & (set(sys.modules) - before)


def test_wrong_names_and_files_are_errors(tmp_path):
    with pytest.raises(InputError, match="are called 'unet'; expected syncnet, arcface"):
        FieldMeasures(weights={"unet": tmp_path})
    with pytest.raises(WeightsError, match="no such file"):
        FieldMeasures(weights={"arcface": tmp_path / "none.onnx"})


def test_torchmetrics_own_shares_are_the_published_ones(home_cache):
    pytest.importorskip("torchmetrics", reason="needs opensonic[evaluate]")
    from opensonic.metrics.networks.observers import _shares_of_torchmetrics
    from opensonic.weights.check import tensor_problem
    from opensonic.weights.records import MODEL_FILES

    path = _shares_of_torchmetrics()
    assert path is not None
    assert path.is_relative_to(home_cache)  # nothing is written among the installed packages
    assert tensor_problem(path, MODEL_FILES["lpips"]) == ""


@pytest.fixture
def home_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def named(weights, embedder_file):
    files = {name: weights / f"{name}.safetensors" for name in ("syncnet", "alexnet", "lpips")}
    files["inception"] = weights / "inception.safetensors"
    return files | {"i3d": weights / "i3d.pt", "arcface": embedder_file[0]}


def test_all_measures_of_one_real_video(named, shared):
    from opensonic.face.tracker import FaceTracker
    from opensonic.media.audio import read_speech
    from opensonic.media.footage import read_pictures
    from opensonic.metrics.evaluation import Sight

    clip = shared / "clips/grid_woman_3s.mp4"
    if not clip.is_file():
        pytest.skip(f"needs {clip}")
    measures = FieldMeasures(weights=named, device="cpu")
    observers = measures.observers()
    tracker = FaceTracker()
    for picture in islice(read_pictures(clip), 40):
        seen = tracker.look(picture.image, picture.time_s)
        sight = Sight(picture.time_s, picture.image, seen.face, seen.shot)
        for observer in observers:
            observer.look(sight, sight)
    speech = read_speech(clip)
    rows = {row.name: row for observer in observers for row in observer.rows(speech, None)}
    assert list(rows) == NAMES
    assert rows["lse_d"].value > 0 and np.isfinite(rows["lse_c"].value)
    assert rows["csim"].value == pytest.approx(1, abs=1e-5)
    assert rows["csim_start"].value > 0.8
    assert rows["lpips"].value == 0
    assert rows["fid"].value == pytest.approx(0, abs=1e-4)
    assert rows["fvd"].value == pytest.approx(0, abs=1e-3)
    pooled = {row.name: row for row in measures.pooled_rows()}
    assert pooled == {name: rows[name] for name in ("fid", "fvd")}  # of one video


def test_sums():
    mean, line = Mean(), LineFit()
    assert mean.value is None and line.slope == 0
    for x in range(10):
        mean.add(x)
        line.add(1e6 + x, 3 - 2 * x)
    assert mean.value == 4.5
    assert line.slope == pytest.approx(-2)
    assert line.span == 9


@pytest.mark.parametrize("fps", [10, 25, 29.97, 60])
def test_pace(fps):
    pace = Pace(0.2)
    times = (np.arange(int(10 * fps)) + 0.5) / fps
    due = [t for t in times if pace.is_due(t)]
    assert 48 <= len(due) <= 51
    assert pace.is_due(0.01)  # another video begins
