"""The voices of the corpus, how often each speaks, and which are kept for measuring only.

All come from Debian's section main. MBROLA's voices are left out: the licence of their data bases
("use with and only with MBROLA") does not say whether weights made from their sound may be given
away. So are `rab` and `el`, which are not in main.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """One voice of one synthesiser.

    Attributes:
        program: `espeak`, `flite` or `festival`.
        name: What the program calls the voice.
        language: Key of the text generator.
        alphabet: Phone alphabet, see `alphabets`.
        share: Weight among the voices of the same program.
        encoding: What the program expects its text in.
    """

    program: str
    name: str
    language: str
    alphabet: str
    share: float
    encoding: str = "utf-8"

    @property
    def label(self) -> str:
        """Program and name in one word."""
        return f"{self.program}:{self.name}"


_ESPEAK_LANGUAGES = """
    en-us=en=6 en=en=4 cmn-latn-pinyin=zh=12 de=de=1.5 fr-fr=fr=1.5 es=es=1.5 it=it=1
    pt-br=pt=1 pl=pl=1 ru=ru=1.5 nl=nl=1 sv=sv=1 fi=fi=1 hu=hu=1 tr=tr=1 ja=ja=1.5 hi=hi=1
    el=el=1 ro=ro=1 cs=cs=1 id=id=1 hr=hr=0.7 ca=ca=0.5 lt=lt=0.5 et=et=0.5 is=is=0.5
"""
"""Voice, language of the text, share."""
_ESPEAK_VARIANTS = """
    m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 klatt klatt2 klatt4 klatt6 Alex Alicia Andrea Andy
    Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Michael Mike Mr Nguyen adam anika
    announcer antonio aunty belinda benjamin boris caleb croak david ed edward fast grandma
    grandpa gustave iven iven3 john kaukovalta linda marcelo max michel miguel norbert pablo
    paul pedro quincy rob robert sandro shelby steph steph3 travis victor whisper whisperf zac
"""
_FLITE = (("awb", 3), ("rms", 0.8), ("slt", 3), ("kal16", 1.5))
_FESTIVAL = (
    Voice("festival", "cmu_us_slt_arctic_hts", "en", "cmu", 3),
    Voice("festival", "kal_diphone", "en", "cmu", 2),
    Voice("festival", "ked_diphone", "en", "cmu", 2),
    Voice("festival", "msu_ru_nsh_clunits", "ru", "russian", 4),
    Voice("festival", "czech_dita", "cs", "sampa", 1.5, "iso-8859-2"),
    Voice("festival", "czech_krb", "cs", "sampa", 1.5, "iso-8859-2"),
    Voice("festival", "czech_machac", "cs", "sampa", 1, "iso-8859-2"),
    Voice("festival", "czech_ph", "cs", "sampa", 1.5, "iso-8859-2"),
    Voice("festival", "lp_diphone", "it", "sampa", 1.5, "latin-1"),
    Voice("festival", "pc_diphone", "it", "sampa", 1, "latin-1"),
    Voice("festival", "suo_fi_lj_diphone", "fi", "finnish", 1.5, "latin-1"),
    Voice("festival", "hy_fi_mv_diphone", "fi", "finnish", 1.5, "latin-1"),
    Voice("festival", "upc_ca_ona_hts", "ca", "catalan", 2.5, "latin-1"),
)
_HELD_OUT = ("flite:rms", "czech_machac", "pc_diphone", "+f3", "+m6")


def is_held_out(label: str) -> bool:
    """Tell whether a voice is kept out of training, for measuring."""
    return any(label.endswith(part) for part in _HELD_OUT)


def flite_voices() -> list[Voice]:
    """List the English voices of flite."""
    return [Voice("flite", name, "en", "cmu", share) for name, share in _FLITE]


def festival_voices() -> list[Voice]:
    """List the voices of festival."""
    return list(_FESTIVAL)


def draw_espeak_voice(rng: random.Random) -> Voice:
    """Draw one of the languages and variants of espeak-ng (26 x 78)."""
    entries = [entry.split("=") for entry in _ESPEAK_LANGUAGES.split()]
    name, language, _ = rng.choices(entries, [float(entry[2]) for entry in entries])[0]
    variant = rng.choice(("", *(f"+{variant}" for variant in _ESPEAK_VARIANTS.split())))
    return Voice("espeak", name + variant, language, "ipa", 1)
