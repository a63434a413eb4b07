"""The protocol of LSE-C and LSE-D on embeddings whose answer is known."""

import numpy as np
import pytest

from opensonic.metrics.networks.lse import LagDistances, score_tracks


def measure(lips, sounds):
    distances = LagDistances()
    for a, b in zip(lips, sounds, strict=True):
        distances.push(a, b)
    return distances.finish()


def random_codes(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, 32)).astype(np.float32)


def directly(lips, sounds):
    """The mean distance by lag, written down as published: the sound between rows of zeros."""
    padded = np.concatenate([np.zeros((15, 32)), sounds, np.zeros((15, 32))])
    means = [np.linalg.norm(lips - padded[i : i + len(lips)], axis=1).mean() for i in range(31)]
    return np.array(means)


@pytest.mark.parametrize("n", [1, 3, 15, 16, 40, 200])
def test_distances_are_those_of_the_definition(n):
    lips, sounds = random_codes(n), random_codes(n, 1)
    found, count = measure(lips, sounds)
    assert count == n
    np.testing.assert_allclose(found, directly(lips, sounds), rtol=1e-5)


@pytest.mark.parametrize("late", [-15, -4, 0, 1, 15])
def test_a_planted_lag_is_found_with_its_sign(late):
    codes = random_codes(400)
    lips = codes[50:350]
    sounds = codes[50 - late : 350 - late]  # what the lips show at i is heard at i + late
    found = score_tracks([measure(lips, sounds)])
    assert found.lag_s == pytest.approx(late / 25)
    table = directly(lips, sounds)
    assert found.distance == pytest.approx(table.min(), abs=1e-5)
    assert found.confidence == pytest.approx(np.median(table) - table.min(), abs=1e-5)
    assert found.n_looks == 300


def test_lips_of_another_sound_have_no_clear_lag():
    found = score_tracks([measure(random_codes(300), random_codes(300, 5))])
    right = score_tracks([measure(random_codes(300), random_codes(300))])
    assert found.confidence < 0.1 < 5 < right.confidence
    assert right.distance < 1e-6 < 5 < found.distance


def test_tracks_are_weighted_by_their_length():
    first, second = (measure(random_codes(n, n), random_codes(n, n + 1)) for n in (100, 300))
    both, a, b = (score_tracks(tracks) for tracks in ([first, second], [first], [second]))
    assert both.distance == pytest.approx((a.distance + 3 * b.distance) / 4)
    assert both.confidence == pytest.approx((a.confidence + 3 * b.confidence) / 4)


def test_nothing_to_compare_is_none():
    assert score_tracks([]) is None
    assert score_tracks([LagDistances().finish()]) is None
