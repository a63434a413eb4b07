import numpy as np

from opensonic.speech.prosody import measure_prosody


def test_quiet_and_noise_have_no_prosody():
    for level, silence in ((-4.0, 1.0), (0.0, 1.0)):
        curves = measure_prosody(np.full(200, level, np.float32), np.full(200, silence, np.float32))
        for curve in curves:
            assert np.abs(curve).max() < 1e-6


def test_the_louder_syllable_is_stressed():
    level = np.full(300, -1.5, np.float32)
    level[60:80] = level[200:220] = -1.0
    level[130:150] = 0.1
    loudness, stress, speaking = measure_prosody(level, np.zeros(300, np.float32))
    assert abs(int(stress.argmax()) - 140) < 8
    assert stress[140] > 2 * stress[70] > 0
    assert loudness[140] > loudness[70] > loudness[10]
    np.testing.assert_allclose(speaking, 1)
    for curve in (loudness, stress, speaking):
        assert curve.min() >= 0
        assert curve.max() <= 1
