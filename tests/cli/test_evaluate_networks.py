"""`opensonic evaluate` with the measures that need networks of others."""

import json
import shutil

import pytest

import opensonic

NAMES = {"lse_d", "lse_c", "csim", "lpips", "fid", "fvd"}


@pytest.fixture(scope="module")
def video(tmp_path_factory, example_image):
    """Fifteen pictures of the bundled portrait that does not move, in silence."""
    import numpy as np

    path = tmp_path_factory.mktemp("videos") / "still.mp4"
    silence = (np.zeros(9_600, np.float32), 16_000)
    made = opensonic.animate(example_image, silence, engine="still", min_resolution=256)
    made.save(path)
    return path


def rows_in(out):
    return [{row["name"]: row for row in one["rows"]} for one in json.loads(out)["videos"]]


def test_rows_without_weights_say_what_to_do(run, video):
    code, out, _ = run("evaluate", video, "--json", "-")
    assert code == 0
    (rows,) = rows_in(out)
    assert set(rows) >= NAMES
    for name in NAMES:
        assert rows[name]["value"] is None
        assert "opensonic models pull" in rows[name]["note"] or "evaluate]" in rows[name]["note"]
    code, out, _ = run("evaluate", video, "--json", "-", "--no-networks")
    assert code == 0
    assert not NAMES & set(rows_in(out)[0])


def test_weights_by_path_and_figures_over_a_folder(run, video, tmp_path):
    pytest.importorskip("torchmetrics", reason="needs opensonic[evaluate]")
    from tests.metrics.networks import tiny

    weights = tiny.write(tmp_path / "inception.safetensors", tiny.tiny_inception())
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "videos").mkdir(exist_ok=True)
        shutil.copy(video, tmp_path / "videos" / name)
    words = ("--reference", tmp_path / "videos", "--weights", f"inception={weights}")
    code, out, _ = run("evaluate", tmp_path / "videos", *words, "--device", "cpu", "--json", "-")
    assert code == 0
    (pooled,) = json.loads(out)["pooled"]
    assert pooled["name"] == "fid"
    assert pooled["value"] == pytest.approx(0, abs=1e-4)
    assert pooled["note"].startswith("6 pictures")
    assert all(rows["fid"]["note"].startswith("3 pictures") for rows in rows_in(out))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--weights", "arcface"), 2, "expected NAME=FILE"),
        (("--weights", "unet=a.pth"), 2, "no weights of a measure are called 'unet'"),
        (("--weights", "arcface=none.onnx"), 3, "none.onnx: no such file"),
        (("--portrait", "none.png"), 2, "none.png"),
    ],
)
def test_errors_are_one_line_before_anything_is_measured(run, video, words, code, told):
    found, out, err = run("evaluate", video, *words)
    assert (found, out) == (code, "")
    assert told in err
    assert err.count("\n") == 1
