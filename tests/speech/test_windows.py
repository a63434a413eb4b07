import numpy as np
import pytest

from opensonic.speech.windows import cut_windows


def parts(rows, length):
    return (rows[start : start + length] for start in range(0, len(rows), length))


@pytest.mark.parametrize("n_rows", [1, 4, 5, 9, 10, 11, 23])
@pytest.mark.parametrize("length", [1, 3, 100])
def test_cores_make_up_the_stream_and_context_is_true(n_rows, length):
    rows = np.arange(1, n_rows + 1, dtype=np.float32)[:, None]
    windows = list(cut_windows(parts(rows, length), 5, 2, 3, np.zeros(1, np.float32)))
    cores = np.concatenate([window[2:-3] for window in windows])
    np.testing.assert_array_equal(cores, rows)
    padded = np.concatenate([np.zeros((2, 1)), rows, np.zeros((3, 1))])
    for number, window in enumerate(windows):
        np.testing.assert_array_equal(window, padded[5 * number : 5 * number + len(window)])


def test_nothing_in_nothing_out():
    assert list(cut_windows(iter([]), 5, 2, 3, np.zeros(1, np.float32))) == []
