"""Random pieces of music as MIDI: chord progressions for one to five instruments, none a voice.

Each part is one of seven ways of playing (pad, swell, bass, melody, arpeggio, pulse, drums) on an
instrument of General MIDI. Nothing here makes sound; `music` does.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mido

TICKS_PER_BEAT = 480
"""Resolution of the written MIDI."""
SLOWEST_BPM, FASTEST_BPM = 70, 150
"""Tempo of a piece, beats a minute."""
VOICE_LIKE = frozenset({52, 53, 54, 85, 91, 121})
"""General MIDI programs, from 0, that may open a mouth: choirs, voice lead and pad, breath."""
_PROGRAMS = tuple(program for program in range(128) if program not in VOICE_LIKE)
_SUSTAINED = tuple(
    program
    for program in (*range(16, 22), *range(40, 52), *range(56, 104))
    if program not in VOICE_LIKE
)
"""Organs, strings, winds and synthesisers: they hold a note, as a voice does."""
_DRUM_CHANNEL = 9
_DRUM_KITS = (0, 8, 16, 24, 25, 32, 40, 48)
_DRUM_KEYS = (35, 36, 38, 40, 42, 44, 45, 46, 47, 49, 51, 54, 56, 70, 75, 81)
_LOWEST_KEY, _HIGHEST_KEY = 24, 105
_SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 11),
    (0, 1, 4, 5, 7, 8, 10),
    (0, 3, 5, 7, 10),
    (0, 2, 4, 7, 9),
)
_CONTROLS = {
    1: (0, 0, 30, 80, 127),  # vibrato
    7: tuple(range(50, 121)),  # volume
    10: tuple(range(20, 109)),  # place between left and right
    11: (127,),  # expression
    91: (0, 40, 90, 127),  # reverberation
    93: (0, 0, 60),  # chorus
}
"""Controller to the values that a part draws from."""
_EXPRESSION = 11
_BEND = 1536
"""Widest bend of a note, of 8192 for two semitones."""


@dataclass(frozen=True, kw_only=True)
class Harmony:
    """What the parts of a piece share.

    Attributes:
        root: MIDI key of the first step of the scale.
        scale: Semitones above the root.
        chords: Step of the scale on which the chord of each bar stands; they repeat.
        bar: Length of a bar, ticks.
    """

    root: int
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    bar: int

    def chord(self, tick: int) -> int:
        """Find the step of the scale on which the chord stands at a time."""
        return self.chords[tick // self.bar % len(self.chords)]

    def key(self, step: int) -> int:
        """Convert a step of the scale, also below or above its octave, to a MIDI key."""
        octave, place = divmod(step, len(self.scale))
        return self.root + 12 * octave + self.scale[place]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of music.

    Attributes:
        tempo: Microseconds a beat.
        length: Ticks.
        messages: What the parts play; `time` is in ticks from the start of the piece.
    """

    tempo: int
    length: int
    messages: tuple[mido.Message, ...]


def _strike(tick: int, ticks: int, key: int, velocity: int) -> Iterator[mido.Message]:
    key = max(_LOWEST_KEY, min(_HIGHEST_KEY, key))
    yield mido.Message("note_on", note=key, velocity=velocity, time=tick)
    yield mido.Message("note_off", note=key, time=tick + max(1, ticks))


def _play_pad(rng: random.Random, harmony: Harmony, length: int) -> Iterator[mido.Message]:
    for tick in range(0, length, harmony.bar):
        for step in (0, 2, 4):
            key = harmony.key(harmony.chord(tick) + step) + 12
            yield from _strike(tick, harmony.bar, key, rng.randint(40, 100))


def _play_swell(rng: random.Random, harmony: Harmony, length: int) -> Iterator[mido.Message]:
    for tick in range(0, length, 2 * harmony.bar):
        key = harmony.key(harmony.chord(tick)) + 12 * rng.randint(0, 2)
        yield from _strike(tick, 2 * harmony.bar, key, rng.randint(60, 110))
        for stage in range(8):
            loudness = int(30 + 97 * math.sin(math.pi * stage / 8))
            yield mido.Message(
                "control_change",
                control=_EXPRESSION,
                value=loudness,
                time=tick + stage * harmony.bar // 4,
            )


def _play_bass(rng: random.Random, harmony: Harmony, length: int) -> Iterator[mido.Message]:
    tick = 0
    while tick < length:
        ticks = TICKS_PER_BEAT * rng.choice((1, 1, 2))
        key = harmony.key(harmony.chord(tick)) - 12
        yield from _strike(tick, ticks, key, rng.randint(60, 120))
        tick += ticks


def _play_melody(rng: random.Random, harmony: Harmony, length: int) -> Iterator[mido.Message]:
    tick = 0
    while tick < length:
        ticks = TICKS_PER_BEAT * rng.choice((1, 1, 2, 2, 4, 6)) // 2
        if rng.random() < 0.85:
            key = harmony.key(harmony.chord(tick) + rng.randint(0, 9)) + 12 * rng.randint(0, 1)
            yield from _strike(tick, int(ticks * rng.uniform(0.5, 1.05)), key, rng.randint(60, 120))
            if rng.random() < 0.3:
                yield from _bend(rng, tick, ticks)
        tick += ticks


def _bend(rng: random.Random, tick: int, ticks: int) -> Iterator[mido.Message]:
    for stage in range(6):
        pitch = rng.randint(-_BEND, _BEND)
        yield mido.Message("pitchwheel", pitch=pitch, time=tick + stage * ticks // 6)
    yield mido.Message("pitchwheel", pitch=0, time=tick + ticks)


def _play_arpeggio(rng: random.Random, harmony: Harmony, length: int) -> Iterator[mido.Message]:
    tick, ticks = 0, TICKS_PER_BEAT
    for step in itertools.cycle((0, 2, 4, 7)):
        if step == 0:
            ticks = TICKS_PER_BEAT // rng.choice((2, 2, 3, 4))
        key = harmony.key(harmony.chord(tick) + step) + 12
        yield from _strike(tick, ticks, key, rng.randint(50, 100))
        tick += ticks
        if tick >= length:
            return


def _play_pulse(rng: random.Random, harmony: Harmony, length: int) -> Iterator[mido.Message]:
    for tick in range(0, length, TICKS_PER_BEAT):
        for step in (0, 4):
            key = harmony.key(harmony.chord(tick) + step)
            yield from _strike(tick, TICKS_PER_BEAT // 2, key, rng.randint(60, 110))


def _play_drums(rng: random.Random, harmony: Harmony, length: int) -> Iterator[mido.Message]:
    del harmony  # drums have no pitch
    tick = 0
    while tick < length:
        for key in rng.sample(_DRUM_KEYS, 2):
            yield from _strike(tick, TICKS_PER_BEAT // 4, key, rng.randint(40, 120))
        tick += TICKS_PER_BEAT // rng.choice((1, 2, 2))


_PARTS: tuple[Callable[[random.Random, Harmony, int], Iterator[mido.Message]], ...] = (
    _play_pad,
    _play_swell,
    _play_bass,
    _play_melody,
    _play_arpeggio,
    _play_pulse,
    _play_drums,
)


def _tune_instrument(rng: random.Random, program: int) -> Iterator[mido.Message]:
    yield mido.Message("program_change", program=program)
    yield mido.Message("pitchwheel", pitch=0)
    for control, values in _CONTROLS.items():
        yield mido.Message("control_change", control=control, value=rng.choice(values))


def compose_piece(rng: random.Random, seconds: float) -> Piece:
    """Compose one piece for one to five parts.

    Args:
        rng: Source of chance.
        seconds: Length, s.
    """
    bpm = rng.uniform(SLOWEST_BPM, FASTEST_BPM)
    length = round(seconds * bpm / 60 * TICKS_PER_BEAT)
    scale = rng.choice(_SCALES)
    harmony = Harmony(
        root=rng.randint(40, 55),
        scale=scale,
        chords=tuple(rng.randrange(len(scale)) for _ in range(rng.choice((2, 4, 4, 8)))),
        bar=TICKS_PER_BEAT * rng.choice((2, 3, 4, 4, 8)),
    )
    programs = rng.choice((_PROGRAMS, _SUSTAINED))
    messages: list[mido.Message] = []
    for channel, play in enumerate(rng.sample(_PARTS, rng.randint(1, 5))):
        drums = play is _play_drums
        program = rng.choice(_DRUM_KITS if drums else programs)
        channel = _DRUM_CHANNEL if drums else channel
        for message in (*_tune_instrument(rng, program), *play(rng, harmony, length)):
            messages.append(message.copy(channel=channel, time=min(message.time, length)))
    return Piece(tempo=mido.bpm2tempo(bpm), length=length, messages=tuple(messages))


def write_score(rng: random.Random, seconds: float) -> mido.MidiFile:
    """Write pieces of 6 to 20 s one after another; half a second of rest follows one in three.

    Args:
        rng: Source of chance.
        seconds: The score is at least as long, s.
    """
    score = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT)
    track = score.add_track()
    made, wait = 0.0, 0
    while made < seconds:
        length_s, rest_s = rng.uniform(6, 20), rng.choice((0.0, 0.0, 0.5))
        piece = compose_piece(rng, length_s)
        track.append(mido.MetaMessage("set_tempo", tempo=piece.tempo, time=wait))
        now = 0
        for message in sorted(piece.messages, key=lambda m: (m.time, m.type == "note_on")):
            track.append(message.copy(time=message.time - now))
            now = message.time
        wait = piece.length - now + round(mido.second2tick(rest_s, TICKS_PER_BEAT, piece.tempo))
        made += length_s + rest_s
    track.append(mido.MetaMessage("end_of_track", time=wait))
    return score
