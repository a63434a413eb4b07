"""Phones, look-alike classes, closures and pauses of held-out voices, as shipped code hears them.

Closures are counted at two places: where the network is certain of p, b or m, and in the final
motion at 25 frames a second, where the lips must touch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from opensonic.channels import inner_lip_gap
from opensonic.media.audio import read_speech
from opensonic.metrics.closures import (
    TOUCHING_GAP,
    ClosureCounts,
    Spans,
    count_closures,
    find_spans,
)
from opensonic.metrics.visemes import VISEME_OF
from opensonic.speech import hear
from opensonic.speech.articulation import SURE_CLOSURE, closure_score
from opensonic.speech.mel import FRAME_RATE, SAMPLE_RATE, level_rows, log_mel
from opensonic.speech.network import listen
from opensonic.speech.phones import PHONE_INDEX, PHONES, SILENCE
from opensonic.train.speech.corpus import Labelled
from opensonic.train.speech.heldout import Sound, add_noise, name_voice
from opensonic.train.speech.targets import label_rows

FPS = Fraction(25)
"""Frame rate at which the final motion is judged."""
OPEN_GAP = 0.01
"""Gap between the inner lips above which a mouth is open, e."""
WIDE_GAP = 0.03
"""Gap above which an open mouth is seen at a glance, e."""
NOISE_SNR_DB = 13.0
"""Active speech level over noise at which voices are measured again, dB."""

_SEED = 7
_PAUSE_S, _MARGIN_S, _JOINED_PAUSE_S = 0.3, 0.1, 0.8
_JOINED = 4
_HISS = 1e-4
_LONGEST_CLOSURE = 4


@dataclass(frozen=True)
class VoiceResult:
    """Measures of one voice.

    Attributes:
        rows: Rows of 10 ms measured.
        right_phones: Rows with the right phone.
        right_visemes: Rows with the right class of `metrics.visemes`.
        certain: Closures of which the network is certain.
        final: Closures in the final motion.
        offsets_s: Middle of each final closure minus middle of the labelled one that it meets, s.
    """

    rows: int = 0
    right_phones: int = 0
    right_visemes: int = 0
    certain: ClosureCounts = field(default_factory=ClosureCounts)
    final: ClosureCounts = field(default_factory=ClosureCounts)
    offsets_s: tuple[float, ...] = ()

    def merge(self, other: VoiceResult) -> VoiceResult:
        """Add the measures of more speech."""
        return VoiceResult(
            self.rows + other.rows,
            self.right_phones + other.right_phones,
            self.right_visemes + other.right_visemes,
            self.certain.merge(other.certain),
            self.final.merge(other.final),
            self.offsets_s + other.offsets_s,
        )


def hear_gap(sound: Sound) -> npt.NDArray[np.float32]:
    """Give the gap between the inner lips in the final motion, (T,) e at 25 frames a second."""
    n_frames = -(-len(sound) * FPS.numerator // SAMPLE_RATE)
    speech = read_speech((sound, SAMPLE_RATE))
    return inner_lip_gap(np.concatenate([part.mouth for part in hear(speech, FPS, n_frames)]))


def _meeting_offsets(true: Spans, found: Spans) -> tuple[float, ...]:
    """Give how much later the middle of each found span is that overlaps one true span alone."""
    offsets = []
    for start, end in found:
        met = true[(true[:, 0] < end) & (true[:, 1] > start)]
        if len(met) == 1 and end - start <= _LONGEST_CLOSURE / FPS:
            offsets.append(float((start + end - met.sum()) / 2))
    return tuple(offsets)


def measure_item(item: Labelled, sound: Sound) -> VoiceResult:
    """Measure one utterance.

    Args:
        item: Its labels.
        sound: What is heard of it, as long as its own sound.
    """
    heard = np.concatenate(list(listen(level_rows(log_mel([sound])))))
    labels = label_rows(item.times, item.phones, len(heard))
    phones = heard[:, : len(PHONES)].argmax(1)
    true = find_spans(np.isin(labels, [PHONE_INDEX[name] for name in "pbm"]), FRAME_RATE)
    certain = find_spans(closure_score(heard) > SURE_CLOSURE, FRAME_RATE)
    touching = find_spans(hear_gap(sound) <= TOUCHING_GAP, float(FPS))
    return VoiceResult(
        rows=len(labels),
        right_phones=int((phones == labels).sum()),
        right_visemes=int((VISEME_OF[phones] == VISEME_OF[labels]).sum()),
        certain=count_closures(true, certain),
        final=count_closures(true, touching, find_spans(labels == SILENCE, FRAME_RATE)),
        offsets_s=_meeting_offsets(true, touching),
    )


def measure_voices(
    items: Sequence[Labelled], noise: str | None = None, snr_db: float = NOISE_SNR_DB
) -> dict[str, VoiceResult]:
    """Measure every voice, and all of them together under `all`.

    Args:
        items: Held-out speech.
        noise: One of `heldout.NOISES`; None leaves the speech clean.
        snr_db: See `add_noise`.
    """
    rng = np.random.default_rng(_SEED)
    results: dict[str, VoiceResult] = {}
    for item in items:
        sound = item.sound if noise is None else add_noise(rng, item, noise, snr_db, items)
        result = measure_item(item, sound)
        for key in ("all", name_voice(item.label)):
            results[key] = results.get(key, VoiceResult()).merge(result)
    return results


@dataclass(frozen=True)
class PauseResult:
    """What lips do in the pauses of one voice.

    Attributes:
        frames: Frames in pauses.
        open: Those with a gap above `OPEN_GAP`.
        wide: Those with a gap above `WIDE_GAP`.
    """

    frames: int = 0
    open: int = 0
    wide: int = 0

    @property
    def share_open(self) -> float:
        """Share of frames with open lips."""
        return self.open / max(self.frames, 1)

    @property
    def share_wide(self) -> float:
        """Share of frames with lips visibly open."""
        return self.wide / max(self.frames, 1)

    def merge(self, other: PauseResult) -> PauseResult:
        """Add the counts of more speech."""
        return PauseResult(
            self.frames + other.frames, self.open + other.open, self.wide + other.wide
        )


def measure_pauses(items: Sequence[Labelled]) -> dict[str, PauseResult]:
    """Measure the lips in the pauses of each voice and, under `all`, of all together.

    Four utterances at a time are joined by 0.8 s of faint hiss; a pause is silence of more than
    0.3 s without its first and last 0.1 s.
    """
    rng = np.random.default_rng(_SEED)
    by_voice: dict[str, list[Labelled]] = {}
    for item in items:
        by_voice.setdefault(name_voice(item.label), []).append(item)
    results = {"all": PauseResult()}
    for voice, own in by_voice.items():
        for start in range(0, len(own), _JOINED):
            sound, silences = _join(rng, own[start : start + _JOINED])
            gap = hear_gap(sound)
            middles = (np.arange(len(gap)) + 0.5) / float(FPS)
            inside = np.zeros(len(gap), np.bool_)
            for a, b in silences:
                inside |= (middles > a + _MARGIN_S) & (middles < b - _MARGIN_S)
            resting = gap[inside]
            result = PauseResult(
                len(resting), int((resting > OPEN_GAP).sum()), int((resting > WIDE_GAP).sum())
            )
            for key in ("all", voice):
                results[key] = results.get(key, PauseResult()).merge(result)
    return results


def _join(rng: np.random.Generator, items: Sequence[Labelled]) -> tuple[Sound, Spans]:
    """Join utterances with pauses; give the sound and the silences longer than 0.3 s, s."""
    n_pause = int(_JOINED_PAUSE_S * SAMPLE_RATE)
    parts: list[Sound] = []
    labels: list[npt.NDArray[np.int8]] = []
    for item in items:
        n_rows = len(item.sound) * FRAME_RATE // SAMPLE_RATE
        whole = n_rows * SAMPLE_RATE // FRAME_RATE
        hiss = rng.standard_normal(n_pause).astype(np.float32) * np.float32(_HISS)
        parts += [item.sound[:whole], hiss]
        labels.append(label_rows(item.times, item.phones, n_rows))
        labels.append(np.full(n_pause * FRAME_RATE // SAMPLE_RATE, SILENCE, np.int8))
    silences = find_spans(np.concatenate(labels) == SILENCE, FRAME_RATE)
    long = silences[:, 1] - silences[:, 0] > _PAUSE_S
    return np.concatenate(parts), silences[long]
