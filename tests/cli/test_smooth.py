"""`opensonic smooth` in this process."""

import json


def test_what_was_done_is_told(run, talking_video, tmp_path):
    target = tmp_path / "smooth.mp4"
    code, out, err = run("smooth", talking_video, "-o", target, "-q")
    assert code == 0
    assert "no jumps found: copied as it is" in out + err
    assert target.read_bytes() == talking_video.read_bytes()


def test_what_was_not_looked_for_is_not_told(run, talking_video, tmp_path):
    code, out, err = run("smooth", talking_video, "-o", tmp_path / "same.mp4", "--no-mend", "-q")
    assert code == 0
    assert "copied as it is" in out + err
    assert "no jumps" not in out + err


def test_another_kind_of_file_is_written_anew_and_that_is_told(run, talking_video, tmp_path):
    code, out, err = run("smooth", talking_video, "-o", tmp_path / "smooth.mkv", "-q")
    assert code == 0
    assert "no jumps found" in out + err
    assert "copied" not in out + err


def test_a_refusal_as_json(run, talking_video, tmp_path):
    target = tmp_path / "smooth.mp4"
    code, out, _ = run("smooth", talking_video, "-o", target, "--fps", "0", "--json")
    assert code == 2
    assert json.loads(out)["exit_code"] == 2
    assert not target.exists()
