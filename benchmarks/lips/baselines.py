"""What simpler ways of moving lips give: loudness, and phones drawn as nine mouth shapes.

The nine shapes are those of Rhubarb Lip Sync (Daniel S. Wolf, MIT licence), a program that many
animators use: six basic ones (A to F) after the mouth charts of Hanna-Barbera, G for f and v, H for
a long l, X for rest. Here pocketsphinx (CMU; BSD licence) hears the phones with its English phone
model, as Rhubarb's own phonetic recogniser does; each shape is an opening and a width, and the
curves are smoothed over a frame or so. Nothing of Rhubarb's code is used.
"""

from __future__ import annotations

import importlib.util
from fractions import Fraction

import numpy as np

from opensonic.metrics.curves import Curve
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.speech.prosody import smooth

SHAPES = {
    "A": (0.0, 0.0),
    "B": (0.3, 0.4),
    "C": (0.65, 0.3),
    "D": (1.0, 0.1),
    "E": (0.55, -0.4),
    "F": (0.3, -1.0),
    "G": (0.08, 0.05),
    "H": (0.45, 0.1),
    "X": (0.0, 0.0),
}
"""Opening (0 to 1) and width (-1 pucker to 1 stretch) of each shape."""
_PHONES = {
    "A": "P B M",
    "B": "IH IY K G NG S Z T D N SH ZH CH JH TH DH Y HH EY",
    "C": "EH AE AH AX",
    "D": "AA AY",
    "E": "AO ER R OY",
    "F": "UW UH OW W AW",
    "G": "F V",
    "H": "L",
    "X": "SIL",
}
SHAPE_OF = {phone: shape for shape, phones in _PHONES.items() for phone in phones.split()}
"""Shape of each CMU phone."""
_GLIDES = {"AY": ("D", "B"), "EY": ("C", "B"), "OY": ("E", "B"), "AW": ("D", "F")}
_SMOOTH_ROWS = 4.0
_ROWS_PER_S = 100
MISSING = "pocketsphinx is not installed (pip install pocketsphinx)"
"""Why phones cannot be heard here."""


def has_pocketsphinx() -> bool:
    """Tell whether pocketsphinx can be imported."""
    return importlib.util.find_spec("pocketsphinx") is not None


def hear_phones(sound: Curve) -> list[tuple[str, float, float]]:
    """Recognise English phones with pocketsphinx.

    Args:
        sound: (N,) float32 mono at 16 kHz.

    Returns:
        CMU phones with start and end in s, noises and pauses as `SIL`.
    """
    import pocketsphinx

    decoder = pocketsphinx.Decoder(
        hmm=pocketsphinx.get_model_path("en-us/en-us"),
        allphone=pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin"),
        lw=2.0,
        beam=1e-20,
        pbeam=1e-20,
        lm=None,
        dict=None,
        loglevel="FATAL",
    )
    decoder.start_utt()
    samples = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    return [
        (
            segment.word if segment.word in SHAPE_OF else "SIL",
            segment.start_frame / _ROWS_PER_S,
            (segment.end_frame + 1) / _ROWS_PER_S,
        )
        for segment in decoder.seg() or ()
    ]


def draw_shapes(
    phones: list[tuple[str, float, float]], fps: Fraction, n_frames: int
) -> tuple[Curve, Curve]:
    """Turn timed phones into opening and width per frame, (T,) each.

    Args:
        phones: CMU phones with start and end in s; diphthongs change shape half-way.
        fps: Frames per second.
        n_frames: Frames wanted.
    """
    n_rows = int(n_frames / fps * _ROWS_PER_S) + 1
    rows = np.zeros((n_rows, 2), np.float32)
    for phone, start_s, end_s in phones:
        start, end = round(start_s * _ROWS_PER_S), round(end_s * _ROWS_PER_S)
        first, second = _GLIDES.get(phone, (SHAPE_OF[phone],) * 2)
        rows[start:end] = SHAPES[first]
        rows[(start + end) // 2 : end] = SHAPES[second]
    middles = [int((frame + Fraction(1, 2)) / fps * _ROWS_PER_S) for frame in range(n_frames)]
    opening, width = (smooth(rows[:, column], _SMOOTH_ROWS)[middles] for column in (0, 1))
    return opening, width


def hear_shapes(sound: Curve, fps: Fraction, n_frames: int) -> tuple[Curve, Curve]:
    """Give opening and width of the nine shapes for the sound, (T,) each, in no unit.

    Args:
        sound: (N,) float32 mono at `SAMPLE_RATE`.
        fps: Frames per second.
        n_frames: Frames wanted.
    """
    quarter = np.zeros(SAMPLE_RATE // 4, np.float32)  # the recogniser settles on it
    phones = hear_phones(np.concatenate([quarter, sound, quarter]))
    shifted = [(phone, max(0.0, a - 0.25), max(0.0, b - 0.25)) for phone, a, b in phones]
    return draw_shapes(shifted, fps, n_frames)
