"""Forced alignment: which rows of the sound belong to which phone of a known text.

The Viterbi path through the phones in their order, by the probabilities that our speech network
gives at 100 Hz; between words there may be silence (Rabiner, "A tutorial on hidden Markov models",
Proc. IEEE 77, 1989, section III.B). No phone is shorter than 20 ms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensonic.speech.phones import PHONE_INDEX, PHONES, SILENCE

_FLOOR = 1e-3
_REPEATS = 2
_IMPOSSIBLE = -1e30


class Alignment(NamedTuple):
    """Where phones lie.

    Attributes:
        phones: (N,) int64, columns of `PHONES` in their order, silence included.
        rows: (N, 2) first row of each and the row behind its last, at 100 Hz.
        fit: Mean probability (geometric) of the phones where they lie, silence left out.
    """

    phones: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    fit: float


def align_phones(words: list[list[str]], heard: npt.NDArray[np.floating]) -> Alignment | None:
    """Find where the phones of a text lie in a sound.

    Args:
        words: Classes of `PHONES`, word by word.
        heard: (T, C) with the probabilities of `PHONES` in the first columns, at 100 Hz.

    Returns:
        The best alignment; None where the sound is too short for the text.
    """
    phones, optional = _states(words)
    scores = np.log(np.maximum(heard[:, : len(PHONES)].astype(np.float32), _FLOOR))
    path = _best_path(scores, phones, optional)
    if path is None:
        return None
    edges = np.flatnonzero(np.diff(path // _REPEATS)) + 1
    starts = np.concatenate([[0], edges])
    ends = np.concatenate([edges, [len(path)]])
    aligned = phones[path[starts]]
    spoken = phones[path] != SILENCE
    chosen = scores[np.arange(len(path)), phones[path]][spoken]
    fit = float(np.exp(chosen.mean())) if spoken.any() else 0.0
    return Alignment(aligned, np.stack([starts, ends], axis=1), fit)


def _states(words: list[list[str]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Give the phone of every state and which states may be left out, (S,) each.

    Every phone is `_REPEATS` states, silences between words as well.
    """
    order, may_skip = [SILENCE], [True]
    for word in words:
        order += [PHONE_INDEX[phone] for phone in word]
        may_skip += [False] * len(word)
        order.append(SILENCE)
        may_skip.append(True)
    return np.repeat(order, _REPEATS), np.repeat(may_skip, _REPEATS)


def _best_path(
    scores: npt.NDArray[np.float32],
    phones: npt.NDArray[np.int64],
    optional: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64] | None:
    """Give the state of every row on the best way from the first to the last, (T,).

    Args:
        scores: (T, C) logarithms of the phones' probabilities.
        phones: (S,) the phone of every state.
        optional: (S,) which states may be left out.
    """
    n_rows, n_states = len(scores), len(phones)
    if n_rows < max(1, int(np.count_nonzero(~optional))):
        return None
    skips = np.full(n_states, -1)
    starts = np.arange(_REPEATS, n_states, _REPEATS)
    over = starts[optional[starts - 1] & (starts >= 2 * _REPEATS)]
    skips[over] = over - _REPEATS - 1
    total = np.full(n_states, _IMPOSSIBLE, np.float32)
    total[[0, _REPEATS]] = scores[0, phones[[0, _REPEATS]]]
    came = np.zeros((n_rows, n_states), np.uint8)
    jumped = np.where(skips >= 0, skips, 0)
    for row in range(1, n_rows):
        choices = np.stack(
            [
                total,
                np.concatenate([[_IMPOSSIBLE], total[:-1]]),
                np.where(skips >= 0, total[jumped], _IMPOSSIBLE),
            ]
        )
        came[row] = choices.argmax(0)
        total = (choices.max(0) + scores[row, phones]).astype(np.float32)
    ends = np.array([n_states - 1, n_states - 1 - _REPEATS])
    state = int(ends[total[ends].argmax()])
    if total[state] <= _IMPOSSIBLE / 2:
        return None
    path = np.empty(n_rows, np.int64)
    for row in range(n_rows - 1, -1, -1):
        path[row] = state
        way = came[row, state]
        state = state - 1 if way == 1 else int(skips[state]) if way == 2 else state
    return path
