"""Measures of the shipped network: lips of real clips, noise, and phones of held-out voices.

Everything runs through the code that users run: `speech.hear`, and the ONNX file of the package.
The clips are for measuring only; no training program reads them.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from opensonic.channels import inner_lip_gap, lip_width_factor
from opensonic.errors import InputError
from opensonic.media.audio import read_speech
from opensonic.speech import hear
from opensonic.speech.articulation import SURE_CLOSURE
from opensonic.speech.mel import SAMPLE_RATE, level_rows, log_mel
from opensonic.speech.network import CLOSURE, listen
from opensonic.speech.phones import PHONE_INDEX, PHONES
from opensonic.train.speech.augment import make_music
from opensonic.train.speech.corpus import Labelled, read_corpus
from opensonic.train.speech.targets import label_rows
from opensonic.train.speech.tracks import measure_lips
from opensonic.train.speech.voices import is_held_out
from opensonic.values import Speech

_LOG = logging.getLogger(__name__)
_MAX_LAG = 3
_OPEN_GAP = 0.01
_NOISE_S = 20
_NEAR_ROWS = 4
_BABBLE_SEED = 7

Curve = npt.NDArray[np.float32]
"""(T,) float32."""


@dataclass(frozen=True)
class ClipResult:
    """Agreement of predicted and true lips in one clip.

    Attributes:
        name: Of the clip.
        aperture: Pearson r of the inner-lip gap at the best lag.
        lag: That lag in frames; above 0 the prediction comes late.
        aperture_at_0: Pearson r without any lag.
        width: Pearson r of the lip width at its best lag.
        energy: Pearson r of the smoothed energy envelope with the true gap at its best lag.
        gaps: 50th, 90th and 98th percentile of the predicted gap, then of the true one, e.
    """

    name: str
    aperture: float
    lag: int
    aperture_at_0: float
    width: float
    energy: float
    gaps: tuple[float, ...]


def correlate_lagged(found: Curve, true: Curve) -> dict[int, float]:
    """Give Pearson's r for each lag of -3 to 3 frames; above 0 `found` comes late."""
    results = {}
    for lag in range(-_MAX_LAG, _MAX_LAG + 1):
        a = found[max(0, lag) : len(found) + min(0, lag)]
        b = true[max(0, -lag) : len(true) + min(0, -lag)]
        flat = a.std() == 0 or b.std() == 0
        results[lag] = 0.0 if flat else float(np.corrcoef(a, b)[0, 1])
    return results


def _energy_envelope(speech: Speech, fps: Fraction, n_frames: int) -> Curve:
    """Give the logarithm of the sound's power around each frame, smoothed over 0.12 s."""
    sound = np.concatenate(list(speech.blocks(SAMPLE_RATE)))
    width = int(SAMPLE_RATE * Fraction(12, 100))
    power = np.convolve(sound.astype(np.float64) ** 2, np.ones(width) / width, "same")
    middles = [int((frame + Fraction(1, 2)) / fps * SAMPLE_RATE) for frame in range(n_frames)]
    return np.log(power[np.minimum(middles, len(power) - 1)] + 1e-8).astype(np.float32)


def _frame_rate(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
    if rate is None:
        raise InputError(f"{path}: states no frame rate; expected a video; leave it out")
    return Fraction(str(rate))  # PyAV's own fraction type in newer versions


def measure_clips(folder: Path) -> list[ClipResult]:
    """Compare lips from sound with tracked lips, for every clip of `tracks.npz`.

    Raises:
        InputError: A clip states no frame rate.
    """
    results = []
    with np.load(folder / "tracks.npz") as data:
        tracks = {name: data[name] for name in data.files}
    for name in tracks:
        if name == "index" or name.endswith("_ok"):
            continue
        gap, width = measure_lips(tracks[name], tracks["index"])
        path = folder / f"{name}.mp4"
        fps, speech = _frame_rate(path), read_speech(path)
        mouth = np.concatenate([part.mouth for part in hear(speech, fps, len(gap))])
        found = inner_lip_gap(mouth)
        by_lag = correlate_lagged(found, gap)
        lag = max(by_lag, key=lambda key: by_lag[key])
        points = (0.5, 0.9, 0.98)
        results.append(
            ClipResult(
                name=name,
                aperture=by_lag[lag],
                lag=lag,
                aperture_at_0=by_lag[0],
                width=max(correlate_lagged(lip_width_factor(mouth), width).values()),
                energy=max(correlate_lagged(_energy_envelope(speech, fps, len(gap)), gap).values()),
                gaps=(*np.quantile(found, points).tolist(), *np.quantile(gap, points).tolist()),
            )
        )
    return results


def make_speech(sound: Curve, name: str) -> Speech:
    """Make a recording of (N,) float32 mono sound at 16 kHz."""

    def blocks(sample_rate: int) -> Iterator[Curve]:
        for start in range(0, len(sound), sample_rate):
            yield sound[start : start + sample_rate]

    return Speech(
        name=name,
        sample_rate=SAMPLE_RATE,
        layout="mono",
        n_samples=len(sound),
        peak=float(np.abs(sound).max()),
        sound=lambda: iter([sound[None]]),
        blocks=blocks,
    )


def measure_noise() -> dict[str, float]:
    """Give the share of frames with open lips (gap above 0.01 e) in sound without speech."""
    rng = np.random.default_rng(0)
    n_samples = _NOISE_S * SAMPLE_RATE
    white = rng.standard_normal(n_samples)
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 20), n_samples)
    hum = np.sin(2 * np.pi * 50 * np.arange(n_samples) / SAMPLE_RATE)
    music = make_music(rng, n_samples)
    sounds = {"silence": 0 * white, "hum": hum, "white": white, "pink": pink / pink.std()}
    sounds["music"] = music / music.std()
    shares = {}
    for name, sound in sounds.items():
        for level_db in (-20, -50) if name != "silence" else (0,):
            scaled = (sound * 10 ** (level_db / 20)).astype(np.float32)
            speech = make_speech(scaled, name)
            parts = list(hear(speech, Fraction(25), 25 * _NOISE_S))
            gap = inner_lip_gap(np.concatenate([part.mouth for part in parts]))
            shares[f"{name} {level_db} dB"] = float((gap > _OPEN_GAP).mean())
    return shares


def measure_speed() -> float:
    """Give seconds of sound per second of CPU time, from samples to channels, after the first."""
    sound = np.random.default_rng(0).standard_normal(60 * SAMPLE_RATE).astype(np.float32)
    parts = hear(make_speech(sound, "noise"), Fraction(25), 60 * 25)
    done = len(next(parts).mouth)
    start = time.process_time()
    left = sum(len(part.mouth) for part in parts)
    seconds = time.process_time() - start
    _LOG.info("first part: %d frames", done)
    return left / 25 / seconds


def _find_runs(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return edges.reshape(-1, 2)


def _meets(runs: npt.NDArray[np.int64], flags: npt.NDArray[np.bool_]) -> int:
    return sum(bool(flags[max(0, a - _NEAR_ROWS) : b + _NEAR_ROWS].any()) for a, b in runs)


def measure_voices(corpus: Path, snr_db: float | None = None) -> dict[str, dict[str, float]]:
    """Measure phones and closures on the voices that were kept out of training.

    Args:
        corpus: Folder of corpus shards.
        snr_db: White noise that much below the speech is added, dB; None leaves it clean.

    Returns:
        Per voice, and for `all`: share of rows with the right phone, recall and precision of
        closures of p b m within 40 ms, seconds.
    """
    rng = np.random.default_rng(_BABBLE_SEED)
    bilabials = [PHONE_INDEX[name] for name in ("p", "b", "m")]
    counts: dict[str, npt.NDArray[np.float64]] = {}
    for item in _held_out(corpus):
        sound = item.sound
        if snr_db is not None:
            noise = rng.standard_normal(len(sound)).astype(np.float32)
            sound = sound + noise * sound.std() * np.float32(10 ** (-snr_db / 20))
        heard = np.concatenate(list(listen(level_rows(log_mel([sound])))))
        labels = label_rows(item.times, item.phones, len(heard))
        right = heard[:, : len(PHONES)].argmax(1) == labels
        true, found = np.isin(labels, bilabials), heard[:, CLOSURE] > SURE_CLOSURE
        true_runs, found_runs = _find_runs(true), _find_runs(found)
        row = np.array(
            [
                right.sum(),
                len(labels),
                _meets(true_runs, found),
                len(true_runs),
                _meets(found_runs, true),
                len(found_runs),
            ],
            np.float64,
        )
        voice = item.label.split("+")[-1] if item.label.startswith("espeak") else item.label
        for key in (voice, "all"):
            counts[key] = counts.get(key, np.zeros(len(row))) + row
    return {
        voice: {
            "phones": row[0] / row[1],
            "recall": row[2] / max(row[3], 1),
            "precision": row[4] / max(row[5], 1),
            "seconds": row[1] / 100,
        }
        for voice, row in counts.items()
    }


def _held_out(corpus: Path) -> list[Labelled]:
    items = [item for item in read_corpus(corpus) if is_held_out(item.label)]
    random.Random(0).shuffle(items)
    return items


def report(clips: Path | None, corpus: Path | None) -> None:
    """Log every measure.

    Args:
        clips: Folder of real clips with `tracks.npz`, or None.
        corpus: Folder of corpus shards, or None.
    """
    if clips is not None:
        results = measure_clips(clips)
        for result in results:
            _LOG.info(
                "%s: aperture r %.2f at lag %d (%.2f at 0), width r %.2f, energy %.2f, "
                "gap 50/90/98 %% %.3f %.3f %.3f e (true %.3f %.3f %.3f)",
                result.name,
                result.aperture,
                result.lag,
                result.aperture_at_0,
                result.width,
                result.energy,
                *result.gaps,
            )
        for name in ("aperture", "aperture_at_0", "width", "energy"):
            median = float(np.median([getattr(result, name) for result in results]))
            _LOG.info("median %s r %.3f", name, median)
    _LOG.info("speed: %.0fx real time on one core", measure_speed())
    for name, share in measure_noise().items():
        _LOG.info("open in %s: %.2f %%", name, 100 * share)
    if corpus is not None:
        for snr_db in (None, 13.0):
            for voice, measures in measure_voices(corpus, snr_db).items():
                values = ", ".join(f"{key} {value:.3f}" for key, value in measures.items())
                _LOG.info("%s, %s: %s", voice, f"{snr_db} dB noise" if snr_db else "clean", values)
