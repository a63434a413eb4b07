import numpy as np
import pytest

pytest.importorskip("scipy", reason="training needs opensonic[train]")
pytest.importorskip("torch", reason="training needs opensonic[train]")

from opensonic.errors import InputError
from opensonic.speech.mel import SAMPLE_RATE
from opensonic.speech.phones import PHONE_INDEX, SILENCE
from opensonic.train.speech.codecs import pass_codec
from opensonic.train.speech.corpus import Labelled
from opensonic.train.speech.delivery import (
    add_breaths,
    change_tempo,
    stretch_sound,
    vary_delivery,
    whisper_sound,
)
from opensonic.train.speech.features import make_features
from opensonic.train.speech.heldout import WAYS, say_otherwise
from opensonic.train.speech.pretrain import swallow_bursts

AA, S = PHONE_INDEX["aa"], PHONE_INDEX["s"]


def tone(seconds, frequency=200):
    clock = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    harmonics = sum(np.sin(2 * np.pi * frequency * n * clock) / n for n in range(1, 12))
    return (0.2 * harmonics).astype(np.float32)


@pytest.fixture
def item():
    """0.5 s of silence, 0.4 s of aa, 0.5 s of silence, 0.6 s of aa."""
    times = np.array([[0, 0.5], [0.5, 0.9], [0.9, 1.4], [1.4, 2.0]], np.float32)
    sound = np.zeros(2 * SAMPLE_RATE, np.float32)
    for first, last in ((0.5, 0.9), (1.4, 2.0)):
        part = slice(int(first * SAMPLE_RATE), int(last * SAMPLE_RATE))
        sound[part] = tone(last - first)[: part.stop - part.start]
    return Labelled("voice", sound, times, np.array([SILENCE, AA, SILENCE, AA]))


def find_pitch(sound):
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 17))
    return np.argmax(spectrum) * SAMPLE_RATE / (1 << 17)


def find_sound(sound):
    """Seconds at which the sound is loud."""
    power = np.convolve(sound**2, np.ones(160) / 160, "same")
    return np.flatnonzero(power > power.max() / 20) / SAMPLE_RATE


@pytest.mark.parametrize("slowness", [0.7, 1.0, 1.6])
def test_stretching_keeps_the_pitch(slowness):
    sound = tone(1.0)
    places = np.arange(0, 1.0, 0.02 / slowness) * SAMPLE_RATE
    stretched = stretch_sound(sound, places)
    assert len(stretched) / SAMPLE_RATE == pytest.approx(slowness, abs=0.03)
    assert find_pitch(stretched) == pytest.approx(200, rel=0.01)
    assert stretched[2000:-2000].std() == pytest.approx(sound.std(), rel=0.15)


def test_phone_times_move_with_the_sound(item):
    slow = change_tempo(item, np.array([1.0, 2.0, 1.0, 1.5]))
    np.testing.assert_allclose(slow.times[:, 1], [0.5, 1.3, 1.8, 2.7], atol=1e-3)
    loud = find_sound(slow.sound)
    assert loud[0] == pytest.approx(0.5, abs=0.04)
    assert not ((loud > 1.36) & (loud < 1.74)).any()
    assert loud[-1] == pytest.approx(2.7, abs=0.05)


def test_breath_is_heard_in_pauses_alone_and_opens_the_mouth(item):
    for seed in range(8):
        breathing = add_breaths(np.random.default_rng(seed), item)
        np.testing.assert_allclose(breathing.times[1:, 0], breathing.times[:-1, 1], atol=1e-5)
        changed = np.flatnonzero(breathing.sound != item.sound) / SAMPLE_RATE
        breaths = breathing.times[breathing.phones == PHONE_INDEX["h"]]
        for moment in changed[::400]:
            assert moment < 0.5 or 0.9 <= moment < 1.4
            assert any(first - 1e-3 <= moment <= last for first, last in breaths)
    assert len(breaths)


def test_whisper_has_no_voice():
    sound = tone(1.0)
    whispered = whisper_sound(np.random.default_rng(0), sound)

    def periodicity(signal):
        lag = SAMPLE_RATE // 200
        return np.corrcoef(signal[3000:-lag], signal[3000 + lag :])[0, 1]

    assert whispered.shape == sound.shape
    assert periodicity(sound) > 0.95
    assert abs(periodicity(whispered)) < 0.3


def test_every_delivery_keeps_phones_and_finite_sound(item):
    rng = np.random.default_rng(1)
    for _ in range(40):
        said = vary_delivery(rng, item)
        assert np.isfinite(said.sound).all()
        assert (said.phones == item.phones).all()
        assert (np.diff(said.times, axis=1) > 0).all()
        assert said.times[-1, 1] <= len(said.sound) / SAMPLE_RATE + 0.05


def test_codecs_do_not_delay():
    sound = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
    sound = np.convolve(sound, np.ones(8) / 8, "same").astype(np.float32) * 0.2
    sound[:4000] = 0
    for seed in range(6):
        coded = pass_codec(np.random.default_rng(seed), sound)
        assert coded.shape == sound.shape
        assert np.corrcoef(coded, sound)[0, 1] > 0.6
        assert not np.array_equal(coded, sound)


def test_bursts_are_swallowed_in_stops_alone():
    phones = np.repeat([AA, PHONE_INDEX["t"], S, PHONE_INDEX["p"]] * 20, 10).astype(np.int8)
    mel = np.full((len(phones), 64), -12, np.float32)
    stops = np.isin(phones, [PHONE_INDEX["t"], PHONE_INDEX["p"]])
    mel[stops & (np.arange(len(phones)) % 10 > 6)] = -3
    after = mel.copy()
    swallow_bursts(np.random.default_rng(0), after, phones)
    assert np.array_equal(after[~stops], mel[~stops])
    assert 0 < (after[stops].max(1) < -8).sum() - (mel[stops].max(1) < -8).sum() < stops.sum()


def test_rows_hold_every_utterance_in_each_variant(tmp_path):
    corpus, rows = tmp_path / "corpus", tmp_path / "rows"
    corpus.mkdir()
    sound = np.tile(np.round(tone(2.0) * 32767).astype(np.int16), 12)
    times = np.tile(np.array([[0, 0.5], [0.5, 2.0]], np.float32), (12, 1))
    np.savez(
        corpus / "voice.npz",
        sound=sound,
        offsets=np.arange(13) * 2 * SAMPLE_RATE,
        labels=np.array(["flite:slt"] * 12),
        times=times,
        phones=np.tile(np.array([SILENCE, AA], np.int8), 12),
        counts=np.full(12, 2),
    )
    make_features(corpus, rows, 2, 1)
    files = sorted(rows.glob("rows_*.npz"))
    assert len(files) == 12
    for path in files:
        with np.load(path) as data:
            assert len(data["mel"]) == len(data["phones"]) == len(data["mouth"]) > 200
            assert data["mel"].shape[1] == 64


@pytest.mark.parametrize("way", WAYS)
def test_held_out_speech_is_said_in_every_way(item, way):
    said = say_otherwise(np.random.default_rng(0), item, way, [item])
    assert np.isfinite(said.sound).all()
    assert not np.array_equal(said.sound[:30_000], item.sound[:30_000])
    assert (said.phones == item.phones).all()


def test_an_unknown_way_is_refused(item):
    with pytest.raises(InputError, match="expected one of child"):
        say_otherwise(np.random.default_rng(0), item, "backwards", [item])
