"""Lips of real clips and of people kept aside, beside loudness and the nine mouth shapes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.lips.baselines import MISSING, has_pocketsphinx, hear_shapes
from benchmarks.lips.rendered import DRIFT_S
from benchmarks.lips.tables import Table
from benchmarks.lips.truth import read_mono, read_true_clips

from opensonic.media.audio import read_speech
from opensonic.metrics.closures import ClosureCounts, track_closures
from opensonic.metrics.curves import find_lag
from opensonic.metrics.lips import LipAgreement, compare_lips, trace_energy
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.train.speech.evaluate import TrueClip, hear_lips, read_kept_aside

_FAIR_R = 0.3
_ENERGIES = {"loudness": False, "log loudness": True}
_CLOSURES_NOTE = (
    "Shut rightly: brief closures of the motion near which the tracked lips close; closures met: "
    "brief closures of the tracked lips, of any sound, near which the motion closes (40 ms)."
)


@dataclass(frozen=True)
class ClipResult:
    """What was measured on one clip.

    Attributes:
        methods: Agreement with the true lips, by method; `opensonic` is one of them.
        closures: Brief closures of the motion against those of the tracked lips.
        lag_ms: How late the motion comes after the true lips, ms.
    """

    methods: dict[str, LipAgreement]
    closures: ClosureCounts
    lag_ms: float

    @property
    def own(self) -> LipAgreement:
        """Agreement of this program's lips."""
        return self.methods["opensonic"]

    def figures(self) -> dict[str, object]:
        """Give everything as plain values."""
        methods = {name: dataclasses.asdict(found) for name, found in self.methods.items()}
        return {"methods": methods, "closures": self.closures._asdict(), "lag_ms": self.lag_ms}


def _measure(clip: TrueClip, *, beside: bool) -> ClipResult:
    """Measure a clip; `beside` tells whether simpler methods are measured, too."""
    n_frames = len(clip.gap)
    lips = {"opensonic": hear_lips(read_speech(clip.path), clip.fps, n_frames)}
    sound = read_mono(clip.path) if beside else np.zeros(0, np.float32)
    for name, logarithmic in _ENERGIES.items() if beside else ():
        curve = trace_energy(sound, SAMPLE_RATE, clip.fps, n_frames, logarithmic=logarithmic)
        lips[name] = (curve, curve)
    if beside and has_pocketsphinx():
        lips["nine shapes"] = hear_shapes(sound, clip.fps, n_frames)
    gap, _ = lips["opensonic"]
    peak, _ = find_lag(gap, clip.gap, round(DRIFT_S * clip.fps))
    return ClipResult(
        {name: compare_lips(*found, clip.gap, clip.width) for name, found in lips.items()},
        track_closures(gap, clip.gap, float(clip.fps)),
        float(peak.lag / clip.fps * 1000),
    )


def _median(results: list[LipAgreement], measure: str) -> float:
    return float(np.median([getattr(result, measure) for result in results]))


def _best_energy(results: dict[str, ClipResult]) -> str:
    """Give the kind of loudness whose median r is the higher one."""
    medians = {
        name: _median([result.methods[name] for result in results.values()], "aperture")
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
    results = {clip.name: _measure(clip, beside=True) for clip in clips}
    energy = _best_energy(results)
    others = (energy, "nine shapes") if has_pocketsphinx() else (energy,)
    rows = [_clip_row(name, result, others) for name, result in results.items()]
    rows.append(_median_row(list(results.values()), others))
    share = np.mean([result.own.aperture > _FAIR_R for result in results.values()])
    notes += [
        f"Clips with aperture r above {_FAIR_R}: {100 * share:.0f} % of {len(results)}.",
        f"Energy: {energy}, smoothed over 0.12 s, the better of linear and logarithmic.",
        _CLOSURES_NOTE,
    ]
    if not has_pocketsphinx():
        notes.append(f"Nine shapes skipped: {MISSING}.")
    return Table(
        "Real clips",
        (
            *("clip", "aperture r", "lag, frames", "at lag 0", "width r", "at lag 0"),
            *("energy r" if name == energy else "nine shapes r / width r" for name in others),
            *("gap 50/90/98 %, e", "true", "shut rightly", "closures met"),
        ),
        rows,
        notes,
        {name: result.figures() for name, result in results.items()},
    )


def _both(results: list[LipAgreement], method: str) -> str:
    aperture = f"{_median(results, 'aperture'):.2f}"
    if method in _ENERGIES:
        return aperture
    return f"{aperture} / {_median(results, 'width'):.2f}"


def _clip_row(name: str, result: ClipResult, others: tuple[str, ...]) -> tuple[str, ...]:
    own, closures = result.own, result.closures
    return (
        name,
        f"{own.aperture:.2f}",
        f"{own.lag:+d}" if own.lag else "0",
        f"{own.aperture_at_0:.2f}",
        f"{own.width:.2f}",
        f"{own.width_at_0:.2f}",
        *(_both([result.methods[other]], other) for other in others),
        " ".join(f"{gap:.3f}" for gap in own.gaps),
        " ".join(f"{gap:.3f}" for gap in own.true_gaps),
        f"{closures.right} of {closures.found}",
        f"{closures.met} of {closures.true}",
    )


def _median_row(results: list[ClipResult], others: tuple[str, ...]) -> tuple[str, ...]:
    own = [result.own for result in results]
    return (
        "**median**",
        f"**{_median(own, 'aperture'):.2f}**",
        "",
        f"{_median(own, 'aperture_at_0'):.2f}",
        f"**{_median(own, 'width'):.2f}**",
        f"{_median(own, 'width_at_0'):.2f}",
        *(_both([result.methods[name] for result in results], name) for name in others),
        *[""] * 4,
    )


def measure_people(folder: Path) -> Table:
    """Compare lips on the tracks that no training uses.

    Args:
        folder: Folder of tracks.
    """
    results: dict[str, list[ClipResult]] = {}
    for clip in read_kept_aside(folder):
        group = "other people" if clip.speaker.startswith("x_") else clip.speaker
        results.setdefault(group, []).append(_measure(clip, beside=False))
    rows = [_people_row(name, listed) for name, listed in results.items()]
    return Table(
        "People kept aside",
        (
            *("who", "clips", "aperture r, lag 0", "best lag within 3 frames"),
            *("width r, lag 0", "best lag", "late, ms", "shut rightly", "closures met"),
        ),
        rows,
        [
            "Medians over clips of 3 s, raw tracks. The main speaker's last 100 clips are not "
            "trained on; his others are, and so are the other people's in the network of the "
            "package.",
            _CLOSURES_NOTE,
        ],
        {name: [result.figures() for result in listed] for name, listed in results.items()},
    )


def _people_row(name: str, results: list[ClipResult]) -> tuple[str, ...]:
    own = [result.own for result in results]
    closures = ClosureCounts()
    for result in results:
        closures = closures.merge(result.closures)
    measures = ("aperture_at_0", "aperture", "width_at_0", "width")
    return (
        name,
        str(len(results)),
        *(f"{_median(own, measure):.2f}" for measure in measures),
        f"{np.median([result.lag_ms for result in results]):+.0f}",
        f"{closures.right} of {closures.found}",
        f"{closures.met} of {closures.true}",
    )
