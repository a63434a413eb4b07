"""The sounds that the speech network tells apart: 40 classes for the languages of its corpus.

The names follow ARPAbet where ARPAbet has one; `uy` and `oe` are the rounded front vowels, `ix` the
unrounded back and central ones, `rr` the tapped and trilled r.
"""

from __future__ import annotations

VOWELS = (
    *("iy", "ih", "ey", "eh", "ae", "aa", "ah", "ax"),
    *("er", "ao", "ow", "uh", "uw", "uy", "oe", "ix"),
)
"""Vowel classes."""
CONSONANTS = (
    *("p", "b", "m", "f", "v", "th", "dh", "t", "d", "n", "s", "z"),
    *("sh", "zh", "l", "r", "rr", "j", "w", "k", "g", "ng", "h"),
)
"""Consonant classes."""
PHONES = ("sil", *VOWELS, *CONSONANTS)
"""Every class in the order of the network's phone outputs."""
PHONE_INDEX = {phone: column for column, phone in enumerate(PHONES)}
"""Column of each class."""
SILENCE = PHONE_INDEX["sil"]
"""Column of silence."""
