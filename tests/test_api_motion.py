"""Motion through the public verbs: heard, written beside a video, taken in place of hearing."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

import opensonic
from opensonic.channels import CHANNELS, HEAD, INDEX, MOUTH, inner_lip_gap
from opensonic.errors import EncodeError, InputError
from opensonic.values import Motion


@pytest.fixture
def speak(example_image, example_speech):
    """Make a small video of the bundled sentence's first seconds."""

    def speak(**options):
        return opensonic.animate(
            example_image, example_speech, **{"min_resolution": 128, "duration": 2, **options}
        )

    return speak


def motion_of(video):
    return np.concatenate([chunk.motion.values for chunk in video])


def frames_of(video):
    return np.concatenate([chunk.frames for chunk in video])


def constant(n_frames, fps=25, **values):
    rows = np.zeros((n_frames, len(CHANNELS)), np.float32)
    for name, value in values.items():
        rows[:, INDEX[name]] = value
    return Motion(rows, Fraction(fps))


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_a_video_made_from_its_own_motion_is_the_same_video(speak, tmp_path, ending):
    first = speak(seed=4)
    saved = first.save(tmp_path / "talk.mp4", motion=tmp_path / f"motion{ending}")
    again = speak(motion=tmp_path / f"motion{ending}")
    assert again.n_frames == saved.n_frames == 50
    assert np.array_equal(motion_of(again), motion_of(first))
    assert np.array_equal(frames_of(again), frames_of(first))
    assert again.notes == first.notes


def test_what_is_heard_is_what_the_video_shows(speak, example_speech):
    heard = opensonic.hear_motion(example_speech, duration=2, seed=4, dynamic_scale=1.2)
    assert (heard.fps, heard.n_frames) == (25, 50)
    values = np.concatenate([part.values for part in heard.parts()])
    assert np.array_equal(values, motion_of(speak(seed=4, dynamic_scale=1.2)))


def test_a_file_of_mouth_shapes_gets_a_living_face(speak, tmp_path):
    cues = "0.00\tX\n0.20\tD\n0.60\tA\n0.70\tD\n1.00\tF\n1.50\tX\n2.00\tX\n"
    (tmp_path / "hi.tsv").write_text(cues)
    video = speak(motion=tmp_path / "hi.tsv", seed=4)
    values = motion_of(video)
    gap = inner_lip_gap(values)
    assert gap[[10, 20]].min() > 0.2
    assert gap[15:17].max() == 0
    assert values[30, INDEX["lip_pucker"]] > 0.8
    assert np.array_equal(values[:, MOUTH.stop :], motion_of(speak(seed=4))[:, MOUTH.stop :])
    assert (
        "hi.tsv has no blinks, brows, gaze, head turns, head shifts and breath: "
        "added to the rhythm of the speech"
    ) in video.notes


def test_a_head_alone_is_used_and_the_mouth_is_heard(speak, tmp_path):
    (tmp_path / "head.csv").write_text("time,head_yaw\n0,0\n2,20\n")
    values = motion_of(speak(motion=tmp_path / "head.csv", fps=25, seed=4))
    assert values[:, INDEX["head_yaw"]] == pytest.approx(np.arange(0.2, 20, 0.4), abs=1e-4)
    assert not values[:, INDEX["head_roll"]].any()
    assert values[-5:, INDEX["gaze_x"]].max() < -0.2  # the eyes stay with the camera
    assert np.array_equal(values[:, MOUTH], motion_of(speak(seed=4))[:, MOUTH])


def test_shorter_and_longer_motion_is_said(speak):
    short = speak(motion=constant(25, jaw_open=0.5))
    assert "motion ends at 1.00 s, the sound at 2.00 s" in short.notes[1]
    jaw = motion_of(short)[:, INDEX["jaw_open"]]
    assert (jaw[:25] == 0.5).all()
    assert (jaw[33:] == 0).all()
    long = speak(motion=constant(100, jaw_open=0.5))
    assert "motion lasts 4.00 s and is cut to the sound's 2.00 s" in long.notes
    assert len(motion_of(long)) == 50
    assert not any("motion" in note for note in speak(motion=constant(50)).notes)


def test_motion_of_another_rate_keeps_time(speak):
    ramp = constant(120, fps=60)
    ramp.values[:, INDEX["head_yaw"]] = np.linspace(0, 20, 120)
    yaw = motion_of(speak(motion=ramp, fps=30))[:, INDEX["head_yaw"]]
    assert len(yaw) == 60
    assert yaw[1:-1] == pytest.approx(
        np.linspace(0, 20, 120).reshape(60, 2).mean(1)[1:-1], abs=1e-4
    )


def test_strengths_apply_to_given_motion(speak):
    given = constant(50, jaw_open=0.4, head_yaw=8)
    values = motion_of(speak(motion=given, dynamic_scale=0.5, motion_scale=0.0))
    assert values[:, INDEX["jaw_open"]] == pytest.approx(0.2)
    assert not values[:, HEAD].any()


def test_warnings_of_a_file_reach_the_video(speak, tmp_path):
    (tmp_path / "m.csv").write_text("time,jaw_open\n0,3\n")
    assert any("jaw_open 3 in line 2" in text for text in speak(motion=tmp_path / "m.csv").warnings)


def test_a_motion_target_is_checked_before_any_work(tmp_path):
    with pytest.raises(EncodeError, match=r"m\.txt"):
        opensonic.animate("missing.jpg", "missing.wav", motion_output=tmp_path / "m.txt")
    source = tmp_path / "m.csv"
    source.write_text("time,jaw_open\n0,0\n")
    with pytest.raises(EncodeError, match="would be lost"):
        opensonic.animate("x.jpg", "x.wav", motion=source, motion_output=source)
    assert source.read_text()


def test_an_engine_without_motion_is_refused_and_leaves_nothing(speak, tmp_path):
    with pytest.raises(InputError, match="engine still does not know the motion"):
        speak(engine="still").save(tmp_path / "t.mp4", motion=tmp_path / "m.csv")
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_length(tmp_path, make_speech):
    def peak(seconds):
        speech, _ = make_speech(seconds)
        heard = opensonic.hear_motion(speech)
        tracemalloc.start()
        opensonic.write_motion(heard, tmp_path / "m.json")
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(5)  # the network is loaded once
    assert peak(60) < peak(15) + 1_000_000
