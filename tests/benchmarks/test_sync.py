import numpy as np
import pytest
from benchmarks.sync.takes import Take, delay, true_lags
from benchmarks.sync.trials import area, cut_segments

from opensonic.post.sync.lips import N_FEATURES, LipTrack


def test_area_is_how_often_right_is_above_wrong():
    assert area([3, 4], [1, 2]) == 1
    assert area([1, 3], [2]) == 0.5
    assert area([1], [1]) == 0.5


@pytest.mark.parametrize("shift", [-3, 0, 5])
def test_delay_moves_the_sound_and_keeps_its_length(shift):
    sound = np.arange(1, 11, dtype=np.float32)
    moved = delay(sound, shift / 16_000)
    assert len(moved) == len(sound)
    expected = sound[max(0, -shift) : len(sound) - max(0, shift)]
    np.testing.assert_array_equal(moved[max(0, shift) :][: len(expected)], expected)
    assert np.count_nonzero(moved) == len(sound) - abs(shift)


def test_segments_know_nothing_of_the_rest():
    time_s = (np.arange(200) + 0.5) / 25
    features = np.repeat(time_s[:, None], N_FEATURES, 1).astype(np.float32)
    lips = LipTrack(time_s, features, np.ones(200, bool), np.zeros(200, np.int32))
    sound = np.arange(8 * 16_000, dtype=np.float32)
    first, second = cut_segments([Take("talk", sound, lips)])
    assert len(first.lips.time_s) == len(second.lips.time_s) == 75
    assert second.lips.time_s[0] == pytest.approx(0.02)
    assert second.lips.features[0, 0] == pytest.approx(3.02)
    assert second.sound[0] == 3 * 16_000 and len(second.sound) == 3 * 16_000


def test_lags_are_read_from_a_table(tmp_path):
    table = tmp_path / "manifest.tsv"
    table.write_text("path\tsync_lag_frames\nclips/a.mp4\t-1\naudio/b.wav\t\n")
    assert true_lags(table) == {"a": -1.0}
