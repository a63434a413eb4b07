from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from opensonic.channels import inner_lip_gap
from opensonic.clock import frame_count
from opensonic.errors import InputError, SettingsError
from opensonic.media.audio import read_speech
from opensonic.speech import hear
from opensonic.speech.live import LiveEar
from opensonic.speech.mel import SAMPLE_RATE

FPS = Fraction(25)


@pytest.fixture(scope="module")
def speech():
    import opensonic

    return read_speech(Path(opensonic.__file__).parent / "examples" / "speech.flac")


@pytest.fixture(scope="module")
def sound(speech):
    return np.concatenate(list(speech.blocks(SAMPLE_RATE)))[: 3 * SAMPLE_RATE]


def hear_live(sound, block, fps=FPS, look_ahead_s=Fraction(3, 10)):
    ear = LiveEar(fps, look_ahead_s)
    parts = [ear.feed(sound[start : start + block]) for start in range(0, len(sound), block)]
    return np.concatenate([part.mouth for part in (*parts, ear.end())])


def test_frames_cover_the_sound_whatever_its_parts(sound):
    whole, pieces = hear_live(sound, len(sound)), hear_live(sound, 777)
    assert len(whole) == frame_count(Fraction(len(sound), SAMPLE_RATE), FPS)
    np.testing.assert_allclose(whole, pieces, atol=1e-5)


def test_live_is_near_what_is_heard_afterwards(speech, sound):
    live = inner_lip_gap(hear_live(sound, 640))
    after = np.concatenate([part.mouth for part in hear(speech, FPS, len(live))])
    assert np.corrcoef(live, inner_lip_gap(after))[0, 1] > 0.9


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(60), Fraction(24000, 1001)])
def test_a_frame_comes_when_its_look_ahead_has_come(sound, fps):
    look_ahead_s = Fraction(3, 10)
    ear = LiveEar(fps, look_ahead_s)
    n_frames = 0
    for start in range(0, SAMPLE_RATE, 160):
        n_frames += len(ear.feed(sound[start : start + 160]).mouth)
        heard_s = Fraction(start + 160, SAMPLE_RATE)
        due = int((heard_s - look_ahead_s) * fps + Fraction(1, 2))
        assert due <= n_frames <= heard_s * fps


def test_later_sound_changes_nothing(sound):
    other = sound.copy()
    other[SAMPLE_RATE:] = 0.3 * np.sin(np.arange(len(sound) - SAMPLE_RATE))
    sure = int((1 - 0.3) * 25)
    same, changed = hear_live(sound, 999), hear_live(other, 999)
    np.testing.assert_array_equal(same[:sure], changed[:sure])
    assert not np.array_equal(same, changed)


def test_silence_is_silent():
    assert inner_lip_gap(hear_live(np.zeros(SAMPLE_RATE, np.float32), 400)).max() == 0


def test_shortest_sound_gives_a_frame():
    assert len(hear_live(np.zeros(10, np.float32), 10)) == 1


@pytest.mark.parametrize("look_ahead_s", [Fraction(1, 100), -1, float("nan"), float("inf")])
def test_a_look_ahead_that_is_too_short_or_no_number_is_refused(look_ahead_s):
    with pytest.raises(SettingsError, match=r"look-ahead: .* expected at least"):
        LiveEar(FPS, look_ahead_s)


@pytest.mark.parametrize("fps", [0, Fraction(-25), float("nan"), float("inf"), 1000, "soon"])
def test_a_frame_rate_that_cannot_be_is_refused(fps):
    with pytest.raises(SettingsError, match="fps"):
        LiveEar(fps)


def test_after_the_end_comes_nothing():
    ear = LiveEar()
    ear.feed(np.zeros(1600, np.float32))
    assert len(ear.end().mouth) == 3
    assert len(ear.end().mouth) == 0
    with pytest.raises(InputError, match="after the end"):
        ear.feed(np.zeros(1600, np.float32))


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(100, np.int16),
        np.zeros((100, 2), np.float32),
        np.full(100, np.nan, np.float32),
    ],
)
def test_other_sound_is_refused(sound):
    with pytest.raises(InputError, match=r"expected \(N,\) finite float32"):
        LiveEar().feed(sound)
