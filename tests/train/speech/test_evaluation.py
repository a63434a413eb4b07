import numpy as np
import pytest

pytest.importorskip("scipy", reason="training needs opensonic[train]")

from opensonic.errors import InputError
from opensonic.speech.phones import PHONE_INDEX
from opensonic.train.speech.corpus import Labelled
from opensonic.train.speech.evaluate import (
    make_quiet_sounds,
    measure_open,
    read_clips,
    read_kept_aside,
)
from opensonic.train.speech.heldout import (
    add_noise,
    make_steady_noise,
    name_voice,
    speak_held_out,
)
from opensonic.train.speech.scores import (
    _meeting_offsets,
    measure_pauses,
    measure_voices,
)


@pytest.fixture(scope="module")
def spoken():
    """Half silence, half a tone that is labelled as speech."""
    sound = np.zeros(32_000, np.float32)
    sound[16_000:] = 0.5 * np.sin(np.arange(16_000) / 5)
    times = np.array([(0, 1), (1, 2)], np.float32)
    return Labelled("flite:rms", sound, times, np.array([PHONE_INDEX["sil"], PHONE_INDEX["aa"]]))


@pytest.mark.parametrize("kind", ["white", "pink", "babble"])
def test_noise_lies_below_the_active_speech_level(spoken, kind):
    noisy = add_noise(np.random.default_rng(0), spoken, kind, 13, [spoken])
    noise = noisy - spoken.sound
    ratio = np.mean(spoken.sound[16_000:] ** 2) / np.mean(noise**2)
    assert 10 * np.log10(ratio) == pytest.approx(13, abs=0.1)


def test_an_unknown_noise_is_refused():
    with pytest.raises(InputError, match="expected white, pink or room"):
        make_steady_noise(np.random.default_rng(0), "green", 100)


def test_voices_and_their_sum(spoken):
    results = measure_voices([spoken, spoken])
    assert set(results) == {"all", "flite:rms"}
    assert results["all"].rows == 400
    assert results["all"].right_phones <= results["all"].right_visemes
    assert results["all"].certain.true == 0


def test_the_pauses_of_joined_speech_are_found(spoken):
    pauses = measure_pauses([spoken])["all"]
    assert pauses.frames == 19 + 14  # whose middles lie inside 1 s and 0.8 s less 0.1 s either way
    assert 0 <= pauses.wide <= pauses.open <= pauses.frames


def test_offsets_of_closures():
    true, found = np.array([[1.0, 1.1]]), np.array([[1.02, 1.14], [3, 3.1], [0.9, 1.2]])
    assert _meeting_offsets(true, found) == (pytest.approx(0.03),)


def test_names_of_voices():
    assert name_voice("espeak:de+f3") == "espeak-ng +f3"
    assert name_voice("flite:rms") == "flite:rms"


def test_voices_speak_here_where_their_program_is(require_flite):
    items = speak_held_out(1, ["flite"])
    assert {item.label for item in items} == {"flite:rms"}
    assert sum(len(item.sound) for item in items) >= 16_000


@pytest.fixture
def require_flite():
    import shutil

    if not shutil.which("flite"):
        pytest.skip("flite is not installed")


def test_silence_is_silent():
    sounds = make_quiet_sounds()
    assert measure_open(sounds["digital silence"], (-20,)) == [0.0]
    for name, sound in sounds.items():
        assert sound.dtype == np.float32
        assert np.mean(sound**2) == pytest.approx(0 if "silence" in name else 1, abs=0.01)


def test_true_clips(shared):
    folder = shared / "clips"
    if not (folder / "tracks.npz").is_file():
        pytest.skip("../shared/clips is not there")
    clip = next(clip for clip in read_clips(folder) if clip.name == "grid_woman_3s")
    assert len(clip.gap) == len(clip.width) == 75
    assert clip.fps == 25
    assert 0.05 < np.quantile(clip.gap, 0.9) < 0.2


def test_tracks_kept_aside(shared):
    folder = shared / "speech" / "grid"
    if not (folder / "tracks.npz").is_file():
        pytest.skip("../shared/speech/grid is not there")
    clips = read_kept_aside(folder)
    assert sum(clip.speaker == "s1" for clip in clips) == 100
    assert len({clip.speaker for clip in clips}) == 6
    assert all(clip.path.is_file() for clip in clips)
