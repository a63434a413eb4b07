"""Speech with exact phone times from espeak-ng, flite and festival, each a process of its own."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
from scipy.io import wavfile
from scipy.signal import resample_poly

from opensonic.errors import InputError
from opensonic.speech.ipa import read_ipa
from opensonic.train.speech.alphabets import Segment, read_festival, spread_segments
from opensonic.train.speech.sentences import make_sentence
from opensonic.train.speech.voices import Voice

SAMPLE_RATE = 16_000
"""Samples per second of everything in the corpus, Hz."""
_SHORTEST_EVENT_S = 0.06
_FESTIVAL_BATCH = 20


@dataclass(frozen=True, eq=False)
class Utterance:
    """One spoken sentence.

    Attributes:
        label: Program and voice.
        sound: (N,) float32 at 16 kHz, peak 0.7.
        segments: Gapless phones, in s.
    """

    label: str
    sound: npt.NDArray[np.float32]
    segments: list[Segment]


def _finish(
    label: str, sound: npt.NDArray[np.float32], rate: int, parts: list[Segment]
) -> Utterance:
    ratio = Fraction(SAMPLE_RATE, rate)
    if ratio != 1:
        sound = np.asarray(resample_poly(sound, ratio.numerator, ratio.denominator), np.float32)
    spoken = sum(phone != "sil" for _, _, phone in parts)
    if not 0.5 <= len(sound) / SAMPLE_RATE <= 20 or spoken < 4:
        raise InputError(
            f"{label}: {len(sound) / SAMPLE_RATE:.2f} s with {spoken} phones; "
            "expected 0.5 to 20 s with at least 4 phones; another sentence is tried"
        )
    return Utterance(label, sound * np.float32(0.7 / (np.abs(sound).max() + 1e-6)), parts)


def _read_wave(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    rate, samples = wavfile.read(path)
    return samples.astype(np.float32) / 32768, rate


def _start_espeak() -> subprocess.Popen[bytes]:
    command = [sys.executable, str(Path(__file__).with_name("espeak_worker.py"))]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


class EspeakVoices:
    """espeak-ng in a worker process; a context manager that ends the process."""

    def __init__(self) -> None:
        self._worker = _start_espeak()

    def __enter__(self) -> EspeakVoices:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._worker.stdin:
            with suppress(BrokenPipeError):
                self._worker.stdin.close()
        self._worker.wait(10)
        if self._worker.stdout:
            self._worker.stdout.close()

    def speak(self, voice: Voice, rng: random.Random) -> Utterance:
        """Speak one sentence at a random rate and pitch.

        Raises:
            InputError: The voice made no usable sound.
        """
        worker = self._worker
        assert worker.stdin is not None and worker.stdout is not None
        request = {
            "voice": voice.name,
            "text": make_sentence(rng, voice.language),
            "rate": rng.randint(110, 230),
            "pitch": rng.randint(10, 90),
            "range": rng.randint(20, 80),
        }
        with suppress(BrokenPipeError):
            worker.stdin.write(json.dumps(request).encode() + b"\n")
            worker.stdin.flush()
        answer = worker.stdout.readline()
        if not answer:  # some variants crash the library now and then
            self._stop()
            self._worker = _start_espeak()
            raise InputError(f"{voice.label}: espeak-ng ended; another sentence is tried")
        head = json.loads(answer)
        raw = worker.stdout.read(2 * head["n_samples"])
        sound = np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768)
        rate = head["sample_rate"]
        ends = [*(start for start, _ in head["phones"]), len(sound)][1:]
        parts: list[tuple[float, float, list[str]]] = []
        for (first, symbol), last in zip(head["phones"], ends, strict=True):
            start, end = first / rate, last / rate
            phones = read_ipa(symbol)
            unnamed = not phones and end - start < _SHORTEST_EVENT_S and end < len(sound) / rate
            unknown = not phones and symbol not in {"", "_"}
            if (unnamed or unknown) and parts and parts[-1][2]:
                parts[-1] = (parts[-1][0], end, parts[-1][2])
            elif end > start:
                parts.append((start, end, phones))
        return _finish(voice.label, sound, rate, spread_segments(parts))


def speak_flite(voice: Voice, rng: random.Random) -> Utterance:
    """Speak one sentence with flite.

    Raises:
        InputError: The voice made no usable sound.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        stretch = f"duration_stretch={rng.uniform(0.8, 1.25):.2f}"
        text = make_sentence(rng, voice.language)
        command = ["flite", "-voice", voice.name, "-psdur", "--setf", stretch, "-t", text]
        report = subprocess.run(
            [*command, "-o", str(path)], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        sound, rate = _read_wave(path)
    parts: list[tuple[float, float, list[str]]] = []
    clock = 0.0
    for entry in report.split():
        symbol, _, end = entry.rpartition(":")
        parts.append((clock, float(end), read_festival(symbol, voice.alphabet)))
        clock = float(end)
    return _finish(voice.label, sound, rate, spread_segments(parts))


def speak_festival(voice: Voice, rng: random.Random) -> Iterator[Utterance]:
    """Speak a batch of sentences with one voice of festival; unusable ones are left out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = [f"(voice_{voice.name})"]
        for number in range(_FESTIVAL_BATCH):
            text = make_sentence(rng, voice.language).replace('"', "").replace("?", ".")
            script.append(f'(set! u (SynthText "{text}"))')
            script.append(f'(utt.save.segs u "{folder / str(number)}.lab")')
            script.append(f'(utt.save.wave u "{folder / str(number)}.wav" \'riff)')
        batch = folder / "batch.scm"
        batch.write_bytes("\n".join(script).encode(voice.encoding, "ignore"))
        subprocess.run(
            ["festival", "-b", str(batch)], capture_output=True, timeout=300, check=False
        )
        for number in range(_FESTIVAL_BATCH):
            path = folder / f"{number}.wav"
            if not path.is_file():
                continue
            sound, rate = _read_wave(path)
            parts: list[tuple[float, float, list[str]]] = []
            clock = 0.0
            for line in path.with_suffix(".lab").read_text("latin-1").splitlines():
                fields = line.split()
                if len(fields) >= 3:
                    end = float(fields[0])
                    parts.append((clock, end, read_festival(fields[2], voice.alphabet)))
                    clock = end
            try:
                yield _finish(voice.label, sound, rate, spread_segments(parts))
            except InputError:
                continue
