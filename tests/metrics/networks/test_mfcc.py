"""MFCC against those of python_speech_features 0.6, computed once."""

import numpy as np

from opensonic.metrics.networks.mfcc import read_mfcc

GOLDEN = [21.3881, 20.2123, -20.9805, -20.8892, 16.557, 25.077]
GOLDEN += [-15.5853, -52.7313, -44.2154, -16.3158, -5.5734, -9.6346, -7.0475]


def sweep(n=2000):
    t = np.arange(n) / 16_000
    tones = 0.5 * np.sin(2 * np.pi * 300 * t) + 0.25 * np.sin(2 * np.pi * 2500 * t * t * 4)
    return tones.astype(np.float32)


def test_numbers_are_those_of_the_library():
    rows = np.concatenate(list(read_mfcc([sweep()])))
    assert rows.shape == (11, 13)
    np.testing.assert_allclose(rows[5], GOLDEN, atol=0.02)


def test_pieces_make_no_difference():
    sound = sweep(16_000)
    whole = np.concatenate(list(read_mfcc([sound])))
    pieces = np.concatenate(list(read_mfcc(np.array_split(sound, [0, 1, 399, 401, 9000]))))
    np.testing.assert_array_equal(pieces, whole)


def test_row_j_begins_at_ten_milliseconds_times_j():
    sound = np.zeros(16_000, np.float32)
    sound[8000] = 1  # at 0.5 s: heard by the windows that begin after 475 ms, up to 500 ms
    energy = np.concatenate(list(read_mfcc([sound])))[:, 0]
    assert np.flatnonzero(energy > energy[0] + 1).tolist() == [48, 49, 50]


def test_silence_and_nothing_are_no_trouble():
    assert np.isfinite(np.concatenate(list(read_mfcc([np.zeros(1000, np.float32)])))).all()
    assert list(read_mfcc([])) == []
    assert list(read_mfcc([np.zeros(399, np.float32)])) == []
