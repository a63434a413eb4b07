"""Text for the corpus: small grammars that are rich in p b m f v w and reach every phone.

English has a grammar of its own; the other languages string words from `words.txt`, numbers and
invented words together. Meaning does not matter, only that every sound meets every other.
"""

from __future__ import annotations

import functools
import random
from pathlib import Path

_FOLDER = Path(__file__).parent
_ADVERBS = (
    *("probably", "maybe", "before", "above", "obviously", "slowly", "quickly", "very well"),
    *("again", "tomorrow", "yesterday", "by the bay", "with pleasure", "for five months"),
    *("without warning", "over the moon", "in spring", "at home", "beyond belief"),
)
_DAYS = ("Monday", "Tuesday", "Friday", "November", "February")
_PERSONS = ("I", "you", "we", "they", "my mother", "people", "everybody", "nobody", "somebody")
_NO_NUMBERS = frozenset(("hi", "zh", "ca", "it", "es", "fi"))
_KANA = (
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほ"
    "まみむめもやゆよらりるれろわばびぶべぼぱぴぷぺぽざじずぜぞ"
)


@functools.cache
def _read_words(file: str) -> dict[str, list[str]]:
    lines = (_FOLDER / file).read_text(encoding="utf-8").splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines}


def languages() -> tuple[str, ...]:
    """Name the languages for which there is text, as ISO 639-1 codes."""
    return ("en", *_read_words("words.txt"))


def _make_english(rng: random.Random) -> str:
    words = _read_words("words_en.txt")

    def noun() -> str:
        article = rng.choice(("the", "a", "this", "my", "our", "some", "every", "another"))
        adjective = f" {rng.choice(words['adjective'])}" if rng.random() < 0.5 else ""
        return f"{article}{adjective} {rng.choice(words['noun'])}"

    def verb() -> str:
        return rng.choice(words["verb"])

    kind = rng.randrange(8)
    if kind == 0:
        return f"{noun()} {verb()} {noun()} {rng.choice(_ADVERBS)}."
    if kind == 1:
        return f"{noun()} {verb()} {noun()}, but {noun()} {verb()} {noun()}."
    if kind == 2:
        return f"if {noun()} {verb()} {noun()}, then {noun()} {verb()} {rng.choice(_ADVERBS)}."
    if kind == 3:
        return f"what do you think about {noun()} and {noun()}?"
    if kind == 4:
        return f"{rng.choice(_PERSONS)} don't believe that {noun()} {verb()} {noun()}."
    if kind == 5:
        return f"{rng.randint(2, 9999)} {rng.choice(words['noun'])}s and {noun()}."
    if kind == 6:
        return f"well, we probably have to move {noun()} by {rng.choice(_DAYS)}."
    return " ".join(_invent_word(rng, "en") for _ in range(rng.randint(3, 7)))


def _invent_from_script(rng: random.Random, language: str) -> str | None:
    if language == "ja":
        return "".join(rng.choice(_KANA) for _ in range(rng.randint(2, 5)))
    if language == "hi":
        vowels = ("", "ा", "ि", "ी", "ु", "ू", "े", "ो")
        return "".join(
            rng.choice("पबमफवतदनसलरकगहजच") + rng.choice(vowels) for _ in range(rng.randint(2, 3))
        )
    if language == "zh":
        initial = rng.choice("bpmfdtnlgkh")
        final = rng.choice(
            ("a", "o", "e", "i", "u", "ai", "ei", "ao", "ou", "an", "en", "ang", "ong")
        )
        return f"{initial}{final}{rng.randint(1, 4)}"
    return None


def _invent_word(rng: random.Random, language: str) -> str:
    word = _invent_from_script(rng, language)
    if word is not None:
        return word
    vowels, consonants, codas = list("aeiouao"), list("pbmfvtdnslrkgpbm"), list("nlrsm")
    if language in {"de", "sv", "fi", "hu", "tr", "et"}:
        vowels += ["ö", "ü" if language in {"de", "hu", "tr"} else "y"]
    elif language == "fr":
        vowels += ["ou", "eu", "on", "an", "é", "è"]
    elif language in {"pl", "cs", "hr"}:
        consonants += ["c", "sz", "ż", "j"] if language == "pl" else ["c", "š", "ž", "j"]
    elif language == "ru":
        vowels, consonants, codas = list("аеиоуыюя"), list("пбмфвтднслркгшжхч"), [""]
    elif language == "el":
        vowels, codas = ["α", "ε", "ι", "ο", "ου"], [""]
        consonants = [*"πμφβτδνσλρκγθχ", "μπ"]
    syllables = (
        (rng.choice(consonants) if rng.random() < 0.92 else "")
        + rng.choice(vowels)
        + (rng.choice(codas) if rng.random() < 0.2 else "")
        for _ in range(rng.randint(2, 4))
    )
    return "".join(syllables)


def make_sentence(rng: random.Random, language: str) -> str:
    """Make one sentence of four to ten words.

    Args:
        rng: Source of chance.
        language: One of `languages()`.
    """
    if language == "en":
        return _make_english(rng)
    words = _read_words("words.txt")[language]
    sentence: list[str] = []
    for _ in range(rng.randint(4, 10)):
        kind = rng.random()
        if kind < 0.62:
            word = rng.choice(words)
        elif kind < 0.68 and language not in _NO_NUMBERS:
            word = str(rng.randint(1, 9999))
        else:
            word = _invent_word(rng, language)
        sentence.append(word + ("," if rng.random() < 0.1 else ""))
    return " ".join(sentence)
