import json

import numpy as np
import pytest
from benchmarks.gallery.__main__ import find_portraits, main
from benchmarks.gallery.blinks import FPS, count_blinks
from benchmarks.gallery.heads import measure_head
from benchmarks.gallery.limits import compare, list_damages
from benchmarks.gallery.measures import lip_gap
from benchmarks.gallery.renders import SHEETS, list_poses
from benchmarks.gallery.trackers import MediaPipe, OwnMesh, find_tracker
from PIL import Image

from opensonic.channels import CHANNELS, INDEX, inner_lip_gap
from opensonic.errors import InputError
from opensonic.inspector.poses import CLOSED, VISEMES


def test_the_set_is_complete_and_lips_touch_on_p_b_m_at_every_strength():
    poses = list_poses()
    assert len(VISEMES) == 12
    assert len([pose for pose in poses if pose.kind == "mouth"]) == 36
    assert len([pose for pose in poses if pose.kind == "head"]) == 12
    for pose in poses:
        touching = inner_lip_gap(pose.values) < 1e-4
        assert touching == (pose.kind != "mouth" or pose.name.startswith(CLOSED)), pose.name
    turns = {float(pose.values[INDEX["head_yaw"]]) for pose in poses}
    assert turns == {0, -4, 4, -10, 10}


def test_lip_gap_is_a_share_of_the_mouths_width():
    points = np.zeros((1, 478, 2), np.float32)
    points[0, 291] = 50, 0
    for lower in (87, 14, 317):
        points[0, lower] = 0, 5
    assert lip_gap(points) == pytest.approx(0.1)


def test_blinks_are_counted_timed_and_set_against_pauses():
    fps = int(FPS)
    closure, speaking = np.zeros(60 * fps, np.float32), np.ones(60 * fps, np.float32)
    speaking[20 * fps : 25 * fps] = 0
    for start in (5, 5.5, 20.2, 40):
        closure[round(start * fps) : round(start * fps) + 10] = 1
    found = count_blinks(closure, speaking)
    assert found.per_minute == pytest.approx(4)
    assert found.median_ms == pytest.approx(200)
    assert found.doubles == pytest.approx(0.25)
    assert found.at_pauses == pytest.approx(0.25)
    assert found.by_chance == pytest.approx(0.9 / 60, abs=0.01)
    assert found.longest_gap_s == pytest.approx(19.8)


def test_a_head_that_loops_or_drifts_is_found():
    random = np.random.default_rng(0)
    time = np.arange(120 * 25) / 25
    values = np.zeros((len(time), len(CHANNELS)), np.float32)
    noise = np.convolve(random.standard_normal(len(time)), np.ones(10) / 10, "same")
    values[:, INDEX["head_yaw"]] = noise
    values[:, INDEX["head_pitch"]] = np.sin(2 * np.pi * time / 7)
    values[:, INDEX["head_roll"]] = noise + time / 60
    speaking = (time % 10 < 7).astype(np.float32)
    found = measure_head(values, speaking, 25)
    assert found.minutes == pytest.approx(2)
    assert found.likeness[0] < 0.3 < 0.5 < found.likeness[1]
    assert found.likeness_s[1] == pytest.approx(7, abs=0.1)
    assert found.drift[0] < 0.1 < 1 < found.drift[2]
    assert found.spread[1] == pytest.approx(0.707, abs=0.01)
    assert found.calm[1] == pytest.approx(1, abs=0.2)


def test_a_folder_without_pictures_is_told(tmp_path, capsys):
    with pytest.raises(InputError, match="no pictures"):
        find_portraits(tmp_path)
    assert main(["--portraits", str(tmp_path / "no"), "--out", str(tmp_path)]) == 2
    assert "no pictures there" in capsys.readouterr().err


def test_without_mediapipe_our_own_mesh_places_the_landmarks(example_image, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    tracker = find_tracker(None)
    assert isinstance(tracker, OwnMesh)
    assert isinstance(find_tracker("some/python"), MediaPipe)
    points = tracker.track([example_image, example_image])
    assert points.shape == (2, 478, 2)
    assert lip_gap(points)[0] < 0.1
    assert np.array_equal(points[0], points[1]) or np.abs(points[0] - points[1]).max() < 2


def test_an_interpreter_without_mediapipe_is_told(tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\ncat > /dev/null\necho 'No module named mediapipe' >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(InputError, match="No module named mediapipe"):
        MediaPipe(str(fake)).track([np.zeros((4, 4, 3), np.uint8)])


def test_a_small_gallery_has_every_sheet_a_page_and_sound_figures(
    example_image, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("benchmarks.gallery.__main__.SPEECH_S", 1.2)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    source, out = tmp_path / "she.png", tmp_path / "out"
    Image.fromarray(example_image).save(source)
    words = ["--portraits", str(source), "--out", str(out), "--size", "192", "--minutes", "0"]
    assert main(words) == 0
    assert "she" in capsys.readouterr().out
    for sheet in SHEETS:
        with Image.open(out / "she" / f"{sheet}.png") as picture:
            assert picture.size[0] > 500
        assert f"she/{sheet}.png" in (out / "index.html").read_text()
    found = json.loads((out / "figures.json").read_text())["Renders"]["she"]
    assert found["changed_outside"] == 0
    assert found["flicker_still"] == 0
    assert found["step_asked"] > 0.5
    assert 0 < found["skin"] < 3
    assert found["step_over"] < 5


def test_damages_tell_where_the_points_have_gone(example_image, example_portrait):
    face = example_portrait.face
    damages = dict(list_damages())
    assert len(damages) > 35
    small, matrix = damages["size: 24 px between the eye corners"](example_image, face)
    moved = face.landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert np.linalg.norm(moved[33] - moved[263]) == pytest.approx(24, abs=1)
    assert small.shape[0] < example_image.shape[0] / 3
    cut, matrix = damages["cut +0.1 e from the cheek"](example_image, face)
    assert cut.shape[1] - example_image.shape[1] == matrix[0, 2] < 0
    covered, matrix = damages["covered: mouth"](example_image, face)
    x, y = face.landmarks[13, :2].astype(int)
    assert tuple(covered[y, x]) == (70, 80, 110)
    assert compare(face, face.landmarks[:, :2]) == (0, 0)
    away = compare(face, face.landmarks[:, :2] + 0.01 * face.eye_distance)
    assert away[0] == pytest.approx(2**0.5, rel=0.05)
