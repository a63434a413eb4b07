"""Phone alphabets of the synthesisers, mapped to the 40 classes of `speech.phones`.

espeak-ng speaks IPA; the festival and flite voices speak CMU, SAMPA-like or their own alphabets.
"""

from __future__ import annotations

from opensonic.speech.phones import VOWELS

Segment = tuple[float, float, str]
"""Start in s, end in s, class of `speech.phones`."""


def _read_pairs(table: str) -> dict[str, str]:
    return {name: value for name, _, value in (entry.partition("=") for entry in table.split())}


_SAMPA_GROUPS = _read_pairs(
    """
    iy=i ih=I ey=e eh=E& ae={ aa=aA ah=6V ax=@ er=3 ao=QO0 ow=o7 uh=U uw=u} ix=M1 uy=yY oe=289
    p=p b=bB m=mF f=f v=v th=T dh=D t=t d=d n=nJ s=s z=z sh=SC zh=Z l=lL5 rr=r4 h=RXxhH g=gG j=j
    w=wW k=kqc?K ng=N
    """
)
_SAMPA = {symbol: phone for phone, symbols in _SAMPA_GROUPS.items() for symbol in symbols}

_CMU_DIPHTHONGS = _read_pairs(
    """
    ey=ey+iy ow=ow+uh ay=aa+ih aw=aa+uh oy=ao+ih ch=t+sh jh=d+zh
    """
)
_CMU_SINGLE = _read_pairs(
    """
    ix=ih axr=er em=m dx=rr en=n el=l y=j hh=h hv=h nx=n
    """
)
_RUSSIAN = _read_pairs(
    """
    a=aa aa=aa ay=ax ae=ax e=eh ee=eh i=ih ii=iy o=ao oo=ao u=uw uu=uw ur=uh y=ix yy=ix yj=ix
    sh=sh sch=sh zh=zh h=h hh=h j=j r=rr rr=rr v=v vv=v
    """
)
_PAUSES = frozenset(("pau", "#", "_", "sil", "H#", "h#", ""))
_SAMPA_MARKS = ("_h", "_~", "~", ":", "'", '"', "%", "/", "\\", "=", "`", "^", "_")


def _read_sampa(symbol: str) -> list[str]:
    for mark in _SAMPA_MARKS:
        symbol = symbol.replace(mark, "")
    symbol = symbol[:1] + symbol[1:].translate({ord(digit): None for digit in "0123456789"})
    phones: list[str] = []
    for sign in symbol:
        phone = _SAMPA.get(sign)
        if phone and (not phones or phones[-1] != phone):
            phones.append(phone)
    return phones


def _read_cmu(symbol: str) -> list[str]:
    if symbol in _CMU_DIPHTHONGS:
        return _CMU_DIPHTHONGS[symbol].split("+")
    phone = _CMU_SINGLE.get(symbol, symbol)
    return [phone]


def _read_russian(symbol: str) -> list[str]:
    if symbol in {"c", "ch"}:
        return ["t", "s" if symbol == "c" else "sh"]
    if symbol in _RUSSIAN:
        return [_RUSSIAN[symbol]]
    return [_RUSSIAN.get(symbol[0], symbol[0])]


def read_festival(symbol: str, alphabet: str) -> list[str]:
    """Map one phone of a festival or flite voice to classes; an empty list is a pause.

    Args:
        symbol: The phone as the voice writes it.
        alphabet: `cmu`, `russian`, `finnish`, `catalan` or `sampa`.
    """
    if symbol in _PAUSES:
        return []
    if alphabet == "cmu":
        return _read_cmu(symbol)
    if alphabet == "russian":
        return _read_russian(symbol)
    if alphabet == "finnish" and symbol.startswith("@"):
        return ["ae"]
    if alphabet == "catalan" and symbol.startswith("ax"):
        return ["ax"]
    return _read_sampa("tS" if symbol == "ch" else symbol)


def spread_segments(parts: list[tuple[float, float, list[str]]]) -> list[Segment]:
    """Turn timed groups of classes into a gapless list of single classes.

    Diphthongs are split 55:45, affricates 45:55, longer groups evenly; gaps and empty groups are
    silence, and neighbouring silences are joined.

    Args:
        parts: Start in s, end in s and classes of each group, in order of time.
    """
    segments: list[Segment] = []

    def append(start: float, end: float, phone: str) -> None:
        if phone == "sil" and segments and segments[-1][2] == "sil":
            segments[-1] = (segments[-1][0], end, phone)
        elif end > start:
            segments.append((start, end, phone))

    clock = 0.0
    for start, end, phones in parts:
        if start > clock + 1e-4:
            append(clock, start, "sil")
        group = phones or ["sil"]
        shares = [1 / len(group)] * len(group)
        if len(group) == 2:
            shares = [0.55, 0.45] if group[0] in VOWELS else [0.45, 0.55]
        cursor = start
        for phone, share in zip(group, shares, strict=True):
            append(cursor, cursor + share * (end - start), phone)
            cursor += share * (end - start)
        clock = end
    return segments
