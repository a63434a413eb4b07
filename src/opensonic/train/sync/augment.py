"""Other people, other trackers, worse pictures: what is done to pairs of lips and sound."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from opensonic.post.sync.match import N_INPUTS
from opensonic.speech.network import APERTURE, N_HEARD, WIDTH
from opensonic.speech.phones import PHONES

Array = npt.NDArray[np.float64]


def vary_lips(rng: np.random.Generator, features: Array, spread: Array) -> Array:
    """Give lips as another face and another tracker would show them.

    Gain, cross-talk between features, trembling alone and together, slow drift.

    Args:
        rng: Source of chance.
        features: (T, F), a row per picture.
        spread: (F,) usual spread of each.
    """
    n_rows, n_features = features.shape
    mean = features.mean(0)
    z = (features - mean) / spread
    z = z * np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.15, n_features))
    z = z + z @ rng.normal(0, 0.24 / np.sqrt(n_features), (n_features, n_features))
    if rng.random() < 0.8:
        alone = rng.uniform(0, 0.35) * np.exp(rng.normal(0, 0.4, n_features))
        z = z + rng.normal(0, 1, z.shape) * alone
    if rng.random() < 0.5:
        together = rng.normal(0, 1, (3, n_features)) / np.sqrt(3)
        z = z + rng.normal(0, 1, (n_rows, 3)) * rng.uniform(0, 0.35) @ together
    if rng.random() < 0.6:
        knots = np.linspace(0, n_rows - 1, max(2, int(n_rows / rng.uniform(8, 30))))
        drift = [
            np.interp(np.arange(n_rows), knots, rng.normal(0, 1, len(knots)))
            for _ in range(len(mean))
        ]
        z = z + np.stack(drift, axis=1) * rng.uniform(0, 1)
    return np.asarray(mean + z * spread, np.float64)


def sample_lips(
    rng: np.random.Generator, features: Array, time_s: Array, at_s: Array
) -> npt.NDArray[np.float32]:
    """Interpolate pictures to other times, a fifth of the time with pictures missing.

    Args:
        rng: Source of chance.
        features: (N, F), a row per picture.
        time_s: (N,) when each is shown, s.
        at_s: (T,) times wanted, s.
    """
    kept = np.ones(len(time_s), bool)
    if rng.random() < 0.2:
        kept = rng.random(len(time_s)) > rng.uniform(0, 0.3)
        kept[[0, -1]] = True
    columns = [np.interp(at_s, time_s[kept], column) for column in features[kept].T]
    return np.stack(columns, axis=1).astype(np.float32)


def vary_heard(
    rng: np.random.Generator, columns: npt.NDArray[np.floating]
) -> npt.NDArray[np.float32]:
    """Give (T, C) columns as an ear would hear that errs in one way or another."""
    heard = columns.astype(np.float32)
    mean = heard.mean(0)
    shapes = slice(len(PHONES), N_HEARD)
    if rng.random() < 0.3:
        faint = np.float32(rng.uniform(0, 0.7))
        heard[:, shapes] = mean[shapes] + (heard[:, shapes] - mean[shapes]) * faint
    if rng.random() < 0.3:
        error = gaussian_filter1d(rng.normal(0, 1, (len(heard), 2)), 4, axis=0)
        heard[:, [APERTURE, WIDTH]] += 0.8 * error * rng.uniform(0, 1)
    if rng.random() < 0.15:
        heard[:, : len(PHONES)] = mean[: len(PHONES)]
    if rng.random() < 0.15:
        heard[:, N_HEARD:] = mean[N_HEARD:]
    if rng.random() < 0.3:
        heard[:, N_HEARD:] += rng.normal(0, 0.3, N_INPUTS - N_HEARD)
    return heard
