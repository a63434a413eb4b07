import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="training needs opensonic[train]")

from opensonic.speech.ipa import read_ipa
from opensonic.speech.phones import PHONES
from opensonic.train.speech import synthesis
from opensonic.train.speech.alphabets import read_festival, spread_segments
from opensonic.train.speech.corpus import CorpusPlan, make_corpus, read_corpus
from opensonic.train.speech.sentences import languages, make_sentence
from opensonic.train.speech.voices import draw_espeak_voice, festival_voices, is_held_out


def test_at_least_twenty_languages_and_every_voice_has_text():
    rng = random.Random(0)
    voices = [draw_espeak_voice(rng) for _ in range(500)] + festival_voices()
    assert len({voice.language for voice in voices}) >= 20
    for voice in voices:
        assert voice.language in languages()
        assert len(make_sentence(rng, voice.language)) > 3


def test_held_out_voices():
    assert is_held_out("flite:rms")
    assert is_held_out("espeak:de+f3")
    assert is_held_out("festival:czech_machac")
    assert not is_held_out("flite:slt")
    assert not is_held_out("espeak:de+f31")


@pytest.mark.parametrize(
    ("symbol", "alphabet", "phones"),
    [
        ("ay", "cmu", ["aa", "ih"]),
        ("pau", "cmu", []),
        ("dZ", "sampa", ["d", "zh"]),
        ("o1", "sampa", ["ow"]),
        ("i:", "sampa", ["iy"]),
        ("@", "finnish", ["ae"]),
        ("@", "sampa", ["ax"]),
        ("ax", "catalan", ["ax"]),
        ("sch", "russian", ["sh"]),
        ("pp", "russian", ["p"]),
    ],
)
def test_festival_alphabets(symbol, alphabet, phones):
    assert read_festival(symbol, alphabet) == phones


def test_ipa():
    assert read_ipa("oʊ") == ["ow", "uh"]
    assert read_ipa("ɥ") == ["w"]
    assert read_ipa("_") == []


def test_segments_are_gapless_and_diphthongs_split():
    segments = spread_segments([(0.1, 0.3, ["aa", "ih"]), (0.3, 0.4, []), (0.5, 0.6, ["t", "sh"])])
    assert [phone for *_, phone in segments] == ["sil", "aa", "ih", "sil", "t", "sh"]
    ends = [end for _, end, _ in segments]
    np.testing.assert_allclose([start for start, *_ in segments[1:]], ends[:-1])
    np.testing.assert_allclose(ends, [0.1, 0.21, 0.3, 0.5, 0.545, 0.6])


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_worker_speaks_with_exact_times():
    request = {"voice": "en-us", "text": "a big map", "rate": 150, "pitch": 50, "range": 50}
    answer = subprocess.run(
        [sys.executable, str(Path(synthesis.__file__).with_name("espeak_worker.py"))],
        input=(json.dumps(request) + "\n").encode(),
        capture_output=True,
        check=True,
    ).stdout
    head, _, sound = answer.partition(b"\n")
    facts = json.loads(head)
    assert len(sound) == 2 * facts["n_samples"] > 8000
    spoken = [phone for _, symbol in facts["phones"] for phone in read_ipa(symbol)]
    assert spoken[1:] == ["b", "ih", "g", "m", "ae", "p"]
    starts = [first for first, _ in facts["phones"]]
    assert starts == sorted(starts)


@pytest.mark.skipif(
    not all(map(shutil.which, ("espeak-ng", "flite"))), reason="synthesisers are not installed"
)
def test_the_corpus_is_the_same_again(tmp_path):
    for folder in ("one", "two"):
        make_corpus(tmp_path / folder, CorpusPlan(espeak_s=10, flite_s=5, festival_s=0, seed=3))
    pairs = list(zip(read_corpus(tmp_path / "one"), read_corpus(tmp_path / "two"), strict=True))
    assert {a.label.split(":")[0] for a, _ in pairs} >= {"espeak", "flite"}
    for a, b in pairs:
        assert a.label == b.label
        np.testing.assert_array_equal(a.sound, b.sound)
        np.testing.assert_array_equal(a.phones, b.phones)
        assert abs(a.times[-1, 1] - len(a.sound) / 16_000) < 0.3
        assert set(a.phones) <= set(range(len(PHONES)))
