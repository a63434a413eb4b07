"""A report beside the video: measured on the finished file, and never in the video's way."""

import pytest

import opensonic
from opensonic.errors import EncodeError, InputError


@pytest.fixture
def video(example_image, example_speech):
    return opensonic.animate(example_image, example_speech, min_resolution=128, duration=2)


def test_a_report_is_written_on_the_finished_video(video, tmp_path):
    stages = []
    saved = video.save(
        tmp_path / "talk.mp4",
        lambda report: stages.append(report.stage),
        report=tmp_path / "talk.html",
    )
    assert saved.report == tmp_path / "talk.html"
    text = saved.report.read_text(encoding="utf-8")
    assert "<title>Report on talk.mp4</title>" in text
    assert "made by OpenSonic&#x27;s mesh engine, seed 0" in text
    assert "0:02.00" in text
    assert "with sound" in text
    assert stages.index("rendering") < stages.index("listening") < len(stages)
    assert stages[-1] == "writing the report"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk.html", "talk.mp4"]


def test_targets_that_cannot_be_written_are_refused_before_any_work(video, tmp_path):
    for report in ("talk.pdf", "no/such/talk.html"):
        with pytest.raises(EncodeError):
            video.save(tmp_path / "talk.mp4", pytest.fail, report=tmp_path / report)
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_fails_does_not_lose_the_video(video, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise InputError("planted")

    monkeypatch.setattr("opensonic.video.evaluate", fail)
    with pytest.raises(EncodeError, match=r"planted; the video .*talk\.mp4 is whole"):
        video.save(tmp_path / "talk.mp4", report=tmp_path / "talk.html")
    assert [path.name for path in tmp_path.iterdir()] == ["talk.mp4"]


def test_no_report_without_asking(video, tmp_path, monkeypatch):
    monkeypatch.setattr("opensonic.video.evaluate", None)
    assert video.save(tmp_path / "talk.mp4").report is None
