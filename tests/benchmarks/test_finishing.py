import pytest
from benchmarks.finishing.__main__ import measure


def test_the_planted_lag_is_moved_while_the_time_is_taken():
    found = measure(size=128, kind="known", seconds=5)
    assert found["delay_s"] == pytest.approx(0.03, abs=0.02)
    assert 0 < found["cpu_s"] < 60
    assert found["peak_mib"] > 50
