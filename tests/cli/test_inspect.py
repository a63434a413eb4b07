"""`opensonic inspect` in this process."""

import json

import numpy as np
from PIL import Image


def test_inspect_prints_scores_and_draws_the_sheet(run, portrait, tmp_path):
    sheet = tmp_path / "sheet.jpg"
    code, out, err = run("inspect", portrait, "-o", sheet)
    assert code == 0
    for word in ("size", "turn", "sharpness", "free view", "room", "degrees"):
        assert word in out
    assert f"{sheet}: " in err
    assert " of 100" in err
    with Image.open(sheet) as picture:
        assert picture.format == "JPEG"
        assert picture.size[0] > 1500


def test_inspect_as_json(run, portrait, tmp_path):
    code, out, _ = run("inspect", portrait, "-o", tmp_path / "s.png", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["score"] == min(one["score"] for one in found["scores"])
    assert found["verdict"] in ("good", "usable", "poor")
    assert len(found["faces"]) == 1
    assert found["measures"]["eye_px"] > 30
    assert set(found["scores"][0]) == {"name", "score", "value", "measured", "advice"}


def test_inspect_refuses_in_one_line_with_the_right_code(run, portrait, tmp_path):
    blank = tmp_path / "blank.png"
    Image.fromarray(np.full((128, 128, 3), 90, np.uint8)).save(blank)
    for words, expected, told in (
        ((blank, "-o", tmp_path / "s.png"), 2, "no face found"),
        ((tmp_path / "none.png", "-o", tmp_path / "s.png"), 2, "no such file"),
        ((portrait, "-o", tmp_path / "s.pdf"), 4, "ends in .png"),
        ((portrait, "-o", tmp_path / "no" / "s.png"), 4, "no folder"),
        ((portrait, "-o", portrait), 4, "the portrait itself"),
        ((portrait, "-o", tmp_path / "s.png", "--face", "7"), 2, "face 7"),
    ):
        code, out, err = run("inspect", *words)
        assert code == expected, (words, err)
        assert told in err
        assert err.count("\n") == 1
        assert out == ""
    assert not (tmp_path / "s.png").exists()
