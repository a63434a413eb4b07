"""What a report says in plain words: the verdict of a video and the reasons for it."""

from __future__ import annotations

from collections.abc import Iterable

from opensonic.metrics.evaluation import Evaluation, Row, Verdict
from opensonic.metrics.report.plots import GOOD_LAG_MS
from opensonic.metrics.report.texts import Texts
from opensonic.metrics.report.words import figure
from opensonic.post.sync.lag import Sync

WORST_FIRST: tuple[Verdict, ...] = ("poor", "fair", "", "good")
"""The order in which videos are listed."""


_UNSURE = frozenset({"closure_recall_heard", "closure_precision_heard"})
"""Figures that are themselves guesses: they count one grade less against a video."""
_MILDER: dict[Verdict, Verdict] = {"poor": "fair", "fair": "good", "good": "good", "": ""}


def judge(rows: Iterable[Row]) -> Verdict:
    """Give the verdict of a whole video: the weakest of its figures decides."""
    known = [row for row in rows if row.value is not None]
    given = {_MILDER[row.verdict] if row.name in _UNSURE else row.verdict for row in known}
    judged: tuple[Verdict, ...] = ("poor", "fair", "good")
    return next((verdict for verdict in judged if verdict in given), "")


def tell(evaluation: Evaluation, texts: Texts) -> tuple[list[str], list[Row]]:
    """Tell in words what was found.

    Args:
        evaluation: What was measured.
        texts: The words.

    Returns:
        Sentences, not escaped; and the rows that are not good: worst first, guesses
        last.
    """
    sentences = [_tell_lag(evaluation.sync, texts)]
    n_moments = len(evaluation.moments)
    if n_moments > 1:
        sentences.append(texts.moments_some.format(n=n_moments))
    elif n_moments:
        sentences.append(texts.moments_one)
    elif any(row.value is not None for row in evaluation.rows):
        sentences.append(texts.moments_none)
    weak = [row for row in evaluation.rows if row.value is not None]
    weak = [row for row in weak if row.verdict in ("poor", "fair")]
    weak.sort(key=lambda row: (row.name in _UNSURE, row.verdict != "poor"))
    return sentences, weak


def tell_row(row: Row, texts: Texts) -> str:
    """Write a row as one line: its title, value and what would be good; not escaped."""
    words = {"title": row.title, "value": figure(row) or texts.not_measured, "good": row.good}
    return (texts.finding_good if row.good else texts.finding).format(**words)


def _tell_lag(sync: Sync | None, texts: Texts) -> str:
    if sync is None:
        return texts.lag_unknown
    if not sync.clear:
        return texts.lag_unclear.format(confidence=round(100 * sync.confidence))
    ms, (early, late) = round(1000 * sync.lag_s), GOOD_LAG_MS
    if early <= ms <= late:
        return texts.lag_fits.format(ms=abs(ms))
    if ms > 0:
        return texts.lag_late.format(ms=ms, limit=f"{late:g}")
    return texts.lag_early.format(ms=-ms, limit=f"{-early:g}")
