"""Lips of real clips and of people kept aside, beside loudness and the nine mouth shapes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from benchmarks.lips.baselines import MISSING, has_pocketsphinx, hear_shapes
from benchmarks.lips.tables import Table
from benchmarks.lips.truth import read_mono, read_true_clips

from opensonic.media.audio import read_speech
from opensonic.metrics.lips import LipAgreement, compare_lips, trace_energy
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.train.speech.evaluate import TrueClip, hear_lips, read_kept_aside

_FAIR_R = 0.3
_ENERGIES = {"loudness": False, "log loudness": True}

Agreements = dict[str, dict[str, LipAgreement]]
"""Agreement by clip, by method."""


def _compare_methods(clip: TrueClip, *, phones: bool) -> dict[str, LipAgreement]:
    """Compare every method with the true lips of a clip."""
    sound, n_frames = read_mono(clip.path), len(clip.gap)
    lips = {"opensonic": hear_lips(read_speech(clip.path), clip.fps, n_frames)}
    for name, logarithmic in _ENERGIES.items():
        curve = trace_energy(sound, SAMPLE_RATE, clip.fps, n_frames, logarithmic=logarithmic)
        lips[name] = (curve, curve)
    if phones:
        lips["nine shapes"] = hear_shapes(sound, clip.fps, n_frames)
    return {name: compare_lips(*found, clip.gap, clip.width) for name, found in lips.items()}


def _median(results: list[LipAgreement], measure: str) -> float:
    return float(np.median([getattr(result, measure) for result in results]))


def _best_energy(results: Agreements) -> str:
    """Give the kind of loudness whose median r is the higher one."""
    medians = {
        name: _median([methods[name] for methods in results.values()], "aperture")
        for name in _ENERGIES
    }
    return max(medians, key=lambda name: medians[name])


def measure_clips(folder: Path, python: str | None) -> Table:
    """Compare lips from sound with true lips, clip by clip, beside simpler methods.

    Args:
        folder: Real clips.
        python: Interpreter that has MediaPipe, or None.
    """
    clips, notes = read_true_clips(folder, python)
    phones = has_pocketsphinx()
    results = {clip.name: _compare_methods(clip, phones=phones) for clip in clips}
    energy = _best_energy(results)
    others = (energy, "nine shapes") if phones else (energy,)
    rows = [_clip_row(name, methods, others) for name, methods in results.items()]
    own = [methods["opensonic"] for methods in results.values()]
    medians = [f"**{_median(own, 'aperture'):.2f}**", "", f"{_median(own, 'aperture_at_0'):.2f}"]
    medians += [f"**{_median(own, 'width'):.2f}**", f"{_median(own, 'width_at_0'):.2f}"]
    for name in others:
        listed = [methods[name] for methods in results.values()]
        medians.append(_both(listed, name))
    rows.append(("**median**", *medians, "", ""))
    share = np.mean([result.aperture > _FAIR_R for result in own])
    notes.append(f"Clips with aperture r above {_FAIR_R}: {100 * share:.0f} % of {len(own)}.")
    notes.append(f"Energy: {energy}, smoothed over 0.12 s, the better of linear and logarithmic.")
    if not phones:
        notes.append(f"Nine shapes skipped: {MISSING}.")
    return Table(
        "Real clips",
        (
            *("clip", "aperture r", "lag, frames", "at lag 0", "width r", "at lag 0"),
            *("energy r" if name == energy else "nine shapes r / width r" for name in others),
            *("gap 50/90/98 %, e", "true"),
        ),
        rows,
        notes,
        {
            clip: {name: dataclasses.asdict(found) for name, found in methods.items()}
            for clip, methods in results.items()
        },
    )


def _both(results: list[LipAgreement], method: str) -> str:
    aperture = f"{_median(results, 'aperture'):.2f}"
    if method in _ENERGIES:
        return aperture
    return f"{aperture} / {_median(results, 'width'):.2f}"


def _clip_row(
    name: str, methods: dict[str, LipAgreement], others: tuple[str, ...]
) -> tuple[str, ...]:
    own = methods["opensonic"]
    return (
        name,
        f"{own.aperture:.2f}",
        f"{own.lag:+d}" if own.lag else "0",
        f"{own.aperture_at_0:.2f}",
        f"{own.width:.2f}",
        f"{own.width_at_0:.2f}",
        *(_both([methods[other]], other) for other in others),
        " ".join(f"{gap:.3f}" for gap in own.gaps),
        " ".join(f"{gap:.3f}" for gap in own.true_gaps),
    )


def measure_people(folder: Path) -> Table:
    """Compare lips on the tracks that no training uses.

    Args:
        folder: Folder of tracks.
    """
    results: dict[str, list[LipAgreement]] = {}
    people: set[str] = set()
    for clip in read_kept_aside(folder):
        found = hear_lips(read_speech(clip.path), clip.fps, len(clip.gap))
        agreement = compare_lips(*found, clip.gap, clip.width)
        group = "other people" if clip.speaker.startswith("x_") else clip.speaker
        people.add(clip.speaker)
        results.setdefault(group, []).append(agreement)
    measures = ("aperture_at_0", "aperture", "width_at_0", "width")
    rows = [
        (name, str(len(listed)), *(f"{_median(listed, measure):.2f}" for measure in measures))
        for name, listed in results.items()
    ]
    return Table(
        "People kept aside",
        (
            *("who", "clips", "aperture r, lag 0", "best lag within 3 frames"),
            *("width r, lag 0", "best lag"),
        ),
        rows,
        [
            "Median over clips of 3 s, raw tracks. The main speaker's last 100 clips and one clip "
            "of each other person are not trained on; the main speaker's other clips are."
        ],
        {name: [dataclasses.asdict(found) for found in listed] for name, listed in results.items()},
    )
