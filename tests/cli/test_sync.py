"""`opensonic sync` in this process."""

import json
from dataclasses import replace

import numpy as np
import pytest

from opensonic.cli.sync import in_words, wander
from opensonic.media.audio import read_speech
from opensonic.media.footage import probe
from opensonic.media.remux import shift_sound
from opensonic.media.video import encode_video
from opensonic.post.sync import watch
from opensonic.post.sync.lag import Sync, SyncWindow
from opensonic.post.sync.watch import VideoSync
from opensonic.values import Chunk


def result(run, *words):
    code, out, err = run("sync", *words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_video_in_sync_is_said_to_be(run, talk):
    code, out, err = run("sync", talk)
    assert code == 0, err
    assert out.startswith(f"{talk}: in sync (")
    assert "confidence" in out
    assert abs(result(run, talk)["lag_ms"]) <= 10


@pytest.mark.parametrize("shift_s", [0.16, -0.28])
def test_a_lag_is_found_and_taken_away(run, talk, tmp_path, shift_s):
    late, fixed = tmp_path / "late.mp4", tmp_path / "fixed.mp4"
    shift_sound(talk, late, shift_s)
    found = result(run, late, "-o", fixed)
    own = result(run, talk)["lag_ms"]
    assert found["clear"]
    assert found["lag_ms"] - own == pytest.approx(1000 * shift_s, abs=10)
    assert found["shift_ms"] == pytest.approx(-found["lag_ms"], abs=0.1)
    assert abs(result(run, fixed)["lag_ms"]) <= 10
    code, out, err = run("sync", late, "-o", tmp_path / "again.mkv")
    assert code == 0
    assert in_words(found["lag_ms"] / 1000) in out
    assert "nothing encoded again" in err


def test_a_lag_by_hand_needs_no_measure(run, talk, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "measure_video", None)
    found = result(run, talk, "--lag", "-400", "-o", tmp_path / "moved.mp4")
    assert found["shift_ms"] == 400
    assert "lag_ms" not in found
    moved = probe(tmp_path / "moved.mp4")
    late_s = moved.sound_start_s - moved.picture_start_s
    assert late_s == pytest.approx(0.4 - 1024 / 16_000, abs=2e-3)


def dub(talk, path, change, n_frames=125):
    """Write the talk's pictures, changed, with its sound."""
    from opensonic.media.footage import read_pictures

    pictures = [change(picture.image) for picture in read_pictures(talk)][:n_frames]
    height, width = pictures[0].shape[:2]
    encode_video(
        [Chunk(np.stack(pictures))],
        path,
        fps=probe(talk).fps,
        size=(width, height),
        n_frames=len(pictures),
        speech=read_speech(talk),
    )
    return path


def test_what_does_not_fit_gives_no_file(run, talk, tmp_path):
    still = []

    def freeze(image):
        still.append(image)
        return still[0]

    path = dub(talk, tmp_path / "still.mp4", freeze)
    code, out, err = run("sync", path, "-o", tmp_path / "fixed.mp4")
    assert code == 2
    assert "cannot tell" in out
    assert err.count("\n") == 1
    assert "--lag MS" in err
    assert not (tmp_path / "fixed.mp4").exists()
    assert not result(run, path)["clear"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda image: np.concatenate([image, image], axis=1), "shows several faces (100 %"),
        (lambda image: np.full_like(image, 90), "shows no face in 125 pictures"),
    ],
)
def test_pictures_without_one_face_are_refused(run, talk, tmp_path, change, told):
    code, out, err = run("sync", dub(talk, tmp_path / "odd.mp4", change), "-q")
    assert code == 2
    assert told in err
    assert out == ""
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("none.mp4",), 2, "no such file"),
        (("notes.mp4",), 2, "no video that can be read"),
        (("TALK", "-o", "TALK"), 4, "is the video itself"),
        (("TALK", "-o", "fixed.avi"), 4, "expected a name that ends in"),
        (("TALK", "-o", "nowhere/fixed.mp4"), 4, "make it first"),
        (("TALK", "--lag", "40"), 2, "-o FILE"),
        (("TALK", "--lag", "nan", "-o", "fixed.mp4"), 2, "--lag: nan ms"),
        (("TALK", "--lag", "40", "--max-lag", "400", "-o", "fixed.mp4"), 2, "drop one"),
        (("TALK", "--max-lag", "1"), 2, "--max-lag: 1 ms; expected 50 to"),
    ],
)
def test_wrong_words_are_one_line(run, talk, tmp_path, monkeypatch, words, code, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.mp4").write_text("not a video")
    words = [talk if word == "TALK" else word for word in words]
    found, out, err = run("sync", *words)
    assert found == code
    assert told in err
    assert out == ""
    assert err.count("\n") == 1


def test_short_and_mute_videos_are_refused(run, talk, tmp_path):
    from tests.media.conftest import _write_clap

    _write_clap(tmp_path / "mute.mkv", sound_at_s=2.0)
    _write_clap(tmp_path / "brief.mp4", seconds=1.2)
    for name, told in (("mute.mkv", "holds no sound"), ("brief.mp4", "expected at least 2 s")):
        code, _, err = run("sync", tmp_path / name)
        assert code == 2
        assert told in err


def a_measure(drift_ms_per_s, seconds=40):
    windows = tuple(
        SyncWindow(t, t + 8.0, drift_ms_per_s / 1000 * t, 0.9) for t in range(0, seconds, 4)
    )
    return Sync(0.05, 0.004, 0.99, windows, drift_ms_per_s)


def test_drift_that_may_be_chance_is_none(talk):
    unsure = replace(a_measure(2.0), drift_error_ms_per_s=1.2)
    assert wander(VideoSync(probe(talk), unsure, 5.0, 0.0)) == 0


@pytest.mark.parametrize(("drift", "written"), [(0.0, True), (0.5, True), (5.0, False)])
def test_drift_is_told_and_no_constant_is_taken_for_its_cure(
    run, talk, tmp_path, monkeypatch, drift, written
):
    found = VideoSync(probe(talk), a_measure(drift), 5.0, 0.0)
    monkeypatch.setattr(watch, "measure_video", lambda *given, **named: found)
    target = tmp_path / "fixed.mp4"
    code, out, err = run("sync", talk, "-o", target)
    assert code == (0 if written else 2)
    assert target.exists() == written
    assert ("drift: " in out) == (drift > 0)
    if not written:
        assert "+220 ms from beginning to end" in err
        assert "+300 ms per minute" in out
    assert wander(found) == pytest.approx(drift * 0.044)
    assert out.count(" s: ") == 10


def test_a_lag_of_nothing_is_not_told_as_measured(run, talking_video, tmp_path):
    code, out, err = run("sync", talking_video, "--lag", "0", "-o", tmp_path / "same.mp4")
    assert code == 0
    assert "copied as it is" in out + err
    assert "in sync" not in out + err
