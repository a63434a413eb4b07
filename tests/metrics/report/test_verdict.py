from dataclasses import replace

import pytest

from opensonic.metrics.evaluation import Row
from opensonic.metrics.report.texts import ENGLISH
from opensonic.metrics.report.verdict import judge, tell, tell_row
from opensonic.metrics.report.words import marked
from opensonic.post.sync.lag import Sync


def rows(*verdicts, name="lag"):
    return [Row(name, "T", 1.0, verdict=verdict) for verdict in verdicts]


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (rows("good", "", "fair", "poor"), "poor"),
        (rows("good", "fair"), "fair"),
        (rows("good", ""), "good"),
        (rows(""), ""),
        ([], ""),
        ([Row("lag", "T", None, verdict="poor")], ""),
        (rows("good") + rows("poor", name="closure_precision_heard"), "fair"),
        (rows("good") + rows("fair", name="closure_recall_heard"), "good"),
    ],
)
def test_the_weakest_figure_decides(given, verdict):
    assert judge(given) == verdict


@pytest.mark.parametrize(
    ("sync", "words"),
    [
        (Sync(0.0124, 0.004, 0.97), "they are 12 ms apart"),
        (Sync(0.0624, 0.004, 0.97), "The sound comes 62 ms after the lips; up to 60 ms"),
        (Sync(-0.05, 0.004, 0.97), "The sound comes 50 ms before the lips; up to 40 ms"),
        (Sync(0.3, 0.004, 0.31), "could not be matched with certainty (confidence 31 %)"),
        (None, "could not be measured"),
    ],
)
def test_the_lag_is_told_in_words(evaluation, sync, words):
    sentences, _ = tell(replace(evaluation(), sync=sync), ENGLISH)
    assert words in sentences[0]


def test_what_is_weak_is_told_worst_first(evaluation):
    _, weak = tell(evaluation(rows=rows("fair", "good", "poor", "")), ENGLISH)
    assert [row.verdict for row in weak] == ["poor", "fair"]
    guess = rows("poor", name="closure_recall_heard")
    _, weak = tell(evaluation(rows=guess + rows("fair")), ENGLISH)
    assert [row.name for row in weak] == ["lag", "closure_recall_heard"]


def test_code_in_notes_is_code():
    assert marked("run `opensonic smooth` <b>") == "run <code>opensonic smooth</code> &lt;b&gt;"


def test_a_row_in_one_line():
    assert tell_row(Row("a", "Blinks", 3.0, "per min", good="6 to 40"), ENGLISH) == (
        "Blinks: 3\u202fper min; good: 6 to 40"
    )
    assert tell_row(Row("a", "Blinks", 3.0), ENGLISH) == "Blinks: 3"
