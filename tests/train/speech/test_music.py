import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mido", reason="training needs opensonic[train]")

import mido

from opensonic.errors import InputError
from opensonic.train.speech import music
from opensonic.train.speech.composition import (
    FASTEST_BPM,
    SLOWEST_BPM,
    VOICE_LIKE,
    compose_piece,
    write_score,
)
from opensonic.train.speech.music import make_music_bank, read_music


def _soundfont_is_there():
    return any(
        (folder / name).is_file()
        for folder in music._SOUNDFONT_FOLDERS
        for name in music._SOUNDFONT_NAMES
    )


needs_fluidsynth = pytest.mark.skipif(
    not (shutil.which("fluidsynth") and _soundfont_is_there()),
    reason="fluidsynth or its soundfont is not installed",
)


@pytest.fixture(scope="module")
def score():
    return write_score(random.Random(4), 1500)


def test_no_instrument_sounds_like_a_voice(score):
    programs = Counter(
        message.program
        for message in score.tracks[0]
        if message.type == "program_change" and message.channel != 9
    )
    assert len(programs) > 60
    assert not programs.keys() & {52, 53, 54, 85, 91, 121}
    assert {52, 53, 54, 85, 91, 121} == VOICE_LIKE


def test_every_piece_has_its_own_tempo(score):
    tempos = [mido.tempo2bpm(m.tempo) for m in score.tracks[0] if m.type == "set_tempo"]
    assert len(set(tempos)) == len(tempos) >= 1500 / 20.5
    assert SLOWEST_BPM - 0.01 <= min(tempos) < max(tempos) <= FASTEST_BPM + 0.01
    assert max(tempos) - min(tempos) > 50


@pytest.mark.parametrize("seconds", [1, 30, 200])
def test_a_score_is_as_long_as_asked_and_at_most_a_piece_longer(seconds):
    assert seconds <= write_score(random.Random(2), seconds).length < seconds + 20.6


def test_every_note_ends_with_its_piece():
    for seed in range(40):
        piece = compose_piece(random.Random(seed), 10)
        assert piece.length * piece.tempo / 480 / 1e6 == pytest.approx(10, abs=0.01)
        sounding = Counter()
        for message in piece.messages:
            assert 0 <= message.time <= piece.length
            if message.type in {"note_on", "note_off"}:
                assert 24 <= message.note <= 105
                place = message.channel, message.note
                sounding[place] += 1 if message.type == "note_on" else -1
        assert sounding
        assert set(sounding.values()) == {0}


def test_a_score_is_the_same_again(tmp_path):
    for name, seed in (("one", 3), ("two", 3), ("other", 5)):
        write_score(random.Random(seed), 40).save(tmp_path / name)
    one, two, other = ((tmp_path / name).read_bytes() for name in ("one", "two", "other"))
    assert one == two != other


@needs_fluidsynth
def test_the_bank_is_music_throughout_and_the_same_again(tmp_path):
    paths = tmp_path / "deep" / "one.npz", tmp_path / "two.npz"
    for path in paths:
        make_music_bank(path, 20, 1)
    sound, again = map(read_music, paths)
    assert sound.dtype == np.int16
    assert sound.shape == (20 * 16_000,)
    assert np.abs(sound.astype(int)).max() == 32_000
    np.testing.assert_array_equal(sound, again)
    frames = sound.reshape(-1, 1600) / 32768
    assert (np.sqrt((frames**2).mean(axis=1)) < 10 ** (-50 / 20)).mean() < 0.15


def test_a_bank_that_is_there_is_kept(tmp_path):
    path = tmp_path / "music.npz"
    np.savez(path, sound=np.arange(5, dtype=np.int16))
    make_music_bank(path, 40, 1)
    np.testing.assert_array_equal(read_music(path), np.arange(5))
    make_music_bank(tmp_path / "none.npz", 0, 1)
    assert not (tmp_path / "none.npz").exists()


def test_what_is_missing_is_told(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="run the step `music` first"):
        read_music(tmp_path / "music.npz")
    monkeypatch.setattr(music.shutil, "which", lambda _: None)
    with pytest.raises(InputError, match="apt-get install fluidsynth fluidr3mono-gm-soundfont"):
        make_music_bank(tmp_path / "music.npz", 40, 1)
    monkeypatch.setattr(music.shutil, "which", lambda _: "fluidsynth")
    monkeypatch.setattr(music, "_SOUNDFONT_FOLDERS", (Path(tmp_path),))
    with pytest.raises(InputError, match=r"FluidR3Mono_GM\.sf3.*apt-get install fluidsynth"):
        make_music_bank(tmp_path / "music.npz", 40, 1)
