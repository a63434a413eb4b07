import errno
import json
import sys

import numpy as np
import pytest

from opensonic import cli
from opensonic.errors import EncodeError, InputError
from opensonic.progress import ignore
from opensonic.train.speech import track_cache
from opensonic.train.speech.footage import Video, find_videos
from opensonic.train.speech.survey import survey_folder
from opensonic.train.speech.track_cache import read_mel, read_track


@pytest.fixture(scope="module")
def surveyed(talks, tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    survey = survey_folder(talks, work)
    return survey, {file.name: file for file in survey.files}, work


def test_a_good_video_is_used_whole_and_found_in_sync(surveyed):
    survey, files, _ = surveyed
    talk = files["talk.mp4"]
    assert talk.reason == ""
    assert talk.used_s == pytest.approx(3, abs=0.1)
    assert abs(talk.lag_s) <= 0.03
    assert talk.r > 0.7
    clip = next(clip for clip in survey.clips if clip.name == "talk.mp4")
    assert clip.mel.shape == (len(clip.aperture), 64)
    assert clip.speaker == "talk.mp4"
    assert clip.aperture.min() == 0
    assert 0.3 < np.quantile(clip.aperture, 0.95) < 1.3
    assert np.abs(clip.width).max() <= 1


def best_shift(a, b):
    """Rows by which `b` must be moved on to look like `a`."""
    n = min(len(a), len(b)) - 20
    fits = {k: np.corrcoef(a[10:n], b[10 + k : n + k])[0, 1] for k in range(-10, 11)}
    best = max(fits, key=fits.get)
    assert fits[best] > 0.9
    return best


def test_a_small_lag_is_said_and_taken_away(surveyed):
    survey, files, _ = surveyed
    assert files["late.mp4"].lag_s == pytest.approx(0.08, abs=0.03)
    assert "after the sound: corrected" in files["late.mp4"].note
    good, late = (
        next(clip for clip in survey.clips if clip.name == name)
        for name in ("talk.mp4", "late.mp4")
    )
    sound = best_shift(*(np.asarray(clip.mel, np.float32).mean(1) for clip in (good, late)))
    assert abs(sound - best_shift(good.aperture, late.aperture)) <= 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("too_late.mp4", "come 0.3"),
        ("dubbed.mp4", "do not follow the sound"),
        ("still.mp4", "do not move"),
        ("silent.mp4", "no sound"),
        ("picture.mov", "no video"),
        ("notes.MP4", "no video"),
    ],
)
def test_what_is_unfit_is_dropped_with_its_reason(surveyed, name, reason):
    survey, files, _ = surveyed
    assert reason in files[name].reason
    assert files[name].used_s == 0
    assert name not in {clip.name for clip in survey.clips}


def test_a_second_run_uses_the_tracks_of_the_first(talks, surveyed, monkeypatch):
    survey, _, work = surveyed
    monkeypatch.setattr(track_cache, "track_lips", None)
    again = survey_folder(talks, work)
    assert again.files == survey.files
    np.testing.assert_array_equal(again.clips[0].aperture, survey.clips[0].aperture)


def test_speakers_are_sub_folders_or_files_or_one(tmp_path):
    for name in ("ann/a.mp4", "ann/deep/b.mp4", "bob/c.mp4", "d.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def speakers(kind):
        return [video.speaker for video in find_videos(tmp_path, kind)[0]]

    assert speakers("folders") == ["ann", "ann", "bob", "d.mp4"]
    assert len(set(speakers("files"))) == 4
    assert len(set(speakers("one"))) == 1
    with pytest.raises(InputError, match="folders, files, one"):
        speakers("names")
    with pytest.raises(InputError, match="no such folder"):
        find_videos(tmp_path / "none")
    with pytest.raises(InputError, match=r"is a file; expected a folder of talking videos"):
        find_videos(tmp_path / "d.mp4")


def test_files_that_are_no_videos_by_their_names_are_passed_over(tmp_path, surveyed):
    assert surveyed[0].others == 2
    assert not {"picture.png", "notes.txt"} & set(surveyed[1])
    (tmp_path / "tracks.npz").touch()
    with pytest.raises(InputError, match="holds no video, other files: 1"):
        find_videos(tmp_path)


@pytest.mark.parametrize(
    ("error", "expected", "match"),
    [
        (OSError(errno.ENOSPC, "full"), EncodeError, "the disk is full"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_a_track_that_cannot_be_kept_leaves_nothing(
    talks, tmp_path, monkeypatch, error, expected, match
):
    def half(path, **arrays):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(expected, match=match):
        read_track(Video(talks / "talk.mp4", "talk.mp4", "s"), tmp_path, "", ignore)
    assert not any(tmp_path.iterdir())


def test_a_spectrogram_that_cannot_be_kept_is_one_error(talks, tmp_path):
    with pytest.raises(EncodeError, match="could not be written"):
        read_mel(Video(talks / "talk.mp4", "talk.mp4", "s"), tmp_path / "gone")


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["opensonic", "train", "speech", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return run


def test_check_only_prints_the_report(run, talks, surveyed):
    work = surveyed[2]
    code, out, _ = run("--clips", talks, "--work", work, "--check-only", "--json")
    result = json.loads(out)
    assert code == 0
    assert len(result["files"]) == 8
    assert result["other_files"] == 2
    assert set(result["speakers"]) == {"talk.mp4", "late.mp4"}
    assert result["outcome"] is None
    code, _, err = run("--clips", talks, "--work", work, "--check-only")
    assert code == 0
    assert "other files passed over, no videos by their names: 2" in err
    assert "2 of 8 videos used: 6 s of 2 speakers" in err
    assert "  talk.mp4: 3 s\n" in err
    assert "do not follow the sound" in err


def test_check_only_with_nothing_usable_is_an_error(run, tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    words = ("--clips", tmp_path, "--work", tmp_path / ".work", "--check-only")
    code, out, err = run(*words, "--json")
    result = json.loads(out)
    assert (code, result["exit_code"], len(result["files"])) == (2, 2, 1)
    assert err.count("\n") == 1
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == f"opensonic: {result['error']}"
    assert "0 of 1 videos can be used; a.mp4: no video" in err


def test_without_pytorch_one_line_says_how_to_get_it(run, talks, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    code, _, err = run("--clips", talks)
    assert code == 2
    assert 'pip install "opensonic[train]"' in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["-o", "lips.txt"], 4),
        (["-o", "nowhere/lips.onnx"], 4),
        (["--steps", "0"], 2),
        (["--speakers", "x", "--check-only"], 2),
    ],
)
def test_wrong_words_are_one_line(run, talks, words, code):
    found, _, err = run("--clips", talks, *words)
    assert found == code
    assert err.count("\n") == 1
