"""`opensonic evaluate` in this process."""

import json
from importlib import import_module

import pytest

from opensonic.errors import EncodeError


@pytest.fixture
def folder(talking_video, tmp_path):
    """A folder with a good and a broken video."""
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "good.mp4").write_bytes(talking_video.read_bytes())
    (videos / "broken.mp4").write_text("hello", encoding="utf-8")
    return videos


def test_a_table_for_people(run, talking_video, monkeypatch):
    code, out, err = run("evaluate", talking_video, "--no-networks")
    assert code == 0, err
    for word in ("Lips and sound", "Lag of the sound", "Face visible", "Flicker", "not measured:"):
        assert word in out
    assert "EBU R 37" in out
    lag = next(line for line in out.splitlines() if "Lag of the sound" in line)
    assert " good " in lag  # said in words, too: colours get lost in a file


def test_json_on_standard_output_is_all_there_is(run, talking_video):
    words = ("--reference", talking_video, "--no-networks", "--json", "-")
    code, out, _ = run("evaluate", talking_video, *words)
    result = json.loads(out)
    assert code == 0
    assert result["schema"] == "opensonic.evaluation"
    (video,) = result["videos"]
    rows = {row["name"]: row for row in video["rows"]}
    assert rows["psnr"]["value"] == 100
    assert rows["lag"]["verdict"] == "good"
    assert result["failed"] == result["summary"] == []


def test_json_and_report_files(run, talking_video, tmp_path):
    target, report = tmp_path / "out.json", tmp_path / "out.html"
    words = ("--no-networks", "--json", target, "--report", report)
    code, out, err = run("evaluate", talking_video, *words)
    assert code == 0, err
    assert json.loads(target.read_text(encoding="utf-8"))["version"] == 1
    assert "<html" in report.read_text(encoding="utf-8")
    assert str(target) in err
    assert str(report) in err
    assert "Lag of the sound" in out


def test_files_are_written_though_nobody_reads_the_table(run, talking_video, tmp_path, monkeypatch):
    def closed(*_, **__):
        raise SystemExit(1)  # as rich does where the reader of a pipe is gone

    monkeypatch.setattr(import_module("opensonic.cli.evaluate"), "print_all", closed)
    target = tmp_path / "out.json"
    code, _, _ = run("evaluate", talking_video, "--json", target, "--no-networks")
    assert code == 1
    assert target.exists()


def test_a_folder_goes_on_and_says_so_at_the_end(run, folder, tmp_path):
    target = tmp_path / "out.json"
    code, out, err = run("evaluate", folder, "--no-networks", "--json", target)
    assert code == 2
    assert "broken.mp4: no video that can be read" in err
    assert "1 failed" in err
    assert "good.mp4" in out
    assert "over all videos" in out
    result = json.loads(target.read_text(encoding="utf-8"))
    assert len(result["videos"]) == 1
    assert result["failed"][0]["kind"] == "InputError"


def test_refusals_in_one_line_with_the_right_code(run, talking_video, tmp_path):
    labels = tmp_path / "words.csv"
    labels.write_text("0,1,somewhere\n", encoding="utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()
    for words, expected, told in (
        ((tmp_path / "none.mp4",), 2, "no such file"),
        ((labels,), 2, "no video"),
        ((empty,), 2, "holds no video"),
        ((talking_video, "--reference", tmp_path / "none.mp4"), 2, "no such file"),
        ((talking_video, "--labels", labels), 2, "words such as 'somewhere'"),
        ((talking_video, "--json", tmp_path / "no" / "o.json"), 4, "no folder"),
        ((talking_video, "--json", talking_video), 4, "ends in .json"),
        ((tmp_path / ("long" * 80),), 2, "cannot be opened"),
        ((talking_video, "--report", tmp_path / "o.pdf"), 4, ".html"),
        ((talking_video, "--portrait", talking_video), 2, "--no-networks leaves out"),
    ):
        code, out, err = run("evaluate", *words, "--no-networks")
        assert code == expected, (words, err)
        assert told in err
        assert err.count("\n") == 1, err
        assert out == ""


def test_a_report_that_fails_leaves_one_object(run, talking_video, tmp_path, monkeypatch):
    def fail(*given, **named):
        raise EncodeError("o.html: the disk is full")

    monkeypatch.setattr("opensonic.metrics.report.write_report", fail)
    words = ("--no-networks", "--json", "-", "--report", tmp_path / "o.html")
    code, out, err = run("evaluate", talking_video, *words)
    assert code == 4
    assert len(json.loads(out)["videos"]) == 1
    assert "the disk is full" in err


def test_a_refusal_as_json(run, tmp_path):
    code, out, _ = run("evaluate", tmp_path / "none.mp4", "--json", "-")
    assert code == 2
    assert json.loads(out)["kind"] == "InputError"
