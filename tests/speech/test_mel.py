import numpy as np
import pytest

from opensonic.speech.mel import N_MELS, QUIETEST, level_rows, log_mel


def noise(n_samples, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


def parts(sound, length):
    return (sound[start : start + length] for start in range(0, len(sound), length))


def whole(sound, length=100_000):
    return np.concatenate(list(level_rows(log_mel(parts(sound, length)))))


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 800, 16_000, 16_001])
def test_one_row_for_every_started_hundredth_of_a_second(n_samples):
    assert len(whole(noise(n_samples))) == -(-n_samples // 160)


@pytest.mark.parametrize("length", [1000, 16_000, 44_111])
def test_length_of_the_parts_does_not_matter(length):
    sound = noise(50_333)
    np.testing.assert_array_equal(whole(sound), whole(sound, length))


def test_a_tone_is_loudest_in_its_band_and_at_its_time():
    sound = np.zeros(16_000, np.float32)
    sound[8000:8800] = np.sin(2 * np.pi * 1000 * np.arange(800) / 16_000)
    mel = np.concatenate(list(log_mel([sound])))
    row, band = np.unravel_index(mel.argmax(), mel.shape)
    assert 50 <= row <= 54
    mels = np.linspace(2595 * np.log10(1 + 40 / 700), 2595 * np.log10(1 + 7800 / 700), N_MELS + 2)
    centre = 700 * (10 ** (mels[band + 1] / 2595) - 1)
    assert abs(centre - 1000) < 60


@pytest.mark.parametrize("gain", [0.01, 0.1, 3.0])
def test_level_is_taken_away(gain):
    sound = noise(48_000) * np.repeat([1, 0.01, 1], 16_000).astype(np.float32)
    np.testing.assert_allclose(
        whole(sound * np.float32(gain))[:, :N_MELS], whole(sound)[:, :N_MELS], atol=0.02
    )


def test_level_runs_along_and_never_looks_further_than_its_bound():
    sound = noise(64_000)
    louder = sound.copy()
    louder[48_000:] *= 10
    unseen = 300 - 57 - 2
    np.testing.assert_array_equal(whole(sound)[:unseen], whole(louder)[:unseen])
    assert np.abs(whole(sound)[290] - whole(louder)[290]).max() > 0.1


def test_digital_silence_is_quiet():
    np.testing.assert_array_equal(whole(np.zeros(20_000, np.float32))[:, :N_MELS], QUIETEST)


def test_a_long_pause_is_not_blown_up():
    sound = np.concatenate([noise(32_000), noise(400_000, 1e-4)])
    assert whole(sound)[-50:, :N_MELS].mean() < -1.2
