"""Music in which nobody sings, so that the speech network learns that an instrument is no mouth.

Random pieces (`composition`) are played by fluidsynth, a process of its own, from the samples of a
free soundfont.
"""

from __future__ import annotations

import logging
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt

from opensonic.errors import InputError
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.train.speech.composition import write_score

_LOG = logging.getLogger(__name__)

_SOUNDFONT_FOLDERS = (Path("/usr/share/sounds/sf3"), Path("/usr/share/sounds/sf2"))
_SOUNDFONT_NAMES = ("FluidR3Mono_GM.sf3", "FluidR3_GM.sf2")
"""Under the MIT licence; a font of any other name is not used."""
_INSTALL = "run `apt-get install fluidsynth fluidr3mono-gm-soundfont`"
_SCORE_S = 300
"""Length of the music that one process plays, s."""
_PEAK = 32_000


def _find_soundfont() -> Path:
    paths = [folder / name for name in _SOUNDFONT_NAMES for folder in _SOUNDFONT_FOLDERS]
    for path in paths:
        if path.is_file():
            return path
    raise InputError(
        f"no soundfont found; expected one of {', '.join(map(str, paths))}; {_INSTALL}"
    )


def _play_score(score: mido.MidiFile, soundfont: Path) -> npt.NDArray[np.float32]:
    """Play a score; (N,) float32 at 16 kHz, left and right mixed, peak 1."""
    with tempfile.TemporaryDirectory() as name:
        written, played = Path(name) / "score.mid", Path(name) / "score.raw"
        score.save(written)
        output = ("-F", str(played), "-T", "raw", "-O", "float", "-E", "little")
        only_used = ("-o", "synth.dynamic-sample-loading=1")  # starts three times as fast
        command = ("fluidsynth", "-n", "-i", "-q", "-r", str(SAMPLE_RATE), *output, *only_used)
        subprocess.run(
            [*command, str(soundfont), str(written)], capture_output=True, timeout=900, check=True
        )
        sound = np.fromfile(played, "<f4").reshape(-1, 2).mean(axis=1)
    sound = sound[: round(score.length * SAMPLE_RATE)]  # the rest is silence
    return np.asarray(sound / (np.abs(sound).max() + 1e-9), np.float32)


def make_music_bank(path: Path, seconds: float, seed: int) -> None:
    """Make the file of music; one that is there already is kept, one of no length left out.

    Args:
        path: The file `*.npz` to write: `sound` (N,) int16 at 16 kHz, peak 32000.
        seconds: Length, s.
        seed: Everything is drawn from it.

    Raises:
        InputError: fluidsynth or its soundfont is not installed.
    """
    if path.is_file() or seconds <= 0:
        return
    if not shutil.which("fluidsynth"):
        raise InputError(f"no program fluidsynth found; expected it on the PATH; {_INSTALL}")
    rng, soundfont = random.Random(seed), _find_soundfont()
    left = round(seconds * SAMPLE_RATE)
    parts: list[npt.NDArray[np.int16]] = []
    while left:
        score = write_score(rng, min(_SCORE_S, left / SAMPLE_RATE))
        parts.append(np.round(_play_score(score, soundfont)[:left] * _PEAK).astype(np.int16))
        left -= len(parts[-1])
        _LOG.info("%s: %.0f s of music to go", path, left / SAMPLE_RATE)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, sound=np.concatenate(parts))


def read_music(path: Path) -> npt.NDArray[np.int16]:
    """Read the file of music: (N,) int16 at 16 kHz.

    Raises:
        InputError: The file is not there.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; run the step `music` first")
    with np.load(path) as bank:
        sound: npt.NDArray[np.int16] = bank["sound"]
    return sound
