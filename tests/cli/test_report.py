"""`--report` of `animate` and `evaluate`."""

import json

WORDS = ("--min-resolution", "128", "--duration", "1")


def test_animate_writes_a_report(run, portrait, example_speech, tmp_path):
    target = tmp_path / "talk.html"
    made = ("animate", portrait, example_speech, "-o", tmp_path / "talk.mp4", *WORDS)
    code, out, err = run(*made, "--report", target, "--json")
    assert code == 0, err
    assert json.loads(out)["report"] == str(target)
    assert "talk.mp4" in target.read_text(encoding="utf-8")


def test_animate_says_where_the_report_is(run, portrait, example_speech, tmp_path):
    made = ("animate", portrait, example_speech, "-o", tmp_path / "talk.mp4", *WORDS)
    code, _, err = run(*made, "--engine", "still", "--report", tmp_path / "talk.html")
    assert code == 0, err
    assert f"{tmp_path / 'talk.html'}: report on it" in err


def test_a_report_that_cannot_be_written_is_refused_first(run, tmp_path):
    code, _, err = run("animate", "missing.jpg", "missing.wav", "--report", tmp_path / "talk.pdf")
    assert code == 4
    assert "expected a name that ends in .html or .htm" in err


def test_evaluate_writes_a_report_on_a_folder(run, portrait, example_speech, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    made = ("animate", portrait, example_speech, "-o", folder / "a.mp4", *WORDS)
    assert run(*made, "--engine", "still")[0] == 0
    (folder / "b.mp4").write_bytes(b"no video")
    code, _, err = run("evaluate", folder, "--report", tmp_path / "all.html")
    assert code == 2, err
    assert f"{tmp_path / 'all.html'}: the report" in err
    text = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert "1 could not be measured" in text
    assert "b.mp4: no video that can be read" in text


def test_evaluate_refuses_a_report_that_cannot_be_written(run, tmp_path):
    code, _, err = run("evaluate", "missing.mp4", "--report", tmp_path / "no/such/all.html")
    assert code == 4
    assert "there is no folder" in err
