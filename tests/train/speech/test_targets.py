import numpy as np

from opensonic.speech.phones import PHONE_INDEX, PHONES
from opensonic.train.speech.targets import (
    SHAPES,
    TARGETS,
    MouthTable,
    label_rows,
    mouth_targets,
    pull_rows,
    relabel_rows,
)

APERTURE, WIDTH, CLOSURE = (TARGETS.index(name) for name in ("aperture", "width", "closure"))


def spoken(names, length=0.1):
    phones = np.array([PHONE_INDEX[name] for name in names.split()])
    ends = length * np.arange(1, len(phones) + 1)
    return np.stack([ends - length, ends], 1).astype(np.float32), phones


def test_every_phone_has_a_shape():
    assert SHAPES.shape == (len(PHONES), 4)


def test_labels_follow_the_times_and_the_rest_is_silence():
    labels = label_rows(*spoken("aa m"), 30)
    assert [PHONES[label] for label in labels[[5, 15, 25]]] == ["aa", "m", "sil"]


def test_lips_close_on_bilabials_and_open_on_vowels():
    mouth = mouth_targets(*spoken("sil aa m aa b iy sil"), 70, MouthTable(lead_s=0))
    assert mouth[12:16, APERTURE].min() > 0.7
    assert mouth[25, APERTURE] < 0.05 < 0.2 < mouth[55, APERTURE]
    assert mouth[25, CLOSURE] == 1
    assert mouth[13, CLOSURE] < 0.01


def test_rounding_begins_before_the_vowel():
    mouth = mouth_targets(*spoken("sil s t uw t s sil"), 70, MouthTable(lead_s=0))
    assert mouth[25, WIDTH] < -0.3
    assert mouth[25, WIDTH] < mouth[45, WIDTH]


def test_the_mouth_leads_by_what_the_table_says():
    early = mouth_targets(*spoken("sil aa m aa sil"), 50, MouthTable(lead_s=0.05))
    late = mouth_targets(*spoken("sil aa m aa sil"), 50, MouthTable(lead_s=0.0))
    np.testing.assert_allclose(early[:40, CLOSURE], late[5:45, CLOSURE], atol=1e-6)


def test_pulls_share_out_one():
    for pull in pull_rows(*spoken("sil aa m"), 40, 0.0):
        np.testing.assert_allclose(pull.sum(1), 1, atol=1e-6)


def test_relabelling_gives_what_labelling_gave():
    names = " ".join(["sil aa m iy s uw b ah"] * 20)
    times, phones = spoken(names, 0.08)
    n_rows = round(100 * float(times[-1, 1]))
    direct = mouth_targets(times, phones, n_rows)
    again = relabel_rows(label_rows(times, phones, n_rows), MouthTable())
    np.testing.assert_allclose(again, direct, atol=2e-3)
