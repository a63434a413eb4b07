"""Measures of the shipped network: lips of real clips, sound without speech, held-out voices.

Everything runs through the code that users run: `speech.hear`, and the ONNX file of the package.
The clips are for measuring only; no training program reads them. `benchmarks.lips` measures with
the same functions, and more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from opensonic.channels import inner_lip_gap, lip_width_factor
from opensonic.errors import InputError
from opensonic.media.audio import read_speech
from opensonic.metrics.curves import Curve
from opensonic.metrics.lips import LipAgreement, compare_lips
from opensonic.speech import hear
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.train.speech.augment import make_music
from opensonic.train.speech.heldout import make_steady_noise, read_held_out
from opensonic.train.speech.scores import FPS, OPEN_GAP, hear_gap, measure_pauses, measure_voices
from opensonic.train.speech.tracks import KEPT_ASIDE, measure_lips, read_track_file
from opensonic.values import Speech

LEVELS_DB = (-20, -35, -50)
"""Levels at which sound without speech is heard, dB below full scale."""

_LOG = logging.getLogger(__name__)
_NOISE_S = 20
_PIECES = 8


@dataclass(frozen=True, eq=False)
class TrueClip:
    """A recording of somebody who speaks, and what the lips really did.

    Attributes:
        name: Of the clip.
        speaker: Of the person; the clip's name where nobody says who it is.
        path: File that holds the sound.
        fps: Frames per second of the tracks.
        gap: (T,) float32 gap between the inner lips, e.
        width: (T,) float32 width of the mouth, e.
    """

    name: str
    speaker: str
    path: Path
    fps: Fraction
    gap: Curve
    width: Curve


def read_frame_rate(path: Path) -> Fraction:
    """Read the mean frame rate that a video states.

    Raises:
        InputError: It states none.
    """
    with av.open(str(path)) as container:
        streams = container.streams.video
        rate = streams[0].average_rate if streams else None
    if rate is None:
        raise InputError(f"{path}: states no frame rate; expected a video; leave it out")
    return Fraction(str(rate))  # PyAV's own fraction type in newer versions


def read_clips(folder: Path) -> Iterator[TrueClip]:
    """Read every clip NAME.mp4 of a folder whose points lie in its `tracks.npz`.

    Raises:
        InputError: A clip states no frame rate.
    """
    with np.load(folder / "tracks.npz") as data:
        tracks = {name: data[name] for name in data.files}
    for name in tracks:
        if name == "index" or name.endswith("_ok"):
            continue
        path = folder / f"{name}.mp4"
        gap, width = measure_lips(tracks[name], tracks["index"])
        yield TrueClip(name, name, path, read_frame_rate(path), gap, width)


def read_kept_aside(folder: Path) -> list[TrueClip]:
    """Read the main speaker's last 100 clips, which no training uses, and those of other people.

    Raises:
        InputError: There are no tracks in the folder.
    """
    tracks = read_track_file(folder)
    people, counts = np.unique(tracks.speakers, return_counts=True)
    is_main = tracks.speakers == people[counts.argmax()]
    own = np.flatnonzero(is_main & tracks.whole)[-KEPT_ASIDE:]
    clips = []
    for place in (*own, *np.flatnonzero(~is_main & tracks.whole)):
        name, speaker = str(tracks.names[place]), str(tracks.speakers[place])
        gap, width = measure_lips(tracks.points[place], tracks.index)
        sound = folder / "audio" / f"{name}.opus"
        clips.append(TrueClip(name, speaker, sound, FPS, gap, width))
    return clips


def hear_lips(speech: Speech, fps: Fraction, n_frames: int) -> tuple[Curve, Curve]:
    """Give gap between the inner lips, e, and width factor of the final motion, (T,) each."""
    mouth = np.concatenate([part.mouth for part in hear(speech, fps, n_frames)])
    return inner_lip_gap(mouth), lip_width_factor(mouth)


def measure_clip(clip: TrueClip) -> LipAgreement:
    """Compare the lips that are heard with the true ones."""
    found = hear_lips(read_speech(clip.path), clip.fps, len(clip.gap))
    return compare_lips(*found, clip.gap, clip.width)


def make_quiet_sounds() -> dict[str, npt.NDArray[np.float32]]:
    """Make silence and, with power 1, sounds in which nobody speaks: 20 s each, of music 160 s."""
    rng = np.random.default_rng(0)
    n_samples = _NOISE_S * SAMPLE_RATE
    clock = np.arange(n_samples) / SAMPLE_RATE
    sounds = {"digital silence": np.zeros(n_samples, np.float32)}
    for kind in ("room", "white", "pink"):
        sounds[f"{kind} noise"] = make_steady_noise(rng, kind, n_samples)
    sounds["hum, 50 Hz"] = np.asarray(np.sqrt(2) * np.sin(2 * np.pi * 50 * clock), np.float32)
    pieces = [make_music(rng, n_samples) for _ in range(_PIECES)]
    music = np.concatenate([piece / piece.std() for piece in pieces])
    sounds[f"made-up music ({_PIECES} pieces)"] = music.astype(np.float32)
    return sounds


def measure_open(sound: npt.NDArray[np.float32], levels_db: tuple[int, ...]) -> list[float]:
    """Give the share of frames with open lips (gap above 0.01 e) at each level.

    Args:
        sound: (N,) at 16 kHz, of power 1, in which nobody speaks.
        levels_db: Power wanted, dB below a full-scale square wave.
    """
    gains = [np.float32(10 ** (level_db / 20)) for level_db in levels_db]
    return [float((hear_gap(sound * gain) > OPEN_GAP).mean()) for gain in gains]


def measure_quiet() -> dict[str, dict[int, float]]:
    """Give the share of frames with open lips in sounds without speech, at -20, -35 and -50 dB."""
    return {
        name: dict(zip(LEVELS_DB, measure_open(sound, LEVELS_DB), strict=True))
        for name, sound in make_quiet_sounds().items()
    }


def measure_speed(speech: Speech, repeats: int = 1) -> float:
    """Give seconds of sound per second of CPU time, from samples to channels, on one core.

    Args:
        speech: What is heard, after once for warming up.
        repeats: How often it is heard.
    """
    n_frames = int(speech.duration * FPS)
    for _ in hear(speech, FPS, n_frames):
        pass
    start = time.process_time()
    for _ in range(repeats):
        for _ in hear(speech, FPS, n_frames):
            pass
    return float(repeats * speech.duration) / (time.process_time() - start)


def report(clips: Path | None, corpus: Path | None) -> None:
    """Log every measure.

    Args:
        clips: Folder of real clips with `tracks.npz`, or None.
        corpus: Folder of corpus shards, or None.
    """
    if clips is not None:
        results = {clip.name: measure_clip(clip) for clip in read_clips(clips)}
        for name, result in results.items():
            _LOG.info(
                "%s: aperture r %.2f at lag %d (%.2f at 0), width r %.2f, "
                "gap 50/90/98 %% %.3f %.3f %.3f e (true %.3f %.3f %.3f)",
                name,
                result.aperture,
                result.lag,
                result.aperture_at_0,
                result.width,
                *result.gaps,
                *result.true_gaps,
            )
        for measure in ("aperture", "aperture_at_0", "width"):
            median = float(np.median([getattr(result, measure) for result in results.values()]))
            _LOG.info("median %s r %.3f", measure, median)
    speed = measure_speed(read_speech(str(files("opensonic") / "examples/speech.flac")), 5)
    _LOG.info("speed: %.0fx real time on one core", speed)
    for name, shares in measure_quiet().items():
        parts = ", ".join(f"{100 * share:.2f} % at {level} dB" for level, share in shares.items())
        _LOG.info("open in %s: %s", name, parts)
    if corpus is not None:
        _report_voices(corpus)


def _report_voices(corpus: Path) -> None:
    items = read_held_out(corpus)
    for noise in (None, "white", "pink", "babble"):
        for voice, result in measure_voices(items, noise).items():
            _LOG.info(
                "%s, %s: phones %.3f, visemes %.3f, closures recall/precision %.3f/%.3f certain, "
                "%.3f/%.3f final, %.0f s",
                voice,
                noise or "clean",
                result.right_phones / result.rows,
                result.right_visemes / result.rows,
                result.certain.recall,
                result.certain.precision,
                result.final.recall,
                result.final.precision,
                result.rows / 100,
            )
    for voice, pauses in measure_pauses(items).items():
        _LOG.info("%s: open in %.2f %% of the frames of pauses", voice, 100 * pauses.share_open)
