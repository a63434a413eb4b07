"""Make the bundled example anew: `python examples/make_examples.py`.

Draws the portrait (some minutes) and lets the free synthesiser flite speak (Debian and Ubuntu:
`apt install flite`). Both are written to `src/opensonic/examples`, from where the wheel takes them.
"""

from __future__ import annotations

import subprocess
import tempfile
import wave
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from drawn_portrait import draw_portrait

TARGET = Path(__file__).resolve().parent.parent / "src" / "opensonic" / "examples"
WIDTH, HEIGHT = 768, 896
VOICE = "slt"
TEXT = (
    "Hello! I am a drawing, and Open Sonic lets me speak. "
    "It needs one portrait, one recording, and your own computer."
)
PAUSE_S = 0.25


def main() -> None:
    """Write portrait.png and speech.flac."""
    TARGET.mkdir(exist_ok=True)
    speech = TARGET / "speech.flac"
    print(f"{speech}: {float(make_speech(speech)):.2f} s")
    portrait = TARGET / "portrait.png"
    picture = draw_portrait(WIDTH, HEIGHT)
    cv2.imwrite(str(portrait), picture[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{portrait}: {WIDTH}x{HEIGHT} px")


def make_speech(path: Path) -> Fraction:
    """Speak `TEXT` with a short pause before and after, and return its length in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "speech.wav"
        subprocess.run(["flite", "-voice", VOICE, "-t", TEXT, "-o", str(spoken)], check=True)
        with wave.open(str(spoken)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    pause = np.zeros(round(PAUSE_S * rate), np.int16)
    samples = np.concatenate([pause, samples.astype(np.int16), pause])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Fraction(len(samples), rate)


if __name__ == "__main__":
    main()
