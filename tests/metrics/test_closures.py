import numpy as np
import pytest

from opensonic.metrics.closures import (
    ClosureCounts,
    count_closures,
    find_spans,
    track_closures,
)
from opensonic.metrics.visemes import VISEME_OF, VISEMES
from opensonic.speech.phones import PHONE_INDEX


def spans(*pairs):
    return np.array(pairs, np.float64).reshape(-1, 2)


def test_spans_of_flags():
    flags = np.array([1, 1, 0, 0, 1, 0, 1], bool)
    np.testing.assert_allclose(find_spans(flags, 100), [(0, 0.02), (0.04, 0.05), (0.06, 0.07)])
    assert find_spans(np.zeros(5, bool), 100).shape == (0, 2)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (spans((1.0, 1.1)), (1, 1, 1, 1)),
        (spans((1.13, 1.2)), (1, 1, 1, 1)),  # 30 ms late
        (spans((1.15, 1.2)), (0, 1, 0, 1)),  # 50 ms late
        (spans((0.9, 0.97)), (1, 1, 1, 1)),
        (spans((0.9, 0.95)), (0, 1, 0, 1)),
        (spans((1.0, 1.1), (2.0, 2.1)), (1, 1, 1, 2)),  # the second is wrong
        (spans(), (0, 1, 0, 0)),
    ],
)
def test_right_and_wrong_closures_are_told_apart(found, expected):
    assert count_closures(spans((1.0, 1.1)), found) == ClosureCounts(*expected)


def test_lips_may_touch_in_silence():
    found = spans((1.0, 1.1), (3.0, 5.0), (6.0, 6.1))
    counts = count_closures(spans((1.0, 1.1)), found, rest=spans((0.0, 0.98), (3.1, 5.2)))
    assert counts == ClosureCounts(met=1, true=1, right=1, found=2)


def test_shares_of_counts():
    both = ClosureCounts(1, 2, 3, 4).merge(ClosureCounts(1, 2, 0, 0))
    assert both == ClosureCounts(2, 4, 3, 4)
    assert both.recall == 0.5
    assert both.precision == 0.75
    assert ClosureCounts().recall == ClosureCounts().precision == 0


def test_every_phone_has_one_of_fourteen_visemes():
    assert len(VISEMES) == 14
    assert VISEME_OF.min() == 0
    assert len(" ".join(VISEMES).split()) == len(set(" ".join(VISEMES).split())) == 40
    assert VISEME_OF[PHONE_INDEX["m"]] == VISEME_OF[PHONE_INDEX["p"]] != VISEME_OF[PHONE_INDEX["f"]]


def test_closures_of_tracked_lips():
    true = np.full(50, 0.12, np.float32)
    true[10:13] = true[30:32] = 0.01  # shut, as a tracker sees it
    true[40:] = 0.012  # at rest
    found = np.full(50, 0.1, np.float32)
    found[13:15] = found[20:22] = found[41:] = 0
    assert track_closures(found, true, 25) == ClosureCounts(met=1, true=2, right=1, found=2)
    assert track_closures(true, true, 25).found == 0  # never touches
