"""Finished videos: how late their lips come; and how fast speech becomes motion."""

from __future__ import annotations

import dataclasses
import time
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

from benchmarks.lips.baselines import MISSING, has_pocketsphinx, hear_phones
from benchmarks.lips.rendered import Lag, RenderedResult, measure_rendered
from benchmarks.lips.tables import Table
from benchmarks.lips.truth import OWN_MESH, find_sounds, read_mono, read_true_clips

from opensonic.media.audio import read_speech
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.train.speech.evaluate import measure_speed

_SPEED_REPEATS = 5
_ALLOWED_LAG_MS = 20
_EXAMPLES = files("opensonic") / "examples"


def measure_lags(
    clips: Path | None, sounds: Path | None, portrait: Path | None, size_px: int, python: str | None
) -> Table:
    """Measure the lag of the lips in finished videos.

    Args:
        clips: Folder of real clips, or None.
        sounds: Folder of other recordings, or None; the bundled one is always measured.
        portrait: A picture seen from the front; None takes the bundled one.
        size_px: Short side of the videos.
        python: Interpreter that has MediaPipe, which then tracks, or None.
    """
    face = portrait or Path(str(_EXAMPLES / "portrait.png"))
    true_clips = read_true_clips(clips, python)[0] if clips is not None else []
    results = [measure_rendered(face, clip.path, clip, size_px, python) for clip in true_clips]
    others = [Path(str(_EXAMPLES / "speech.flac"))]
    if sounds is not None:
        others += find_sounds(sounds)
    results += [measure_rendered(face, path, None, size_px, python) for path in others]
    rows = [_lag_row(result) for result in results]
    tracker = OWN_MESH if python is None else "MediaPipe's face mesh"
    within = sum(abs(result.to_motion.ms) <= _ALLOWED_LAG_MS for result in results)
    notes = [
        f"Videos of {face.name} at {size_px} px by the mesh engine, saved, opened again and "
        f"tracked with {tracker}; milliseconds, above 0: lips come after the sound; ± standard "
        "error. Against the motion: what the speech asked for, the sound's place in the file taken "
        "away. Against the speaker: the true lips of the clip; where r is low, so is what the lag "
        "can tell.",
        f"Within ±{_ALLOWED_LAG_MS} ms of the motion: {within} of {len(results)} videos.",
    ]
    return Table(
        "Lag of finished videos",
        ("sound", "against the motion", "r", "against the speaker", "r", "sound in the file"),
        rows,
        notes,
        {result.name: dataclasses.asdict(result) for result in results},
    )


def _lag_row(result: RenderedResult) -> tuple[str, ...]:
    def cells(lag: Lag | None) -> tuple[str, str]:
        if lag is None:
            return "", ""
        return f"{lag.ms:+.0f} ± {lag.error_ms:.0f}", f"{lag.r:.2f}"

    motion, truth = cells(result.to_motion), cells(result.to_truth)
    return (result.name, *motion, *truth, f"{result.sound_ms:+.1f}")


def measure_pace() -> Table:
    """Measure how fast speech becomes motion, beside pocketsphinx in the same run."""
    path = Path(str(_EXAMPLES / "speech.flac"))
    own = measure_speed(read_speech(path), _SPEED_REPEATS)
    rows: list[tuple[str, ...]] = [("opensonic, samples to channels", f"{own:.0f}", "")]
    figures: dict[str, object] = {"opensonic": own}
    notes = ["Seconds of the bundled recording per second of CPU time, on one core."]
    if has_pocketsphinx():
        sound = read_mono(path)
        started = time.process_time()
        hear_phones(sound)
        other = float(Fraction(len(sound), SAMPLE_RATE)) / (time.process_time() - started)
        rows.append(("pocketsphinx, samples to phones", f"{other:.0f}", f"{own / other:.1f}"))
        figures |= {"pocketsphinx": other, "ratio": own / other}
    else:
        notes.append(f"pocketsphinx skipped: {MISSING}.")
    header = ("program", "x real time", "opensonic is so many times as fast")
    return Table("Speed", header, rows, notes, figures)
