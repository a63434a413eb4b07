import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from opensonic.channels import HIGH, LOW, MOUTH, inner_lip_gap
from opensonic.speech import hear
from opensonic.values import Speech

FIELDS = ("mouth", "loudness", "stress", "speaking")


def make(sound, block=16_000):
    sound = np.asarray(sound, np.float32)

    def blocks(sample_rate):
        assert sample_rate == 16_000
        return (sound[start : start + block] for start in range(0, len(sound), block))

    return Speech("made", 16_000, "mono", len(sound), 1.0, lambda: iter([sound[None]]), blocks)


def vowels(seconds, level=0.3):
    """Buzz with a moving formant, a syllable four times a second: something like speech."""
    clock = np.arange(int(seconds * 16_000)) / 16_000
    phase = np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * clock)) / 16_000
    buzz = sum(
        np.sin(2 * np.pi * h * phase) / (1 + abs(h * 120 - 700 - 300 * np.sin(7 * clock)) / 200)
        for h in range(1, 30)
    )
    return level * 0.3 * buzz * np.clip(1.2 * np.sin(2 * np.pi * 2 * clock) ** 2, 0, 1)


def hear_all(speech, fps=Fraction(25), n_frames=None):
    n_frames = n_frames or max(1, int(speech.duration * fps))
    parts = list(hear(speech, fps, n_frames))
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS}


@pytest.mark.parametrize("n_samples", [1, 800, 4000, 16_000, 70_001])
@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(1), Fraction(120)])
def test_exactly_as_many_frames_as_asked_for_in_range(n_samples, fps):
    for n_frames in (1, 7, 60):
        heard = hear_all(make(vowels(5)[:n_samples]), fps, n_frames)
        assert heard["mouth"].shape == (n_frames, MOUTH.stop)
        assert heard["mouth"].dtype == np.float32
        assert (heard["mouth"] >= LOW[MOUTH]).all()
        assert (heard["mouth"] <= HIGH[MOUTH]).all()
        for name in FIELDS[1:]:
            assert heard[name].shape == (n_frames,)
            assert heard[name].dtype == np.float32
            assert 0 <= heard[name].min() <= heard[name].max() <= 1


def test_blocks_of_any_length_give_the_same():
    sound = vowels(9)
    a, b = hear_all(make(sound, 16_000)), hear_all(make(sound, 777))
    for name in FIELDS:
        np.testing.assert_array_equal(a[name], b[name])


def test_chunks_give_what_one_piece_gives(monkeypatch):
    sound = vowels(11)
    chunks = hear_all(make(sound))
    monkeypatch.setattr("opensonic.speech.network._STEP", 5000)
    monkeypatch.setattr("opensonic.speech.hearing._STEP", 5000)
    monkeypatch.setattr("opensonic.speech.mel._BLOCK", 5000)
    for name, values in hear_all(make(sound)).items():
        np.testing.assert_allclose(chunks[name], values, atol=2e-3)


def test_later_sound_does_not_change_earlier_frames():
    sound = vowels(12)
    changed = sound.copy()
    changed[8 * 16_000 :] = 0
    a, b = hear_all(make(sound)), hear_all(make(changed))
    np.testing.assert_allclose(a["mouth"][:110], b["mouth"][:110], atol=1e-4)


def test_silence_and_noise_keep_the_mouth_shut():
    rng = np.random.default_rng(0)
    assert hear_all(make(np.zeros(64_000)))["mouth"].max() == 0
    for level in (0.003, 0.1):
        heard = hear_all(make(level * rng.standard_normal(160_000)))
        assert (inner_lip_gap(heard["mouth"]) > 0.01).mean() <= 0.02
        assert heard["speaking"].mean() < 0.05


@pytest.mark.parametrize("kind", ["tone", "gusts", "clicks", "onset"])
def test_no_chatter_where_nobody_speaks(kind):
    rng = np.random.default_rng(3)
    clock = np.arange(160_000) / 16_000
    noise = rng.standard_normal(160_000)
    sound = {
        "tone": 0.3 * np.sin(2 * np.pi * 440 * clock),
        "gusts": 0.02 * noise * np.exp(np.interp(clock, np.arange(11), rng.normal(0, 1, 11))),
        "clicks": noise * np.exp(-(clock % 0.4) * 200) * 0.2 + 1e-4 * noise,
        "onset": 0.1 * noise * (clock % 4 > 2),
    }[kind]
    gap = inner_lip_gap(hear_all(make(sound))["mouth"])
    assert (gap > 0.01).mean() <= 0.05
    assert gap.max() < 0.05


@pytest.mark.parametrize("gain", [0.01, 0.1])
def test_level_does_not_matter(example_speech, gain):
    from opensonic.media.audio import read_speech

    speech = read_speech(example_speech)
    soft = replace(speech, blocks=lambda rate: (gain * block for block in speech.blocks(rate)))
    a, b = (inner_lip_gap(hear_all(each)["mouth"]) for each in (speech, soft))
    assert np.corrcoef(a, b)[0, 1] > 0.97
    assert abs(a.std() / b.std() - 1) < 0.1


def test_speech_opens_the_mouth(example_speech):
    from opensonic.media.audio import read_speech

    speech = read_speech(example_speech)
    heard = hear_all(speech)
    gap = inner_lip_gap(heard["mouth"])
    assert np.quantile(gap, 0.95) > 0.06
    assert (gap < 0.005).mean() > 0.05
    assert heard["speaking"].max() > 0.9
    assert heard["stress"].max() > 0.2
    clipped = replace(
        speech, blocks=lambda rate: (np.clip(20 * b, -1, 1) for b in speech.blocks(rate))
    )
    other = inner_lip_gap(hear_all(clipped)["mouth"])
    assert np.corrcoef(gap, other)[0, 1] > 0.5


def test_first_part_comes_early_and_reading_stops_with_the_frames(make_speech):
    speech, read = make_speech(120)
    first = next(hear(speech, Fraction(25), 3000))
    assert 12 <= len(first.mouth) <= 60
    assert read["seconds"] < 12
    speech, read = make_speech(120)
    assert sum(len(part.mouth) for part in hear(speech, Fraction(25), 40)) == 40
    assert read["seconds"] < 12


def test_faster_than_real_time():
    speech = make(vowels(20))
    hear_all(speech)
    start = time.process_time()
    hear_all(speech)
    assert time.process_time() - start < 20 / 25
