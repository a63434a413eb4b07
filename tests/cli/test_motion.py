"""`opensonic motion`, `--motion-in` and `--motion-out`."""

import json

import pytest

from opensonic.channels import CHANNELS


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_motion_writes_a_table(run, example_speech, tmp_path):
    target = tmp_path / "m.csv"
    code, out, err = run("motion", example_speech, "-o", target, "--duration", "2", "--fps", "50")
    assert code == 0, err
    assert out == ""
    assert f"{target}: 2.00 s, 100 frames, made in" in err
    rows = lines_of(target)
    assert rows[0].startswith(",".join(("time", *CHANNELS, "eyeBlinkLeft")))
    assert len(rows) == 101


def test_motion_in_the_layout_of_live_link_face_and_in_json(run, example_speech, tmp_path):
    words = ("--duration", "1", "--json", "--seed", "3")
    code, out, _ = run(
        "motion", example_speech, "-o", tmp_path / "m.csv", "--layout", "livelink", *words
    )
    assert code == 0
    result = json.loads(out)
    assert (result["frames"], result["fps"], result["layout"]) == (25, "25", "livelink")
    assert result["bytes"] == (tmp_path / "m.csv").stat().st_size
    assert lines_of(tmp_path / "m.csv")[0].startswith("Timecode,BlendShapeCount,EyeBlinkLeft")
    assert run("motion", example_speech, "-o", tmp_path / "m.json", *words)[0] == 0
    assert len(json.loads((tmp_path / "m.json").read_text())["frames"]) == 25


def test_motion_says_what_the_user_should_know(run, example_speech, tmp_path):
    words = ("-o", tmp_path / "m.csv", "--duration", "1", "--dynamic-scale", "2")
    code, _, err = run("motion", example_speech, *words)
    assert code == 0
    assert "sound cut from" in err
    assert "warning: dynamic_scale 2 is outside" in err


def test_there_and_back(run, portrait, example_speech, tmp_path):
    words = ("--min-resolution", "128", "--duration", "1", "--json")
    made = ("animate", portrait, example_speech, "-o", tmp_path / "a.mp4", *words)
    code, out, err = run(*made, "--motion-out", tmp_path / "a.csv", "--seed", "5")
    assert code == 0, err
    assert json.loads(out)["motion"] == str(tmp_path / "a.csv")
    again = ("animate", portrait, example_speech, "-o", tmp_path / "b.mp4", *words)
    code, out, err = run(*again, "--motion-in", tmp_path / "a.csv")
    assert code == 0, err
    assert json.loads(out)["motion"] is None
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_what_a_file_lacks_is_said(run, portrait, example_speech, tmp_path):
    (tmp_path / "hi.tsv").write_text("0.00\tX\n0.05\tD\n0.47\tX\n")
    words = ("-o", tmp_path / "t.mp4", "--engine", "still", "--duration", "1")
    code, _, err = run(
        "animate", portrait, example_speech, *words, "--motion-in", tmp_path / "hi.tsv"
    )
    assert code == 0
    assert "hi.tsv has no blinks, brows, gaze" in err
    assert "hi.tsv ends at 0.47 s, the sound at 1.00 s" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["motion", "missing.wav"], 2, "missing.wav"),
        (["motion", "{portrait}"], 2, "portrait.png"),
        (["motion", "{speech}", "-o", "m.txt"], 4, ".csv or .json"),
        (["motion", "{speech}", "-o", "no/such/m.csv"], 4, "there is no folder"),
        (["motion", "{speech}", "--layout", "x"], 2, "expected one of opensonic, livelink"),
        (["motion", "{speech}", "--fps", "0"], 2, "fps: 0 is outside"),
        (["animate", "{portrait}", "{speech}", "--motion-in", "no.csv"], 2, "no.csv: no such file"),
        (["animate", "{portrait}", "{speech}", "--motion-in", "bad.csv"], 2, "bad.csv, line 2"),
        (["animate", "{portrait}", "{speech}", "--motion-out", "m.xls"], 4, ".csv or .json"),
        (
            [*("animate", "{portrait}", "{speech}", "--motion-out", "m.csv"), "--engine", "still"],
            2,
            "engine still does not know the motion",
        ),
    ],
)
def test_bad_input_gets_one_line_and_an_exit_code(
    run, portrait, example_speech, tmp_path, monkeypatch, words, code, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.csv").write_text("time,jaw_open\n0,wide\n")
    before = sorted(tmp_path.iterdir())
    places = {"portrait": portrait, "speech": example_speech}
    found, out, err = run(*(word.format(**places) for word in words))
    assert found == code
    assert out == ""
    assert message in err
    assert err.startswith("opensonic: ")
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_help_is_short_and_true(run):
    code, out, _ = run("motion", "--help")
    assert code == 0
    for flag in ("--layout", "--fps", "--seed", "--duration"):
        assert flag in out
    assert "--crop" not in out
    out = run("animate", "--help")[1]
    assert "--motion-in" in out
    assert "--motion-out" in out
