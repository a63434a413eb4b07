"""From pictures and sound to LSE-C and LSE-D: a known answer, and the real network."""

import errno
import io

import numpy as np
import pytest

from opensonic.errors import EncodeError
from opensonic.metrics.evaluation import Sight
from opensonic.values import Face, Speech

pytest.importorskip("torch", reason="needs opensonic[evaluate]")
RATE = 16_000
LEVELS = np.random.default_rng(3).permutation(np.arange(400) % 8)


def face_at(x, y, half):
    landmarks = np.zeros((478, 3), np.float32)
    return Face(np.array([x - half, y - half, x + half, y + half], np.float32), landmarks, 1.0)


def sights(levels, fps=25, shot=lambda i: 0, seen=lambda i: True):
    """Pictures that are as bright as the level that they stand for."""
    for i, level in enumerate(levels):
        image = np.full((64, 64, 3), 20 + 25 * level, np.uint8)
        face = face_at(32, 32, 10) if seen(i) else None
        yield Sight((i + 0.5) / fps, image, face, shot(i))


def speech_of(levels):
    """A tone whose level in dB tells the same, 40 ms for each."""
    t = np.arange(len(levels) * 640) / RATE
    loud = 10.0 ** (-2.5 + np.repeat(levels, 640) / 4)
    sound = (loud * 0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    return Speech(
        name="tone",
        sample_rate=RATE,
        layout="mono",
        n_samples=len(sound),
        peak=1.0,
        sound=lambda: iter([sound[None]]),
        blocks=lambda rate: iter(np.array_split(sound, 7)),
    )


class Constructed:
    """Embeddings that are the levels themselves: of five pictures, and of the same 0.2 s heard."""

    def __init__(self):
        self.n_lips = 0

    def embed_lips(self, crops):
        self.n_lips += len(crops)
        assert crops.shape[1:] == (5, 224, 224, 3)
        return ((crops[:, :, 100, 100, 0].astype(np.float32) - 20) / 25).astype(np.float32)

    def embed_sound(self, mfcc):
        assert mfcc.shape[1:] == (20, 13)
        energy = mfcc[:, :, 0].reshape(-1, 5, 4)[:, :, :2].mean(2)  # windows within 40 ms
        return ((energy - self.floor) / (np.log(10) / 2)).astype(np.float32)

    @property
    def floor(self):
        loudest = np.sin(2 * np.pi * 440 * np.arange(400) / RATE) * 0.3 * 32767 * 10**-2.5
        # power of the pre-emphasised tone in one window of 25 ms
        gain = abs(1 - 0.97 * np.exp(-2j * np.pi * 440 / RATE)) ** 2
        return np.log((loudest**2).sum() * gain / 2)


def measure(network, shown, speech, **more):
    from opensonic.metrics.networks.lip_sync import LipSyncObserver

    observer = LipSyncObserver(network)
    for sight in sights(shown, **more):
        observer.look(sight, None)
    return {row.name: row for row in observer.rows(speech, None)}


@pytest.mark.parametrize("late", [-6, -1, 0, 3, 10])
def test_a_planted_lag_is_found_in_pictures_and_sound(late):
    """What is shown at picture i is heard `late` pictures later: above 0 the sound is late."""
    heard = LEVELS[20:320]
    shown = LEVELS[20 + late : 320 + late]
    rows = measure(Constructed(), shown, speech_of(heard))
    assert rows["syncnet_lag"].value == pytest.approx(40 * late)
    assert rows["lse_d"].value < 0.25 * (rows["lse_d"].value + rows["lse_c"].value)
    assert rows["lse_c"].value > 3


def test_another_sound_has_no_confidence():
    rows = measure(Constructed(), LEVELS[:200], speech_of(LEVELS[200:]))
    right = measure(Constructed(), LEVELS[:200], speech_of(LEVELS[:200]))
    assert rows["lse_c"].value < 0.5 * right["lse_c"].value
    assert rows["lse_d"].value > 2 * right["lse_d"].value


def test_any_frame_rate_has_the_same_lag():
    rows = measure(Constructed(), np.repeat(LEVELS[3:203], 2), speech_of(LEVELS[:200]), fps=50)
    assert rows["syncnet_lag"].value == pytest.approx(120)


def test_five_pictures_of_one_track_make_a_look():
    network = Constructed()
    rows = measure(
        network,
        LEVELS[:100],
        speech_of(LEVELS[:100]),
        shot=lambda i: int(i >= 40),
        seen=lambda i: not 70 <= i < 72,
    )
    assert network.n_lips == (40 - 4) + (30 - 4) + (28 - 4)
    assert rows["syncnet_lag"].value == 0
    assert "less than 4 s" in rows["lse_d"].note


def test_what_cannot_be_measured_says_why():
    rows = measure(Constructed(), LEVELS[:100], None)
    assert [row.value for row in rows.values()] == [None] * 3
    assert "no sound" in rows["lse_d"].note
    rows = measure(Constructed(), LEVELS[:100], speech_of(LEVELS), seen=lambda i: i % 10)
    assert rows["lse_d"].value is None
    assert "no face" in rows["lse_d"].note


def test_the_real_network_runs_and_repeats(weights):
    from opensonic.metrics.networks.syncnet import load_syncnet

    network = load_syncnet(weights / "syncnet.safetensors")
    speech = speech_of(LEVELS[:30])
    first, second = (measure(network, LEVELS[:30], speech) for _ in range(2))
    assert first == second
    assert first["lse_d"].value > 0
    assert first["lse_c"].value >= 0
    assert first["lse_d"].note.startswith("1 s of lips")


def test_a_full_disk_is_told(monkeypatch):
    from opensonic.metrics.networks.lip_sync import LipSyncObserver

    class Full(io.BytesIO):
        def write(self, numbers):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", lambda size: Full())
    observer = LipSyncObserver(Constructed())
    with pytest.raises(EncodeError, match=r"No space left.*--no-networks"):
        for sight in sights(LEVELS[:40]):
            observer.look(sight, None)


def test_memory_is_flat_in_length(weights):
    """What is kept of an hour lies on the disk; in memory are a few pictures."""
    from opensonic.metrics.networks.lip_sync import LipSyncObserver

    observer = LipSyncObserver(Constructed())
    for sight in sights(np.tile(LEVELS, 2)):
        observer.look(sight, None)
        assert len(observer._batch) < 16
        assert len(observer._window) <= 5
    assert observer._kept.tell() >= 4 * 5 * 700
    assert len(observer._tracks) == 1
    observer.rows(None, None)
