"""`--report` of `animate`."""

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
