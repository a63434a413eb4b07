"""Lips against sound: correlation, closures, silence, on made-up curves."""

import numpy as np
import pytest

from opensonic.metrics.agreement import correlate_lips
from opensonic.metrics.lip_rows import judge_lag
from opensonic.metrics.shut_lips import judge_closures
from opensonic.metrics.silence import judge_silence, within
from opensonic.metrics.sounding import Sounding, listen_closely, measure_loudness
from opensonic.post.sync.heard import HeardLips
from opensonic.post.sync.lag import Sync
from opensonic.speech.phones import SILENCE

TIMES = (np.arange(250) + 0.5) / 25
NONE = np.empty((0, 2))


def _sounding(gap, silence=None):
    flat = np.zeros(len(gap), np.float32)
    return Sounding(gap, flat if silence is None else silence, flat, NONE)


def _babble(n, seed=0):
    noise = np.random.default_rng(seed).normal(size=n)
    return np.convolve(noise, np.hanning(30), "same").astype(np.float32)


def test_correlation_as_it_is_and_with_the_lag_taken_away():
    heard = _babble(1000)
    lips = np.interp(TIMES + 0.2, (np.arange(1000) + 0.5) / 100, heard).astype(np.float32)
    sounding = _sounding(heard)
    assert correlate_lips(0.1 + 2 * lips, TIMES, sounding, 0.2) > 0.98
    assert correlate_lips(lips, TIMES, sounding) < 0.6
    other = correlate_lips(_babble(1000, 1)[::4], TIMES, sounding)
    assert abs(other) < 0.4


def test_correlation_of_what_does_not_move_is_unknown():
    sounding = _sounding(_babble(1000))
    assert np.isnan(correlate_lips(np.full(250, 0.1, np.float32), TIMES, sounding))
    assert np.isnan(correlate_lips(np.full(250, np.nan, np.float32), TIMES, sounding))


CLOSURES = np.array([[1.0, 1.08], [2.0, 2.1], [3.0, 3.06], [5.0, 5.1]])
REST = np.array([[8.0, 10.0]])


def _gap(closed):
    gap = np.full(250, 0.12, np.float32)
    for start, end in closed:
        gap[(start - 0.02 <= TIMES) & (end + 0.02 >= TIMES)] = 0.006
    return gap


def test_lips_that_close_rightly():
    found = judge_closures(_gap(CLOSURES), TIMES, CLOSURES, REST)
    assert (found.recall, found.precision, found.true) == (1, 1, 4)
    assert found.by_chance < 0.15


def test_a_missed_and_a_needless_closure():
    found = judge_closures(_gap([*CLOSURES[:3], [6.0, 6.4]]), TIMES, CLOSURES, REST)
    assert found.recall == 0.75
    assert found.missed_s.tolist() == [[5.0, 5.1]]
    assert 0.3 < found.precision < 0.6


def test_a_mouth_that_stays_shut_is_right_by_chance_only():
    found = judge_closures(np.full(250, 0.004, np.float32), TIMES, CLOSURES, REST)
    assert found.recall == 1
    assert found.precision == pytest.approx(found.by_chance)


def test_a_mouth_that_never_shuts():
    found = judge_closures(np.full(250, 0.12, np.float32), TIMES, CLOSURES, REST)
    assert found.recall == 0
    assert np.isnan(found.precision)


def test_closures_without_a_face_do_not_count():
    gap = _gap(CLOSURES)
    gap[TIMES < 1.5] = np.nan
    assert judge_closures(gap, TIMES, CLOSURES, REST).true == 3
    gap[:] = np.nan
    assert np.isnan(judge_closures(gap, TIMES, CLOSURES, REST).recall)


def test_lips_that_rest_in_silence_and_lips_that_do_not():
    gap = _gap([*CLOSURES, [8.0, 10.0]])
    assert judge_silence(gap, TIMES, REST).open_share == 0
    gap[TIMES > 9] = 0.1
    found = judge_silence(gap, TIMES, REST)
    assert found.open_share == pytest.approx(0.5, abs=0.05)
    assert found.pictures == 50
    always = judge_silence(np.full(250, 0.1, np.float32), TIMES, REST)
    assert always.open_share == 1
    assert np.isnan(judge_silence(gap, TIMES, NONE).open_share)


def test_silences_leave_room_for_lips_to_move():
    silence = np.zeros(1000, np.float32)
    silence[300:500] = 1
    silence[900:] = 1
    silence[600:620] = 1  # too short
    sounding = _sounding(_babble(1000), silence)
    np.testing.assert_allclose(sounding.silences_s(), [[3.2, 4.7], [9.2, 10.0]])
    np.testing.assert_allclose(sounding.silences_s(inner=False), [[3, 5], [9, 10]])


def test_within():
    spans = np.array([[1.0, 2.0], [3.0, 4.0]])
    times = np.array([0.5, 1.0, 1.9, 2.0, 3.5, 5.0])
    assert within(times, spans).tolist() == [False, True, True, False, True, False]
    assert not within(times, NONE).any()


def test_curves_end_with_the_sound():
    sounding = _sounding(np.linspace(0, 1, 100).astype(np.float32))
    values = sounding.at(sounding.gap, np.array([-0.1, 0.005, 0.995, 1.2]))
    assert np.isnan(values[[0, 3]]).all()
    np.testing.assert_allclose(values[1:3], [0, 1], atol=1e-6)


def test_loudness_and_silence_of_a_made_sound(make_speech):
    speech, _ = make_speech(2, level=0.5)
    loudness = measure_loudness(speech)
    assert len(loudness) == 200
    assert loudness[:24].max() < -80
    assert loudness[26:49].mean() == pytest.approx(20 * np.log10(0.5 / 3**0.5), abs=0.3)
    rows = np.zeros((7000, 47), np.float16)
    rows[:, SILENCE] = 1
    quiet = listen_closely(speech, HeardLips(rows))
    assert len(quiet.gap) == 7000
    assert quiet.gap.max() < 1e-3
    assert not len(quiet.closures_s)


def _verdicts(confidence, seen_s):
    rows = judge_lag(Sync(lag_s=0.1, error_s=0.01, confidence=confidence), seen_s)
    return {row.name: row.verdict for row in rows}


def test_a_guessed_lag_has_no_verdict_and_shortness_alone_is_not_poor():
    assert _verdicts(0.9, 10.0) == {"lag": "fair", "lag_confidence": "good", "lag_drift": ""}
    assert _verdicts(0.3, 10.0) == {"lag": "", "lag_confidence": "poor", "lag_drift": ""}
    assert _verdicts(0.3, 4.0) == {"lag": "", "lag_confidence": "fair", "lag_drift": ""}
