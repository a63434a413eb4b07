import numpy as np
import pytest

from opensonic.errors import InputError
from opensonic.face.tracker import NO_FACE, SEEN, SEVERAL
from opensonic.train.speech.fitness import check_movement, check_speech, find_runs
from opensonic.train.speech.survey import FileReport, _Candidate, _judge_speaker, _Window
from opensonic.train.speech.sync_check import measure_sync, prepare
from opensonic.train.speech.tracker import Track


def make_track(seconds=4.0, fps=25.0, **changes):
    n = round(seconds * fps)
    values = {
        "time_s": (np.arange(n) + 0.5) / fps,
        "state": np.full(n, SEEN, np.int8),
        "shot": np.zeros(n, np.int32),
        "lips": np.zeros((n, 2), np.float32),
        "eyes_px": np.full(n, 80, np.float32),
        "turn_deg": np.zeros((n, 2), np.float32),
    }
    return Track(**{**values, **changes})


def test_a_whole_shot_is_one_run():
    (run,) = find_runs(make_track())
    np.testing.assert_array_equal(run, np.arange(100))


def test_cuts_end_runs_and_short_gaps_are_bridged():
    shot, state = np.zeros(200, np.int32), np.full(200, SEEN, np.int8)
    shot[75:] = 1
    state[150:153] = NO_FACE
    first, second = find_runs(make_track(8, shot=shot, state=state))
    assert (first[0], first[-1]) == (0, 74)
    assert (second[0], second[-1], len(second)) == (75, 199, 122)


def turned(*place):
    turn = np.zeros((100, 2), np.float32)
    turn[:, place[0]] = place[1]
    return turn


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": np.full(100, NO_FACE, np.int8)}, "no face found"),
        ({"state": np.full(100, SEVERAL, np.int8)}, "several faces"),
        ({"eyes_px": np.full(100, 20, np.float32)}, "too small: 20 px"),
        ({"turn_deg": turned(0, -50)}, "turned away"),
        ({"turn_deg": turned(1, 60)}, "turned away"),
        ({"shot": np.arange(100, dtype=np.int32) // 20}, "lost or cut away"),
        ({"time_s": np.arange(100) / 10}, "only 10 pictures a second"),
        ({"time_s": np.arange(100) / 100}, "shorter than 2 s"),
    ],
)
def test_each_reason_is_named(changes, reason):
    with pytest.raises(InputError, match=reason):
        find_runs(make_track(**changes))


def test_still_lips_are_refused():
    check_movement(np.linspace(0, 0.1, 50, dtype=np.float32))
    with pytest.raises(InputError, match="do not move"):
        check_movement(np.linspace(0, 0.01, 50, dtype=np.float32))


@pytest.mark.parametrize(
    ("certainty", "silence", "range_db", "reason"),
    [
        (0.6, 0.2, 30, None),
        (0.6, 0.99, 30, "nobody is heard"),
        (0.2, 0.2, 30, "noise or music"),
        (0.6, 0.2, 3, "noise or music"),
    ],
)
def test_noise_and_silence_are_refused(certainty, silence, range_db, reason):
    n = 300
    level = np.linspace(-10, -10 + range_db / 4.343, n, dtype=np.float32)
    phones, quiet = (np.full(n, value, np.float32) for value in (certainty, silence))
    if reason is None:
        check_speech(phones, quiet, level)
        return
    with pytest.raises(InputError, match=reason):
        check_speech(phones, quiet, level)


def speech_like(n, seed):
    rng = np.random.default_rng(seed)
    kernel = np.exp(-0.5 * (np.arange(-12, 13) / 5) ** 2)
    return np.stack([np.convolve(rng.standard_normal(n), kernel, "same") for _ in range(2)], axis=1)


@pytest.mark.parametrize("lag", [-25, -3, 0, 14, 30])
def test_the_lag_is_found_with_its_sign(lag):
    heard = speech_like(800, 0)
    lips = (
        np.roll(heard, lag, axis=0) + 0.5 * speech_like(800, 1) + np.linspace(0, 40, 800)[:, None]
    )
    sync = measure_sync([prepare(lips, heard)])
    assert sync.clear
    assert sync.lag_s == pytest.approx(lag / 100, abs=0.011)


def test_other_sound_is_not_clear():
    clear = [
        measure_sync([prepare(speech_like(600, 2 * k), speech_like(600, 2 * k + 1))]).clear
        for k in range(40)
    ]
    assert sum(clear) <= 1


def candidate(name, seconds, noise, seed, lag=8):
    n = 100 * seconds
    heard = speech_like(n, seed)
    lips = np.roll(heard, lag, axis=0) + noise * speech_like(n, seed + 100)
    lips = (0.05 * (lips - lips.min()) + [0, 0.5]).astype(np.float32)
    stretch = prepare(lips, heard)
    report = FileReport(name, "s", float(seconds))
    mel = np.zeros((n, 64), np.float16)
    return _Candidate(report, mel, [_Window(0, lips, stretch)], measure_sync([stretch]))


def test_short_files_lean_on_the_others_of_their_speaker():
    weak = candidate("weak", 3, 2.0, 3)
    assert not weak.sync.clear
    (alone, _) = next(iter(_judge_speaker([weak])))
    assert "do not follow the sound" in alone.reason
    others = [candidate(f"other{k}", 10, 1.0, 10 + k) for k in range(3)]
    judged = {report.name: (report, clips) for report, clips in _judge_speaker([weak, *others])}
    report, clips = judged["weak"]
    assert report.reason == ""
    assert "judged with the speaker's other videos" in report.note
    assert report.lag_s == pytest.approx(0.08, abs=0.02)
    assert len(clips[0].mel) == len(clips[0].aperture) == 300 - 8


def test_stretches_that_do_not_follow_are_left_out():
    good, bad = candidate("f", 10, 0.3, 1, lag=0), candidate("f", 10, 50, 2, lag=0)
    windows = [*good.windows, *bad.windows]
    both = _Candidate(good.report, np.zeros((2000, 64), np.float16), windows, good.sync)
    ((report, clips),) = _judge_speaker([both])
    assert report.used_s == 10
    assert "10 s left out" in report.note
    assert len(clips) == 1
