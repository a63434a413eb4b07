"""Trials with right and wrong sounds: how scores become confidence, and whether it keeps its word.

Lips come from what training has not seen (the main speaker's last clips, other people, invented
mouths for synthetic speech kept aside), varied as in training. Videos of other lengths are put
together of several clips. The figures go into `post.sync.certainty` by hand.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from opensonic.post.sync.certainty import judge, scores
from opensonic.post.sync.lips import LipTrack
from opensonic.post.sync.match import LAG_RATE, Evidence, compare
from opensonic.speech.mel import FRAME_RATE
from opensonic.train.speech.tracks import KEPT_ASIDE, TRACK_FPS
from opensonic.train.sync.augment import vary_lips
from opensonic.train.sync.fit import KEPT_CROPS
from opensonic.train.sync.mouths import LipLaw, invent_lips, learn_law

_LOG = logging.getLogger(__name__)
_CLIP_FRAMES = 75
_CLIP_ROWS = _CLIP_FRAMES * FRAME_RATE // TRACK_FPS
_PARTS = (0.5, 1, 1, 1, 2, 4, 8)
"""Lengths of trials, in clips of 3 s."""
_REACH_S, _MAX_LAG_S = 1.5, 0.3
_RIGHT_S = 0.05
_BINS = (0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.001)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trial:
    """One pair of lips and sound.

    Attributes:
        sums: (K,) evidence at every lag.
        counts: (K,) seconds in each sum.
        right: Whether they belong together, at lag 0.
        kind: Where the lips come from.
    """

    sums: Array
    counts: Array
    right: bool
    kind: str


@dataclass(frozen=True, eq=False)
class _Clips:
    kind: str
    features: list[Array]
    heard: list[npt.NDArray[np.float16]]


def run_trials(work: Path, sound: Path, count: int, seed: int) -> list[Trial]:
    """Put lips beside right and wrong sounds.

    Args:
        work: Folder with `tracks.npz` and `speech.npz`.
        sound: `sync_sound.onnx`; that of the lips is the package's own.
        count: Trials of each kind.
        seed: Everything is drawn from it.
    """
    rng = np.random.default_rng(seed)
    session = ort.InferenceSession(sound.read_bytes(), providers=["CPUExecutionProvider"])
    law, sources = _sources(work, rng)
    trials = []
    for source in sources:
        evidence = [_hear(session, columns) for columns in source.heard]
        for number in range(count):
            trials.append(_try(rng, source, evidence, law, right=number % 2 == 0))
        _LOG.info("%s: %d trials", source.kind, count)
    return trials


def calibrate(trials: list[Trial]) -> Array:
    """Fit offset and weights of score and height by logistic regression; logs what they are worth.

    Returns:
        (3,) offset, weight of the score, weight of the height.
    """
    rng = np.random.default_rng(0)
    rows, right = [], []
    for trial in trials:
        score, height = scores(trial.sums, trial.counts)
        middle = len(score) // 2
        reach = round(_MAX_LAG_S * LAG_RATE)
        place = middle if trial.right else middle + rng.integers(-reach, reach + 1)
        rows.append((1.0, score[place], height[place]))
        right.append(trial.right)
    x, y = np.array(rows, np.float64), np.array(right, np.float64)
    weights = np.zeros(3)
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weights))
        bend = (x * (p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(3)
        weights += np.linalg.solve(bend, x.T @ (y - p) - 1e-3 * weights)
    _LOG.info("offset %.3f, of score %.3f, of height %.3f", *weights)
    return weights


def report(trials: list[Trial]) -> None:
    """Log, for confidence as the package gives it, how often it is right, and the ROC area."""
    judged = [judge(trial.sums, trial.counts, _MAX_LAG_S) for trial in trials]
    confidence = np.array([each.confidence for each in judged])
    right = np.array([trial.right for trial in trials])
    met = right & (np.abs([each.lag_s for each in judged]) <= _RIGHT_S)
    for low, high in pairwise(_BINS):
        inside = (confidence >= low) & (confidence < high)
        if inside.any():
            _LOG.info(
                "confidence %.2f to %.2f: %d trials, mean %.3f, right %.3f",
                *(
                    low,
                    high,
                    inside.sum(),
                    confidence[inside].mean(),
                    met[inside].mean(),
                ),
            )
    kinds = np.array([trial.kind for trial in trials])
    seconds = np.array([round(float(trial.counts.max()), 1) for trial in trials])
    for kind in np.unique(kinds):
        for length in np.unique(seconds):
            own = (kinds == kind) & (seconds == length)
            good, bad = confidence[own & right], confidence[own & ~right]
            if len(good) and len(bad):
                area = float((good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2)
                _LOG.info("%s, %.1f s: ROC area %.3f", kind, length, area)


def _sources(work: Path, rng: np.random.Generator) -> tuple[LipLaw, list[_Clips]]:
    with np.load(work / "tracks.npz") as data:
        features, heard = data["features"], data["heard"]
        whole, speaker = data["whole"], data["speaker"]
    people, counts = np.unique(speaker[whole], return_counts=True)
    main = np.flatnonzero(whole & (speaker == people[counts.argmax()]))
    others = np.flatnonzero(whole & (speaker != people[counts.argmax()]))
    law = learn_law(features[main[:-KEPT_ASIDE]])

    def clips(kind: str, places: npt.NDArray[np.int64]) -> _Clips:
        ways = [(way, place) for place in places for way in range(len(heard))]
        return _Clips(
            kind,
            [features[place].astype(np.float64) for _, place in ways],
            [heard[way, place] for way, place in ways],
        )

    with np.load(work / "speech.npz") as data:
        crops, phones = data["heard"][-KEPT_CROPS:], data["phones"][-KEPT_CROPS:]
    invented, sounds = [], []
    for crop, labels in zip(crops, phones, strict=True):
        for first in range(100, len(labels) - _CLIP_ROWS - 100, _CLIP_ROWS):
            around = slice(first - 100, first + _CLIP_ROWS + 100)
            lips = invent_lips(rng, labels[around], law)[100:-100]
            step = FRAME_RATE // TRACK_FPS
            invented.append(lips.reshape(_CLIP_FRAMES, step, -1).mean(1))
            sounds.append(crop[first : first + _CLIP_ROWS])
    return law, [
        clips("main speaker", main[-KEPT_ASIDE:]),
        clips("other people", others),
        _Clips("invented mouths", invented, sounds),
    ]


def _hear(session: ort.InferenceSession, columns: npt.NDArray[np.float16]) -> Evidence:
    (evidence,) = session.run(None, {"columns": columns[None].astype(np.float32)})
    return np.asarray(evidence, np.float32)


def _try(
    rng: np.random.Generator,
    source: _Clips,
    evidence: list[Evidence],
    law: LipLaw,
    *,
    right: bool,
) -> Trial:
    length = float(rng.choice(_PARTS))
    sums, counts = [], []
    for place in rng.choice(len(source.features), max(1, round(length))):
        other = place
        while not right and _same(source, other, place):
            other = rng.integers(len(evidence))
        features = vary_lips(rng, source.features[place], law.spread)
        first, last = _part(rng, min(length, 1.0))
        blocks = compare(
            _track(features[first:last]),
            evidence[other][first * 2 : last * 2],
            round(_REACH_S * LAG_RATE),
        )
        sums.append(blocks.sums.sum(0))
        counts.append(blocks.counts.sum(0))
    return Trial(np.sum(sums, 0), np.sum(counts, 0), right, source.kind)


def _same(source: _Clips, a: int, b: int) -> bool:
    return np.array_equal(source.features[a], source.features[b])


def _part(rng: np.random.Generator, share: float) -> tuple[int, int]:
    n_frames = round(_CLIP_FRAMES * share)
    first = int(rng.integers(_CLIP_FRAMES - n_frames + 1))
    return first, first + n_frames


def _track(features: Array) -> LipTrack:
    n_frames = len(features)
    return LipTrack(
        time_s=(np.arange(n_frames) + 0.5) / TRACK_FPS,
        features=features.astype(np.float32),
        seen=np.ones(n_frames, bool),
        shot=np.zeros(n_frames, np.int32),
    )
