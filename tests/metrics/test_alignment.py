"""Forced alignment on made-up probabilities; transcripts by espeak-ng where it is installed."""

import shutil
import tracemalloc

import numpy as np
import pytest

from opensonic.errors import InputError
from opensonic.media.audio import read_speech
from opensonic.metrics import transcript
from opensonic.metrics.alignment import align_phones
from opensonic.post.sync.heard import HeardLips, hear_lips
from opensonic.speech.phones import PHONE_INDEX, PHONES

WORDS = [["m", "aa"], ["p", "aa"]]
SPOKEN = [("sil", 10), ("m", 8), ("aa", 20), ("p", 6), ("aa", 15), ("sil", 12)]

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"
)


def _heard(spoken, sure=0.9):
    rows = np.full((sum(n for _, n in spoken), 47), (1 - sure) / (len(PHONES) - 1), np.float32)
    start = 0
    for phone, n in spoken:
        rows[start : start + n, PHONE_INDEX[phone]] = sure
        start += n
    return rows


def test_phones_are_found_where_they_are_said():
    found = align_phones(WORDS, _heard(SPOKEN))
    assert [PHONES[phone] for phone in found.phones] == [phone for phone, _ in SPOKEN]
    bounds = np.cumsum([0] + [n for _, n in SPOKEN])
    np.testing.assert_array_equal(found.rows, np.stack([bounds[:-1], bounds[1:]], axis=1))
    assert found.fit == pytest.approx(0.9, abs=1e-3)


def test_silence_between_words_is_found_only_where_there_is_one():
    paused = [*SPOKEN[:3], ("sil", 9), *SPOKEN[3:]]
    found = align_phones(WORDS, _heard(paused))
    assert [PHONES[phone] for phone in found.phones] == [phone for phone, _ in paused]


def test_another_text_does_not_fit():
    found = align_phones([["s", "iy"], ["t", "uw"]], _heard(SPOKEN))
    assert found.fit < 0.02


def test_a_sound_that_is_too_short_gives_none():
    assert align_phones(WORDS, _heard([("m", 5)])) is None


def test_memory_is_a_byte_per_row_and_state():
    words = [["m", "aa"]] * 150
    heard = _heard([("m", 5), ("aa", 5)] * 200)
    n_states = 2 * (1 + 3 * len(words))
    tracemalloc.start()
    try:
        assert align_phones(words, heard) is not None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * len(heard) * n_states


def test_without_espeak_the_labels_say_what_is_missing(monkeypatch):
    monkeypatch.setattr(transcript.shutil, "which", lambda _: None)
    labels = transcript.align_transcript("hello", HeardLips(_heard(SPOKEN)), "en-us")
    assert "espeak-ng, which is not installed" in labels.missing
    assert not len(labels.closures_s)


def test_long_sounds_are_left_alone():
    rows = np.zeros((transcript.MOST_SECONDS * 100 + 1, 47), np.float16)
    assert "up to 300 s" in transcript.align_transcript("hello", HeardLips(rows), "en-us").missing


@needs_espeak
def test_the_right_transcript_fits_and_a_wrong_one_does_not(shared):
    recording = shared / "audio/en_ljspeech_LJ050-0131_7s7.wav"
    heard = hear_lips(read_speech(recording))
    said = "unless a system is established for the frequent formal review of activities thereunder"
    labels = transcript.align_transcript(said + " in this regard", heard, "en-us")
    assert labels.missing == ""
    np.testing.assert_allclose(labels.closures_s[:, 0], [0.82, 1.46, 3.27], atol=0.05)
    wrong = "pumpkins are often peppered by bumbling mummies in the middle of the month of may"
    assert "does not fit" in transcript.align_transcript(wrong, heard, "en-us").missing


@needs_espeak
def test_an_unknown_language_is_refused():
    with pytest.raises(InputError, match="does not know 'xx'"):
        transcript.find_phones("hello", "xx")


def test_transcripts_are_text_or_a_file(tmp_path):
    file = tmp_path / "said.txt"
    file.write_text("Hello there", encoding="utf-8")
    assert transcript.read_transcript(str(file)) == "Hello there"
    assert transcript.read_transcript("Hello") == "Hello"
    for bad in (str(tmp_path / "none.txt"), "  "):
        with pytest.raises(InputError, match="expected"):
            transcript.read_transcript(bad)


@pytest.mark.parametrize("text", ["你好世界" * 30, "x" * 240])
def test_a_text_that_no_file_can_be_called_is_a_text(text):
    assert transcript.read_transcript(text) == text
