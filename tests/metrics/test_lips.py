from fractions import Fraction

import numpy as np
import pytest

from opensonic.metrics.lips import compare_lips, trace_energy


def test_a_perfect_prediction():
    gap = np.abs(np.sin(np.arange(100) / 4)).astype(np.float32) / 10
    width = np.cos(np.arange(100) / 7).astype(np.float32)
    result = compare_lips(gap, 2 * width, gap, width)
    assert result.aperture == result.aperture_at_0 == pytest.approx(1)
    assert result.width == pytest.approx(1)
    assert result.lag == 0
    assert result.gaps == result.true_gaps
    assert result.gaps[0] == pytest.approx(np.median(gap))


def test_a_late_prediction_is_forgiven_at_its_best_lag_only():
    gap = np.random.default_rng(0).random(200).astype(np.float32)
    result = compare_lips(np.roll(gap, 2), gap, gap, gap)
    assert result.lag == 2
    assert result.aperture > 0.98
    assert abs(result.aperture_at_0) < 0.3


@pytest.mark.parametrize("logarithmic", [True, False])
def test_energy_rises_where_it_is_loud(logarithmic):
    sound = np.zeros(32_000, np.float32)
    sound[16_000:24_000] = 0.5
    curve = trace_energy(sound, 16_000, Fraction(25), 60, logarithmic=logarithmic)
    assert curve.shape == (60,)
    assert curve[30] == curve.max() > curve[22] == curve[40] == curve[59]
    loud = (curve > (curve.max() + curve.min()) / 2).nonzero()[0]
    assert abs(loud.mean() - 30.5) <= 1
