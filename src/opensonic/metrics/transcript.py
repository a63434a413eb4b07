"""What is said and when, from a transcript: phones by espeak-ng, times by our own alignment.

espeak-ng (GPL-3) is a program of its own that must be installed; it only turns text into phones.
Where that or the alignment fails, `Labels.missing` says why.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np

from opensonic.errors import InputError
from opensonic.metrics.alignment import Alignment, align_phones
from opensonic.metrics.closures import Spans
from opensonic.metrics.labels import Labels
from opensonic.post.sync.heard import HeardLips
from opensonic.speech.ipa import read_ipa
from opensonic.speech.mel import FRAME_RATE
from opensonic.speech.phones import PHONE_INDEX, SILENCE

MOST_SECONDS = 300
"""Longest sound that is aligned, s: memory grows with its square."""

_PROGRAM = "espeak-ng"
_LEAST_FIT = 0.1
_LABIALS = [PHONE_INDEX[name] for name in ("p", "b", "m")]
_LONGEST_TEXT = 60_000
_LONGEST_PATH = 250
_NO_SPANS = np.empty((0, 2))


def align_transcript(transcript: str, heard: HeardLips, language: str) -> Labels:
    """Find when the closures of a text are said.

    Args:
        transcript: The text, or the path of a text file.
        heard: What the speech network hears.
        language: As espeak-ng calls it, for example "en-us".

    Raises:
        InputError: The file cannot be read, holds no text, or espeak-ng does not know the language.
    """
    text = read_transcript(transcript)
    if len(heard.rows) > MOST_SECONDS * FRAME_RATE:
        return _missing(f"a transcript is aligned up to {MOST_SECONDS} s; give --labels instead")
    words = find_phones(text, language)
    if words is None:
        return _missing("a transcript needs the program espeak-ng, which is not installed")
    if not words:
        return _missing(f"espeak-ng finds no phones in the transcript for language {language!r}")
    found = align_phones(words, heard.rows)
    if found is None:
        return _missing("the sound is too short for the transcript")
    if found.fit < _LEAST_FIT:
        return _missing(f"the transcript does not fit the sound (fit {found.fit:.2f})")
    source = f"transcript, aligned by our network (fit {found.fit:.2f})"
    return Labels(_spans(found, _LABIALS), _spans(found, [SILENCE]), source)


def read_transcript(transcript: str) -> str:
    """Give the text itself, or that of the file whose path is given.

    Raises:
        InputError: The file cannot be read or holds no text.
    """
    text = transcript
    if len(transcript) <= _LONGEST_PATH and _is_path(transcript):
        try:
            text = Path(transcript).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is no text in UTF-8"
            raise InputError(
                f"{transcript}: {reason.lower()}; expected a text file with what is said"
            ) from error
    if not text.strip():
        raise InputError("transcript: is empty; expected what is said, or a .txt file")
    return text


def _is_path(transcript: str) -> bool:
    try:
        return transcript.lower().endswith(".txt") or Path(transcript).is_file()
    except OSError:  # no file can be called so, or none may be looked for there: it is a text
        return False


def find_phones(text: str, language: str) -> list[list[str]] | None:
    """Turn text into phone classes, word by word; None where espeak-ng is not installed.

    Raises:
        InputError: espeak-ng does not know the language.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        return None
    command = [program, "-q", "-v", language, "--ipa", "--sep=_", "--stdin"]
    plain = " ".join(text.split())[:_LONGEST_TEXT]
    done = subprocess.run(command, input=plain.encode(), capture_output=True, check=False)
    if done.returncode:
        raise InputError(
            f"language: espeak-ng does not know {language!r}; "
            "expected one of `espeak-ng --voices`, such as en-us, de, fr-fr or cmn"
        )
    words = []
    for word in re.sub(r"\([a-z-]+\)", " ", done.stdout.decode("utf-8", "replace")).split():
        phones = [phone for symbol in word.split("_") for phone in read_ipa(symbol)]
        if phones:
            words.append(phones)
    return words


def _spans(found: Alignment, phones: list[int]) -> Spans:
    spans = found.rows[np.isin(found.phones, phones)] / FRAME_RATE
    return np.asarray(spans, np.float64).reshape(-1, 2)


def _missing(why: str) -> Labels:
    return Labels(_NO_SPANS, _NO_SPANS, "", why)
