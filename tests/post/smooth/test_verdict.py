import itertools

from opensonic.post.smooth.evidence import Evidence
from opensonic.post.smooth.verdict import REACH, is_frozen

SHARE_OF_COPIES = (0.16, 0.2, 0.17, 0.3, 0.25, 0.19, 0.15, 0.28)
"""Steps of repeated frames after encoding, shares of the usual step, as real clips have them."""


def evidence(steps):
    pairs = itertools.pairwise(steps)
    return [Evidence(step, after, step + after, 0.1, 0.0, 0.9) for step, after in pairs]


def test_a_lone_copy_is_frozen():
    steps = [1.0 + 0.2 * (k % 3) for k in range(2 * REACH + 2)]
    steps[REACH] = 0.05
    assert is_frozen(evidence(steps), REACH)


def test_copies_in_a_rhythm_are_left_though_encoding_made_them_differ():
    steps = [1.0] * (2 * REACH + 2)
    steps[0::2] = [*SHARE_OF_COPIES, 0.16]
    steps[REACH] = 0.1
    assert not is_frozen(evidence(steps), REACH)
    assert REACH % 2 == 0
