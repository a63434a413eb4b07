"""Labels of what is said, in every format and alphabet, reduced to closures and silence."""

import numpy as np
import pytest

from opensonic.errors import InputError
from opensonic.metrics.labels import read_labels

PHONES = [(0.0, 0.2, ""), (0.2, 0.3, "p"), (0.3, 0.5, "a"), (0.5, 0.6, "m"), (0.6, 0.7, "b")]
CLOSURES = [[0.2, 0.3], [0.5, 0.7]]
SILENCES = [[0.0, 0.2]]

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 0.7
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 0.7
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 0.7
            text = "pump ""2"" it"
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 0.7
        intervals: size = 5
"""
SHORT = """File type = "ooTextFile short"
"TextGrid"

0
0.7
<exists>
1
"IntervalTier"
"phones"
0
0.7
5
"""


def _long(phones):
    parts = [
        f"        intervals [{k}]:\n            xmin = {a}\n            xmax = {b}\n"
        f'            text = "{label}"\n'
        for k, (a, b, label) in enumerate(phones, 1)
    ]
    return LONG + "".join(parts)


def _short(phones):
    return SHORT + "".join(f'{a}\n{b}\n"{label}"\n' for a, b, label in phones)


def _lines(phones, unit, quiet="sil"):
    return "".join(f"{round(a * unit)} {round(b * unit)} {p or quiet}\n" for a, b, p in phones)


def _csv(phones, mark=","):
    rows = "".join(f"{a}{mark}{b}{mark}{label}\n" for a, b, label in phones)
    return f"start{mark}end{mark}phone\n{rows}"


@pytest.mark.parametrize(
    ("name", "text", "coding"),
    [
        ("long.TextGrid", _long(PHONES), "utf-8"),
        ("short.TextGrid", _short(PHONES), "utf-16"),
        ("htk.lab", _lines(PHONES, 1e7), "utf-8"),
        ("timit.phn", _lines(PHONES, 16_000, "h#"), "utf-8"),
        ("table.csv", _csv(PHONES), "utf-8-sig"),
        ("table.tsv", _csv(PHONES, "\t"), "utf-8"),
        ("audacity.txt", _csv(PHONES, "\t").partition("\n")[2], "utf-8"),
    ],
)
def test_formats(tmp_path, name, text, coding):
    path = tmp_path / name
    path.write_text(text, encoding=coding)
    labels = read_labels(path)
    np.testing.assert_allclose(labels.closures_s, CLOSURES, atol=1e-4)
    np.testing.assert_allclose(labels.silences_s, SILENCES, atol=1e-4)
    assert labels.missing == ""
    assert name in labels.source


@pytest.mark.parametrize(
    ("spoken", "labial"),
    [
        (["HH", "AH0", "P", "IY1", "M", "B", "V", "F"], {"P", "M", "B"}),  # ARPABET
        (["hh", "pcl", "p", "ih", "em", "bcl", "dcl", "f"], {"pcl", "p", "em", "bcl"}),  # TIMIT
        (["pʰ", "ɪ", "b̥", "mʲ", "f", "ɱ", "β", "kʷ"], {"pʰ", "b̥", "mʲ"}),  # IPA
        (["p_h", "I", "b", "m", "B", "F", "t_h", "@"], {"p_h", "b", "m"}),  # X-SAMPA
    ],
)
def test_alphabets(tmp_path, spoken, labial):
    path = tmp_path / "a.csv"
    rows = [(k, k + 0.5, label) for k, label in enumerate(spoken)]
    path.write_text("".join(f"{a},{b},{label}\n" for a, b, label in rows), encoding="utf-8")
    starts = read_labels(path).closures_s[:, 0].tolist()
    assert [spoken[int(start)] for start in starts] == [p for p in spoken if p in labial]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("words.csv", "0,1,people\n1,2,something\n2,3,and\n", "words such as 'something'"),
        ("quiet.csv", "0,1,sil\n", "only silence"),
        ("empty.lab", "\n", "holds no label"),
        ("broken.csv", "0,1,p\nx,2,b\n", "line 2 says 'x 2 b'"),
        ("long.csv", '"' + "x" * 200_000, "is no table"),
        ("none.TextGrid", "hello", "no TextGrid"),
        ("backwards.phn", "20 10 p\n", "holds no label"),
    ],
)
def test_refusals_name_the_file_and_what_was_found(tmp_path, name, text, told):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="expected phones with start and end") as error:
        read_labels(path)
    assert told in str(error.value)
    assert name in str(error.value)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_labels(tmp_path / "none.lab")
    (tmp_path / "b.lab").write_bytes(b"\xff\xd8\xff\xe0\x00\x10")
    with pytest.raises(InputError, match="UTF-8"):
        read_labels(tmp_path / "b.lab")
