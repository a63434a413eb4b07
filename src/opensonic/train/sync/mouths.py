"""Invented mouths for synthetic speech: many people who articulate each in their own way.

Dominance functions (`train.speech.targets`) with another table of shapes for every mouth say how
far the lips open and stretch; a linear law learnt from true tracks makes lip features of that, and
movement that has nothing to do with the sound is added. A second kind moves as our own engines do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from opensonic.post.sync.lips import FEATURES, N_FEATURES
from opensonic.speech.articulation import GAP, JAW_HEIGHT, PUCKER, SHUT, STRETCH, trace_curves
from opensonic.speech.mel import FRAME_RATE
from opensonic.speech.phones import SILENCE
from opensonic.train.speech.targets import APERTURE_UNIT, SHAPES, pull_rows

_GAP, _WIDTH, _CHIN = (FEATURES.index(name) for name in ("gap", "width", "chin_y"))
_TABLE_SPREAD = (0.13, 0.25, 0.13, 0.2)
_LEAD_S, _LEAD_SPREAD_S = -0.01, 0.012
_AMPLITUDE_ROWS = 25

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LipLaw:
    """How lip features follow opening, width and chin, and how they tremble beside that.

    Attributes:
        weights: (3, F) change of each feature with gap, width and height of the chin.
        tremble: (F, F) Cholesky factor of the covariance of what is left.
        chin: How the chin follows the gap by itself.
        spread: (F,) usual spread of each feature within a clip.
    """

    weights: Array
    tremble: Array
    chin: float
    spread: Array


def learn_law(features: npt.NDArray[np.float32]) -> LipLaw:
    """Learn the law from true tracks (N, T, F)."""
    centred = features.astype(np.float64)
    centred = (centred - centred.mean(1, keepdims=True)).reshape(-1, N_FEATURES)
    causes = centred[:, [_GAP, _WIDTH, _CHIN]]
    weights = np.linalg.lstsq(causes, centred, rcond=None)[0]
    left = centred - causes @ weights
    tremble = np.linalg.cholesky(np.cov(left.T) + 1e-10 * np.eye(N_FEATURES))
    chin = float(centred[:, _GAP] @ centred[:, _CHIN] / (centred[:, _GAP] @ centred[:, _GAP]))
    return LipLaw(weights, np.asarray(tremble, np.float64), chin, centred.std(0))


def invent_lips(rng: np.random.Generator, labels: npt.NDArray[np.int8], law: LipLaw) -> Array:
    """Invent the lips of somebody who says timed phones.

    Args:
        rng: Source of chance; another person each time.
        labels: (T,) phone of each row of 10 ms.
        law: How features follow the mouth.

    Returns:
        (T, F) lip features at 100 Hz.
    """
    opening, width, jaw = _articulate(rng, labels)
    gap = opening * APERTURE_UNIT * np.exp(rng.normal(-0.3, 0.3))
    wide = width * np.where(width > 0, 0.10, 0.08) * np.exp(rng.normal(0, 0.3))
    return _show(rng, gap, wide, jaw, law)


def render_lips(rng: np.random.Generator, heard: npt.NDArray[np.float32], law: LipLaw) -> Array:
    """Give the lips as our own engines draw them to what is heard.

    Args:
        rng: Source of chance; another face each time.
        heard: (T, 46) outputs of the speech network.
        law: How features follow the mouth.

    Returns:
        (T, F) lip features at 100 Hz.
    """
    curves = trace_curves(heard).astype(np.float64)
    gap = curves[:, GAP] * (1 - curves[:, SHUT]) * np.exp(rng.normal(0, 0.2))
    wide = 0.10 * curves[:, STRETCH] - 0.08 * curves[:, PUCKER]
    return _show(rng, gap, wide * np.exp(rng.normal(0, 0.3)), curves[:, JAW_HEIGHT], law)


def _show(rng: np.random.Generator, gap: Array, wide: Array, jaw: Array, law: LipLaw) -> Array:
    """Make features of gap and width, e, and height of the jaw, on one face; and its trembling."""
    wide = wide - rng.uniform(0, 0.3) * gap
    chin = law.chin * gap * rng.uniform(0.3, 1.3) - rng.uniform(0, 0.09) * (jaw - jaw.mean())
    causes = np.stack([gap, wide, chin], axis=1)
    weights = law.weights * np.exp(rng.normal(0, 0.3, law.weights.shape))
    weights += rng.normal(0, 0.15, weights.shape) * np.abs(law.weights).max(0)
    weights[:, [_GAP, _WIDTH]] = law.weights[:, [_GAP, _WIDTH]]
    features = (causes - causes.mean(0)) @ weights
    sigma = rng.uniform(2, 8)
    noise = gaussian_filter1d(rng.normal(size=features.shape), sigma, axis=0)
    noise *= np.sqrt(2 * sigma * np.sqrt(np.pi))
    return np.asarray(features + noise @ law.tremble.T * rng.uniform(0.4, 1.6), np.float64)


def _articulate(
    rng: np.random.Generator, labels: npt.NDArray[np.int8]
) -> tuple[Array, Array, Array]:
    """Give opening, width and jaw of an invented person, (T,) each."""
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1, [len(labels)]])
    times = (np.stack([bounds[:-1], bounds[1:]], axis=1) / FRAME_RATE).astype(np.float32)
    phones = labels[bounds[:-1]].astype(np.int64)
    shapes = SHAPES + rng.normal(0, 1, SHAPES.shape) * _TABLE_SPREAD
    shapes[1:] *= np.exp(rng.normal(0, 0.25, 4))
    shapes[SILENCE, 0] = max(0.0, rng.normal(0.05, 0.15))
    n_rows = len(labels)
    pulls = pull_rows(times, phones, n_rows, rng.normal(_LEAD_S, _LEAD_SPREAD_S))
    opening, width, jaw = (pulls[column] @ shapes[:, column] for column in range(3))
    knots = np.arange(n_rows // _AMPLITUDE_ROWS + 2) * _AMPLITUDE_ROWS
    amplitude = np.exp(np.interp(np.arange(n_rows), knots, rng.normal(0, 0.3, len(knots))))
    opening = gaussian_filter1d(opening * amplitude, rng.uniform(0.5, 4)).clip(0, 1.5)
    width = gaussian_filter1d(width, rng.uniform(1, 6))
    jaw = gaussian_filter1d(jaw * amplitude, rng.uniform(1, 6))
    for _ in range(rng.poisson(n_rows / 400)):
        distance = (np.arange(n_rows) - rng.uniform(0, n_rows)) / rng.uniform(6, 25)
        event = np.exp(-0.5 * distance**2)
        opening = opening + rng.normal(0, 0.25) * event
        width = width + rng.normal(0, 0.5) * event
    return np.maximum(opening, 0), width, jaw
