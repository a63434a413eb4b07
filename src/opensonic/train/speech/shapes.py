"""Phone shapes measured on a real speaker: the hand-made table replaced where there is evidence.

Words of a transcript are spread over the network's phone posteriors, and the shapes of the phones
are those with which the dominance functions come nearest to the true lips (ridge regression
towards the hand-made table, which stays for phones that the speaker never says).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from opensonic.speech.mel import FRAME_RATE, N_MELS, level_rows
from opensonic.speech.phones import PHONE_INDEX, PHONES
from opensonic.train.speech.model import SpeechNetwork
from opensonic.train.speech.targets import SHAPES, MouthTable, pull_rows
from opensonic.train.speech.tracks import RealClip

_LOG = logging.getLogger(__name__)
_LEADS_S = (-0.04, -0.03, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03, 0.04)
_TRUST_ROWS = 3000.0
_SHORTEST_ROWS = 2
_LEXICON_TABLE = """
    bin b-ih-n
    lay l-ey-ih
    place p-l-ey-ih-s
    set s-eh-t
    blue b-l-uw
    green g-r-iy-n
    red r-eh-d
    white w-aa-ih-t
    at ae-t
    by b-aa-ih
    in ih-n
    with w-ih-dh
    a ey-ih
    b b-iy
    c s-iy
    d d-iy
    e iy
    f eh-f
    g d-zh-iy
    h ey-ih-t-sh
    i aa-ih
    j d-zh-ey-ih
    k k-ey-ih
    l eh-l
    m eh-m
    n eh-n
    o ow-uh
    p p-iy
    q k-j-uw
    r aa
    s eh-s
    t t-iy
    u j-uw
    v v-iy
    x eh-k-s
    y w-aa-ih
    z z-eh-d
    zero z-ih-r-ow-uh
    one w-ah-n
    two t-uw
    three th-r-iy
    four f-ao
    five f-aa-ih-v
    six s-ih-k-s
    seven s-eh-v-ax-n
    eight ey-ih-t
    nine n-aa-ih-n
    again ax-g-eh-n
    now n-aa-uh
    please p-l-iy-z
    soon s-uw-n
"""
_LEXICON = {
    line.split()[0]: [PHONE_INDEX[phone] for phone in line.split()[1].split("-")]
    for line in _LEXICON_TABLE.strip().splitlines()
}


def _spread_word(scores: npt.NDArray[np.float64], phones: Sequence[int]) -> list[int]:
    """Place the borders between the phones of a word where the posteriors fit best.

    Args:
        scores: (T, 40) log posteriors within the word.
        phones: Classes of the word, in order.

    Returns:
        First row of each phone, and the row behind the last.
    """
    n_rows, n_phones = len(scores), len(phones)
    if n_rows < _SHORTEST_ROWS * n_phones:
        return [round(n_rows * place / n_phones) for place in range(n_phones + 1)]
    sums = np.concatenate([np.zeros((1, n_phones)), np.cumsum(scores[:, phones], axis=0)])
    best = np.full((n_phones + 1, n_rows + 1), -np.inf)
    origin = np.zeros((n_phones + 1, n_rows + 1), np.int64)
    best[0, 0] = 0
    for place in range(n_phones):
        column = sums[:, place]
        for end in range(_SHORTEST_ROWS, n_rows + 1):
            gains = best[place, : end - _SHORTEST_ROWS + 1] - column[: end - _SHORTEST_ROWS + 1]
            start = int(np.argmax(gains))
            best[place + 1, end] = gains[start] + column[end]
            origin[place + 1, end] = start
    borders = [n_rows]
    for place in range(n_phones, 0, -1):
        borders.append(int(origin[place, borders[-1]]))
    return borders[::-1]


@torch.no_grad()
def _score_phones(network: SpeechNetwork, clip: RealClip) -> npt.NDArray[np.float64]:
    rows = np.concatenate(list(level_rows(iter([clip.mel.astype(np.float32)]))))[:, :N_MELS]
    even = rows[: len(rows) // 2 * 2]
    logits, _ = network(torch.from_numpy(even)[None])
    scores = torch.log_softmax(logits[0], -1).numpy().astype(np.float64)
    return np.pad(scores, ((0, len(rows) - len(even)), (0, 0)), "edge")


def _align_clip(
    network: SpeechNetwork, clip: RealClip, words: list[tuple[float, float, str]]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Give start and end in s (S, 2) and class (S,) of every phone of a clip."""
    scores = _score_phones(network, clip)
    bounds, phones = [0], []
    for start, end, word in words:
        first, last = bounds[-1], min(len(scores), round(end * FRAME_RATE))
        spoken = _LEXICON.get(word, [PHONE_INDEX["sil"]])
        if last - first >= len(spoken) and end > start:
            borders = _spread_word(scores[first:last], spoken)
            bounds += [first + border for border in borders[1:]]
            phones += spoken
    edges = np.array(bounds, np.float32) / FRAME_RATE
    return np.stack([edges[:-1], edges[1:]], axis=1), np.array(phones, np.int64)


@dataclass(frozen=True, eq=False)
class Aligned:
    """A real clip whose phones have been found.

    Attributes:
        clip: The clip.
        times: (S, 2) start and end of each phone, s.
        phones: (S,) class of each.
    """

    clip: RealClip
    times: npt.NDArray[np.float32]
    phones: npt.NDArray[np.int64]


def align_clips(
    network: SpeechNetwork, clips: Sequence[RealClip], transcripts: Path
) -> list[Aligned]:
    """Find the phones of clips by their transcripts and a network's posteriors.

    Args:
        network: A pre-trained network.
        clips: Real clips; those without a transcript are passed over.
        transcripts: JSON: clip name to a list of start s, end s, word.
    """
    words = json.loads(transcripts.read_text(encoding="utf-8"))
    return [
        Aligned(clip, *_align_clip(network, clip, words[clip.name]))
        for clip in clips
        if clip.name in words
    ]


def fit_shapes(aligned: Sequence[Aligned]) -> MouthTable:
    """Fit aperture and width of the phones, and the lead of the lips, to true mouth tracks.

    Args:
        aligned: Real clips with their phones.

    Returns:
        The fitted table; jaw and tongue are those of the hand-made one, and everything if there
        is no clip.
    """
    if not aligned:
        return MouthTable()
    truth = np.stack(
        [
            np.concatenate([getattr(each.clip, name) for each in aligned])
            for name in ("aperture", "width")
        ]
    )
    best_error, best = np.inf, MouthTable()
    for lead_s in _LEADS_S:
        pulls = [
            pull_rows(each.times, each.phones, len(each.clip.aperture), lead_s)[:2]
            for each in aligned
        ]
        shapes, error = SHAPES.copy(), 0.0
        for column in range(2):
            design = np.concatenate([pull[column] for pull in pulls])
            hand = design @ SHAPES[:, column]
            prior = SHAPES[:, column] * (hand @ truth[column]) / max(hand @ hand, 1e-9)
            inner = design.T @ design + _TRUST_ROWS * np.eye(len(PHONES))
            shapes[:, column] = np.linalg.solve(
                inner, design.T @ truth[column] + _TRUST_ROWS * prior
            )
            residual = truth[column] - design @ shapes[:, column]
            error += float(np.var(residual) / np.var(truth[column]))
        _LOG.info("lead %.0f ms: unexplained %.3f of 2", 1000 * lead_s, error)
        if error < best_error:
            best_error, best = error, MouthTable(shapes, lead_s)
    return best
