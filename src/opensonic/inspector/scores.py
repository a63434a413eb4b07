"""From measures to scores and advice. Where the limits come from: docs/inspect.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from opensonic.inspector.measures import Measures

FINE, USABLE = 80, 40
"""Scores from which on a portrait is fine, or usable in that respect."""
_NOTHING_TO_DO = "Fine as it is."


@dataclass(frozen=True)
class Score:
    """One respect in which a portrait was judged.

    Attributes:
        name: What was looked at.
        score: 0 (will look wrong) to 100 (as good as can be).
        value: What was measured, in the unit of `measured`.
        measured: The same in words.
        advice: One sentence: what to improve, or that there is nothing to do.
    """

    name: str
    score: int
    value: float
    measured: str
    advice: str

    @property
    def verdict(self) -> str:
        """`good`, `usable` or `poor`."""
        return name_verdict(self.score)


def name_verdict(score: int) -> str:
    """Give the word for a score from 0 to 100."""
    return "good" if score >= FINE else "usable" if score >= USABLE else "poor"


@dataclass(frozen=True)
class _Criterion:
    """How a measure is judged: score by value, piecewise linear."""

    name: str
    measure: Callable[[Measures], float]
    words: Callable[[float], str]
    values: tuple[float, ...]
    scores: tuple[float, ...]
    advice: str


_CRITERIA = (
    _Criterion(
        "size",
        lambda m: m.eye_px,
        "{:.0f} px between the outer eye corners".format,
        (16, 32, 80),
        (0, 50, 100),
        "Use a larger or closer picture: at least 80 px between the outer corners of the eyes.",
    ),
    _Criterion(
        "turn",
        lambda m: m.turn_deg,
        "{:.0f} degrees away from the viewer".format,
        (20, 35, 55),
        (100, 50, 0),
        "Use a picture in which the face looks more towards the camera.",
    ),
    _Criterion(
        "sharpness",
        lambda m: m.blur,
        "edges are {:.1f} % of the eye distance wide".format,
        (1.3, 2.6, 3.5),
        (100, 50, 0),
        "Use a sharper picture: eyes and lips are blurred.",
    ),
    _Criterion(
        "clearness",
        lambda m: m.certainty,
        "{:.2f} sure of the face's points".format,
        (0.6, 0.88, 0.95),
        (0, 40, 100),
        "Use a picture in which eyes, nose and mouth are clearer to see.",
    ),
    _Criterion(
        "free view",
        lambda m: m.features,
        "{:.2f} contrast of the least clear of eyes and mouth".format,
        (0.05, 0.15, 0.3),
        (0, 50, 100),
        "Free eyes and mouth of hands, hair, masks and dark glasses, or use more contrast.",
    ),
    _Criterion(
        "glasses",
        lambda m: float(m.dark_glasses),
        lambda v: "dark glasses hide the eyes" if v else "no dark glasses",
        (0, 1),
        (100, 60),
        "Take dark glasses off: the eyes behind them will not blink or look around.",
    ),
    _Criterion(
        "mouth",
        lambda m: m.mouth_gap if m.mouth_open else 0.0,
        "gap of {:.2f} of the mouth's width".format,
        (0.05, 0.3, 0.6),
        (100, 50, 0),
        "Use a picture with closed lips, or with a smaller smile.",
    ),
    _Criterion(
        "even light",
        lambda m: m.side_ratio,
        "darker half {:.2f} times as bright as the other".format,
        (0.05, 0.15, 0.35),
        (0, 50, 100),
        "Use a picture that is lit from the front: one half of the face is in shadow.",
    ),
    _Criterion(
        "brightness",
        lambda m: m.light,
        "{:.0f} of 255 at the brightest spots of the face".format,
        (12, 23, 60),
        (0, 50, 100),
        "Use a brighter picture of the face.",
    ),
    _Criterion(
        "burnt spots",
        lambda m: 100 * m.burnt,
        "{:.0f} % of the skin burnt white".format,
        (5, 30, 60),
        (100, 50, 0),
        "Use a picture with less light on the face: parts of it are burnt white.",
    ),
    _Criterion(
        "room",
        lambda m: m.room,
        lambda v: (
            f"{v:.2f} eye distances from the face to the picture's edge"
            if v > 0
            else f"the face is cut off by {-v:.2f} eye distances"
        ),
        (-0.35, -0.1, 0.3),
        (0, 50, 100),
        "Use a picture with more room around the face, so that the head can move.",
    ),
)


def score_measures(measures: Measures) -> tuple[Score, ...]:
    """Judge what was measured on a portrait.

    Args:
        measures: What was measured.
    """
    scores = []
    for one in _CRITERIA:
        value = one.measure(measures)
        score = round(float(np.interp(value, one.values, one.scores)))
        advice = _NOTHING_TO_DO if score >= FINE else one.advice
        scores.append(Score(one.name, score, value, one.words(value), advice))
    return tuple(scores)
