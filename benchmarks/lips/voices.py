"""Held-out voices, clean and in noise; and how often lips are open where nobody speaks."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
from benchmarks.lips.tables import Table
from benchmarks.lips.truth import find_sounds, read_mono

from opensonic.errors import InputError
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.train.speech.corpus import Labelled
from opensonic.train.speech.evaluate import LEVELS_DB, make_quiet_sounds, measure_open
from opensonic.train.speech.heldout import (
    NOISES,
    WAYS,
    name_voice,
    read_held_out,
    say_otherwise,
    speak_held_out,
)
from opensonic.train.speech.scores import (
    NOISE_SNR_DB,
    OPEN_GAP,
    WIDE_GAP,
    VoiceResult,
    measure_pauses,
    measure_voices,
)

PROGRAMS = ("espeak-ng", "flite", "festival")
"""Programs that speak the held-out voices."""

_EXCERPT_S = 30
_WAYS_SEED = 5
_MUCH_OPEN = 0.02


def read_voices(corpus: Path | None, seconds: float) -> tuple[list[Labelled], str]:
    """Read or speak the held-out voices; also tell where they come from.

    Args:
        corpus: Folder of corpus shards; None has the voices speak here.
        seconds: Of each voice.

    Raises:
        InputError: There is no corpus and none of the programs.
    """
    if corpus is not None:
        items = _cut(read_held_out(corpus), seconds)
        return items, f"read from the training corpus, at most {seconds:g} s of each"
    programs = [name for name in PROGRAMS if shutil.which(name)]
    if not programs:
        raise InputError(
            f"none of {', '.join(PROGRAMS)} is installed; expected them for the held-out voices; "
            "docs/training-speech.md names the Debian packages"
        )
    return speak_held_out(seconds, programs), f"spoken here by {', '.join(programs)}"


def _cut(items: list[Labelled], seconds: float) -> list[Labelled]:
    """Keep the first items of each voice, so many seconds of it."""
    kept: list[Labelled] = []
    heard: dict[str, float] = {}
    for item in items:
        voice = name_voice(item.label)
        if heard.get(voice, 0) < seconds:
            heard[voice] = heard.get(voice, 0) + len(item.sound) / SAMPLE_RATE
            kept.append(item)
    return kept


def measure_held_out(items: list[Labelled], source: str) -> Table:
    """Measure phones, look-alike classes and closures of held-out voices, clean and in noise.

    Args:
        items: Held-out speech.
        source: Where it comes from.
    """
    rows: list[tuple[str, ...]] = []
    figures: dict[str, object] = {}
    for noise in (None, *NOISES):
        where = "clean" if noise is None else f"{noise} noise"
        for voice, result in measure_voices(items, noise).items():
            rows.append(_voice_row(voice, where, result))
            figures[f"{voice}, {where}"] = _voice_figures(result)
    for way in WAYS:
        rng = np.random.default_rng(_WAYS_SEED)
        result = measure_voices([say_otherwise(rng, item, way, items) for item in items])["all"]
        rows.append(_voice_row("all", way, result))
        figures[f"all, {way}"] = _voice_figures(result)
    notes = [
        f"Voices {source}; none of them is in training.",
        f"Noise: {NOISE_SNR_DB:g} dB below the active speech level (mean power of the samples in "
        "which a phone sounds); babble: six other held-out recordings at once.",
        "Child: tract and pitch x1.3 at the same pace; sung: vowels held 1.5 to 5 times as long, "
        "with vibrato; whispered: noise under the spectral envelope; telephone: 300 to 3400 Hz, "
        "mu-law; second voice, music: 10 dB below. All made from the clean voices.",
        "Closures of p, b, m: recall / precision within 40 ms of the labels. Certain: where the "
        "network is sure of one. Final: where the lips of the final motion touch, at 25 frames/s; "
        "lips that touch in labelled silence are no closure. Comes late: median time from the "
        "middle of the label to the middle of the final closure.",
    ]
    header = ("voice", "sound", "s", "phones", "visemes", "closures, certain", "final", "late, ms")
    return Table("Held-out voices", header, rows, notes, figures)


def _voice_row(voice: str, where: str, result: VoiceResult) -> tuple[str, ...]:
    certain, final = result.certain, result.final
    return (
        voice,
        where,
        f"{result.rows / 100:.0f}",
        f"{result.right_phones / result.rows:.3f}",
        f"{result.right_visemes / result.rows:.3f}",
        f"{certain.recall:.2f} / {certain.precision:.2f}",
        f"{final.recall:.2f} / {final.precision:.2f}",
        f"{1000 * np.median(result.offsets_s):+.0f}" if result.offsets_s else "",
    )


def _voice_figures(result: VoiceResult) -> dict[str, object]:
    return {
        "seconds": result.rows / 100,
        "phones": result.right_phones / result.rows,
        "visemes": result.right_visemes / result.rows,
        "certain": {"recall": result.certain.recall, "precision": result.certain.precision},
        "final": {"recall": result.final.recall, "precision": result.final.precision},
        "late_ms": 1000 * float(np.median(result.offsets_s)) if result.offsets_s else None,
    }


def _measure_music(folder: Path, notes: list[str]) -> dict[str, list[float]]:
    """Measure the middle of every recording of a folder; add to the notes what is unreadable."""
    shares = {}
    for path in find_sounds(folder):
        try:
            sound = read_mono(path)
        except InputError as error:
            notes.append(f"Left out: {error}.")
            continue
        reach = min(len(sound), _EXCERPT_S * SAMPLE_RATE) // 2
        excerpt = sound[len(sound) // 2 - reach : len(sound) // 2 + reach]
        unit = (excerpt / (excerpt.std() + 1e-9)).astype(np.float32)
        shares[path.name] = measure_open(unit, LEVELS_DB)
    return shares


def measure_quiet(music: Path | None) -> Table:
    """Measure how often lips are open in sound in which nobody speaks.

    Args:
        music: Folder of music or noise in which nobody sings or speaks, or None.
    """
    sounds = make_quiet_sounds()
    notes = [
        f"Share of frames in which the gap between the lips is above {OPEN_GAP:g} e, at 25 "
        "frames/s; levels are RMS below full scale."
    ]
    levels = [str(level) for level in LEVELS_DB]
    shares = {name: measure_open(sound, LEVELS_DB) for name, sound in sounds.items()}
    rows = [_open_row(name, found) for name, found in shares.items()]
    if music is None:
        notes.append("Recorded music skipped: no folder was given (--music).")
    else:
        recorded = _measure_music(music, notes)
        means = np.mean(list(recorded.values()), axis=0).tolist() if recorded else [0.0, 0.0, 0.0]
        rows.append(_open_row(f"recorded, mean of {len(recorded)}", means))
        rows += [_open_row(n, found) for n, found in recorded.items() if max(found) > _MUCH_OPEN]
        notes.append(
            f"Recorded: the middle {_EXCERPT_S} s of each file given; those above "
            f"{100 * _MUCH_OPEN:g} % are named."
        )
        shares |= recorded
    return Table(
        "Open mouths where nobody speaks",
        ("sound", *(f"{level} dB" for level in LEVELS_DB)),
        rows,
        notes,
        {name: dict(zip(levels, found, strict=True)) for name, found in shares.items()},
    )


def _open_row(name: str, shares: list[float]) -> tuple[str, ...]:
    return (name, *(f"{100 * share:.2f} %" for share in shares))


def measure_breaks(items: list[Labelled]) -> Table:
    """Measure how often lips are open in the pauses of held-out voices.

    Args:
        items: Held-out speech.
    """
    results = measure_pauses(items)
    return Table(
        "Open mouths in pauses",
        ("voice", "frames in pauses", f"gap above {OPEN_GAP:g} e", f"gap above {WIDE_GAP:g} e"),
        [
            (
                voice,
                str(pauses.frames),
                f"{100 * pauses.share_open:.2f} %",
                f"{100 * pauses.share_wide:.2f} %",
            )
            for voice, pauses in results.items()
        ],
        [
            "Pauses: silence of more than 0.3 s between the words of held-out voices, without its "
            "first and last 0.1 s; every four sentences are joined by 0.8 s of faint hiss."
        ],
        {voice: dataclasses.asdict(pauses) for voice, pauses in results.items()},
    )
