"""Signs of the International Phonetic Alphabet, mapped to the 40 classes of `speech.phones`."""

from __future__ import annotations

_GROUPS = """
    iy=i ih=ɪᵻ ey=e eh=ɛ ae=æ aa=aɑ ah=ɐʌ ax=əɘ er=ɜɚɝ ao=ɒɔ ow=oɤ uh=ʊ uw=uʉ ix=ɯɨ uy=yʏ oe=øœɵ
    p=p b=b m=mɱ f=fɸ v=vʋβ th=θ dh=ð t=tʈ d=dɖ n=nɲɳ s=s z=z sh=ʃɕʂç zh=ʒʑʐ l=lɫʎɭɬ rr=rɾ r=ɹɻ
    h=ʀʁχxhħɦʕ j=jʝ w=wɥʍ k=kqcʔ g=gɡɣɟ ng=ŋɴ
    """
_CLASS = {
    sign: phone
    for phone, _, signs in (entry.partition("=") for entry in _GROUPS.split())
    for sign in signs
}


def read_ipa(symbol: str) -> list[str]:
    """Map one IPA phone of espeak-ng to classes; an empty list is a pause or an unknown sign."""
    if symbol in {"_", "(en)"}:
        return []
    return [_CLASS[sign] for sign in symbol if sign in _CLASS]
