"""The director: a seeded, steady life around a mouth that it leaves alone."""

from fractions import Fraction

import numpy as np
import pytest

from opensonic.channels import CHANNELS, HEAD, HIGH, INDEX, LOW, MOUTH
from opensonic.motion.director import direct, perform
from opensonic.speech import Heard

BODY = slice(MOUTH.stop, None)
POSE = slice(HEAD.start, HEAD.stop - 1)


def make_heard(seconds, fps=25, talks=True):
    """Three seconds of phrase, one of pause, a stress every 0.9 s; smooth, so any fps hears it."""
    time = (np.arange(round(seconds * fps)) + 0.5) / float(fps)
    mouth = np.random.default_rng(5).random((len(time), 10)).astype(np.float32)
    if not talks:
        silence = np.zeros(len(time), np.float32)
        return Heard(np.zeros_like(mouth), silence, silence, silence)
    speaking = np.clip(3 + 6 * np.sin(2 * np.pi * time / 4 + 0.8), 0, 1)
    stress = np.clip(np.sin(2 * np.pi * time / 0.9), 0, 1) ** 3 * speaking
    loudness = (0.5 + 0.3 * np.sin(2 * np.pi * time * 3)) * speaking
    columns = (column.astype(np.float32) for column in (loudness, stress, speaking))
    return Heard(mouth, *columns)


def cut(heard, lengths):
    start = 0
    for length in lengths:
        part = slice(start, start + length)
        yield Heard(
            heard.mouth[part], heard.loudness[part], heard.stress[part], heard.speaking[part]
        )
        start += length
    assert start == len(heard.mouth)


def play(heard, fps=25, seed=0):
    parts = list(direct([heard] if isinstance(heard, Heard) else heard, Fraction(fps), seed))
    assert all(part.fps == fps for part in parts)
    return np.concatenate([part.values for part in parts])


def column(values, name):
    return values[:, INDEX[name]]


def blink_starts(values):
    lid = column(values, "blink_left")
    return np.flatnonzero((lid[1:] > 0.5) & (lid[:-1] <= 0.5)) + 1


@pytest.fixture(scope="module")
def five_minutes():
    return play(make_heard(300))


@pytest.fixture(scope="module")
def five_silent_minutes():
    return play(make_heard(300, talks=False))


@pytest.mark.parametrize("fps", [1, 5, 25, Fraction(30000, 1001), 50, 120])
def test_every_frame_comes_with_its_own_mouth(fps):
    heard = make_heard(7, fps)
    values = play(heard, fps)
    assert values.shape == (len(heard.mouth), len(CHANNELS))
    assert (values[:, MOUTH] == heard.mouth).all()


@pytest.mark.parametrize("n_frames", [1, 2, 5])
def test_shortest_parts(n_frames):
    assert play(make_heard(n_frames / 25)).shape[0] == n_frames
    assert list(direct([], Fraction(25), 0)) == []


@pytest.mark.parametrize("lengths", [[1] * 250, [250], [3, 0, 97, 1, 149], [40] * 6 + [10]])
def test_the_result_does_not_depend_on_the_cuts(lengths):
    heard = make_heard(10)
    assert (play(cut(heard, lengths)) == play(heard)).all()


def test_parts_are_handed_out_while_the_speech_runs():
    asked = []

    def parts():
        for number, part in enumerate(cut(make_heard(20), [25] * 20)):
            asked.append(number)
            yield part

    first = next(direct(parts(), Fraction(25), 0))
    assert len(first.values) >= 20
    assert len(asked) == 1


def test_same_seed_same_motion_other_seed_other_motion():
    heard = make_heard(20)
    assert (play(heard, seed=3) == play(heard, seed=3)).all()
    one, other = play(heard, seed=3), play(heard, seed=4)
    assert np.abs(one - other)[:, POSE].max() > 0.5
    assert (blink_starts(one)[:3] != blink_starts(other)[:3]).any()


def test_the_same_movement_at_any_frame_rate():
    slow, fast = play(make_heard(20, 25), 25), play(make_heard(20, 75), 75)[1::3]
    head = np.abs(slow - fast)[:, POSE].max(axis=0)
    assert (head < np.array([0.35, 0.35, 0.35, 0.003, 0.003])).all()
    assert np.abs(column(slow, "blink_left") - column(fast, "blink_left")).mean() < 0.01


@pytest.mark.parametrize("who", ["five_minutes", "five_silent_minutes"])
def test_blinks(who, request):
    values = request.getfixturevalue(who)
    starts = blink_starts(values)
    assert 12 <= len(starts) / 5 <= 20
    assert (column(values, "blink_left") == column(values, "blink_right")).all()
    assert all(column(values, "blink_left")[start : start + 5].max() > 0.9 for start in starts)
    gaps = np.diff(starts) / 25
    assert gaps.min() > 0.2
    assert gaps.std() > 0.8, "a metronome"


def test_a_blink_closes_faster_than_it_opens():
    lid = column(play(make_heard(60, 120, talks=False), 120), "blink_left")
    runs = np.flatnonzero(np.diff(np.concatenate([[0], lid > 0.02, [0]]))).reshape(-1, 2)
    for first, last in runs[lid[runs[:, 1] - 1] < 0.2]:
        shape = lid[first:last]
        closed = np.flatnonzero(shape > 0.97)
        assert 0.1 <= (last - first) / 120 <= 0.31
        assert closed[0] < (last - first) - 1 - closed[-1]
    assert len(runs) > 10


def test_more_blinks_at_the_ends_of_phrases():
    heard = make_heard(300)
    starts = blink_starts(play(heard))
    ends = np.flatnonzero(np.diff((heard.speaking > 0.5).astype(int)) < 0)
    since_end = (starts[:, None] - ends) / 25
    near_end = ((since_end > -0.2) & (since_end < 0.5)).any(axis=1)
    assert near_end.mean() > 1.6 * (0.7 / 4)


def test_amplitudes(five_minutes):
    spread = five_minutes[:, POSE].std(axis=0)
    assert (spread > (1.6, 1.5, 0.8, 0.006, 0.004)).all()
    assert (spread < (3, 2.8, 1.6, 0.02, 0.015)).all()
    assert (np.abs(five_minutes[:, POSE]).max(axis=0) < (8.1, 7.4, 4.6, 0.06, 0.05)).all()
    body = five_minutes[:, BODY]
    assert (body >= LOW[BODY]).all()
    assert (body <= HIGH[BODY]).all()


def test_nothing_drifts(five_minutes):
    thirds = five_minutes[:, POSE].reshape(3, -1, 5).mean(axis=1)
    assert (np.abs(thirds) < (0.8, 0.6, 0.6, 0.008, 0.008)).all()


@pytest.mark.parametrize("who", ["five_minutes", "five_silent_minutes"])
def test_nothing_repeats(who, request):
    pose = request.getfixturevalue(who)[:, POSE]
    for column in (pose - pose.mean(axis=0)).T:
        power = np.abs(np.fft.rfft(column, 4 * len(column))) ** 2
        alike = np.fft.irfft(power)[: len(column) // 2]
        alike /= alike[0]
        rising, falling = alike[50:-1] > alike[49:-2], alike[50:-1] >= alike[51:]
        assert alike[50:-1][rising & falling].max() < 0.3


def test_silence_is_calmer_and_alive(five_minutes, five_silent_minutes):
    silent, talking = (v[:, POSE].std(axis=0) for v in (five_silent_minutes, five_minutes))
    assert (silent < 0.8 * talking).all()
    assert (silent > 0.1 * talking).all()
    assert not five_silent_minutes[:, MOUTH].any()
    assert not column(five_silent_minutes, "brow_raise").any()


def test_breath(five_silent_minutes):
    breath = column(five_silent_minutes, "breath")
    turns = np.flatnonzero((breath[1:] > 0.45) & (breath[:-1] <= 0.45)) / 25
    assert 3 < np.diff(turns).mean() < 4.5
    assert (np.diff(breath) > 0.005).sum() < (np.diff(breath) < -0.005).sum()


def test_head_moves_with_the_stresses(five_minutes):
    stress = make_heard(300).stress
    pitch, brow = column(five_minutes, "head_pitch"), column(five_minutes, "brow_raise")
    stressed, calm = stress > 0.7, stress < 0.05
    # A smoothed head would follow the posture alone: nods are what is left above it.
    nod = pitch - np.convolve(pitch, np.ones(25) / 25, "same")
    assert nod[stressed].mean() - nod[calm].mean() > 0.2
    assert brow[stressed].mean() > brow[calm].mean() + 0.03


def test_movement_is_smooth():
    pose = play(make_heard(60, 60), 60)[:, POSE]
    speed = np.abs(np.diff(pose, axis=0)).max(axis=0)
    jump = np.abs(np.diff(pose, n=2, axis=0)).max(axis=0)
    assert (speed < (0.5, 0.65, 0.4, 0.003, 0.003)).all()
    assert (jump < (0.15, 0.2, 0.12, 0.001, 0.001)).all()


def test_frames_between_ticks_are_interpolated():
    pose = play(make_heard(30, 100, talks=False), 100)[:, POSE]
    assert (np.abs(np.diff(pose, n=2, axis=0)).max(axis=0) < (5e-3, 3e-3, 2e-3, 2e-5, 2e-5)).all()


def test_silence_moves_alike_at_any_frame_rate():
    slow, fast = (play(make_heard(20, fps, talks=False), fps) for fps in (25, 75))
    assert (slow == fast[1::3]).all()


def test_starts_at_rest(five_minutes):
    assert np.abs(five_minutes[0, BODY]).max() < 0.1


def test_gaze_returns_to_the_camera(five_minutes):
    gaze = column(five_minutes, "gaze_x") + column(five_minutes, "head_yaw") / 40
    assert (np.abs(gaze) < 0.02).mean() > 0.5
    assert np.abs(gaze).max() > 0.1


def test_glances_and_raised_brows_are_seen_and_rare(five_minutes):
    glance = np.abs(column(five_minutes, "gaze_x") + column(five_minutes, "head_yaw") / 40)
    assert 0.25 < glance.max() < 0.45
    assert 0.01 < (glance > 0.15).mean() < 0.2
    brow = column(five_minutes, "brow_raise")
    raises = ((brow[1:] > 0.15) & (brow[:-1] <= 0.15)).sum() / 5
    assert 5 < raises < 30
    assert 0.4 < brow.max() <= 0.7


def test_perform_covers_the_sound(make_speech):
    speech, _ = make_speech(2.34)
    parts = list(perform(speech, Fraction(25), 7))
    assert sum(len(part.values) for part in parts) == 59
