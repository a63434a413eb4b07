import numpy as np
import pytest

from opensonic.metrics.curves import correlate_lagged, find_lag, find_peak, remove_drift


def wander(n_frames=250, seed=0, finer=1):
    """A smooth curve, sampled `finer` times as densely."""
    rng = np.random.default_rng(seed)
    coarse = np.convolve(rng.standard_normal(n_frames), np.hanning(9), "same")
    places = np.arange((n_frames - 1) * finer + 1) / finer
    spline = np.interp(places, np.arange(n_frames), coarse)
    return np.convolve(spline, np.hanning(2 * finer + 1), "same").astype(np.float32)


def test_lag_is_found_with_its_sign():
    true = wander()
    by_lag = correlate_lagged(np.roll(true, 2), true)
    assert max(by_lag, key=by_lag.get) == 2
    assert by_lag[2] > 0.99
    assert correlate_lagged(np.roll(true, -3), true)[-3] > 0.99


def test_a_perfect_prediction_gives_1_and_a_flat_one_0():
    true = wander()
    assert correlate_lagged(3 * true + 1, true)[0] == pytest.approx(1)
    assert correlate_lagged(-true, true)[0] == pytest.approx(-1)
    assert set(correlate_lagged(0 * true, true).values()) == {0.0}


@pytest.mark.parametrize("shift", [-1.6, -0.5, 0.0, 0.3, 2.25])
def test_a_planted_lag_is_found_to_a_tenth_of_a_frame(shift):
    fine = wander(300, seed=3, finer=20)
    frames = np.arange(10, 280)
    true, found = fine[frames * 20], fine[np.round((frames - shift) * 20).astype(int)]
    peak, error = find_lag(found, true, 25)
    assert peak.lag == pytest.approx(shift, abs=0.1)
    assert peak.r > 0.9
    assert error < 0.2


def test_the_lag_of_what_has_nothing_in_common_is_unsure():
    _, error = find_lag(wander(seed=1), wander(seed=2), 25)
    assert error > 0.5


def test_drift_does_not_move_the_lag():
    true = wander()
    drift = np.linspace(0, 60, len(true), dtype=np.float32)
    assert find_lag(np.roll(true, 1) + drift, true, 25)[0].lag == pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(remove_drift(drift, 25)[20:-20], 0, atol=1e-4)


def test_a_short_curve_survives():
    peak, _ = find_lag(wander(10), wander(10), 25)
    assert peak.r == pytest.approx(1)


def test_a_peak_at_the_edge_is_not_refined():
    assert find_peak({0: 0.1, 1: 0.2, 2: 0.9}).lag == 2
