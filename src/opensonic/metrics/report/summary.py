"""The first page of a report on several videos: how many are good, and a table that sorts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from opensonic.metrics.evaluation import Evaluation, Row
from opensonic.metrics.report.blocks import Chapter, pill
from opensonic.metrics.report.drawing import clock
from opensonic.metrics.report.plots import time_range
from opensonic.metrics.report.texts import Texts
from opensonic.metrics.report.verdict import WORST_FIRST, judge
from opensonic.metrics.report.words import figure, name_of, safe

_FIGURES = 5


def summarize(every: Sequence[Evaluation], chapters: Mapping[int, Chapter], texts: Texts) -> str:
    """Give the table of all videos.

    Args:
        every: All evaluations.
        chapters: Those that have details on the page, by their place among all.
        texts: The words.
    """
    counts = Counter(judge(one.rows) for one in every)
    told = " · ".join(
        escape(words.format(n=counts[verdict]))
        for verdict, words in texts.summary_counts
        if counts[verdict]
    )
    rows = _shared_rows(every)
    heads = [texts.column_video, texts.column_verdict, texts.column_length]
    heads += [row.title for row in rows] + [texts.column_moments]
    columns = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{safe(title)}</button></th>'
        for title in heads
    )
    body = "".join(
        _line(place, one, chapters.get(place), rows, texts) for place, one in enumerate(every)
    )
    left_out = ""
    if len(chapters) < len(every):
        left_out = f"<p>{escape(texts.left_out.format(shown=len(chapters)))}</p>"
    title = escape(texts.title_many.format(n=len(every)))
    return (
        f'<section class="card" id="top"><h1>{title}</h1><p class="headline">{told}</p>'
        f'<p class="reading js">{escape(texts.summary_reading)}</p>{left_out}'
        f'<div class="wide"><table class="sortable"><thead><tr>{columns}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></section>"
    )


def _shared_rows(every: Sequence[Evaluation]) -> list[Row]:
    """Choose the figures that the table shows: judged, and known of most videos."""
    known: Counter[str] = Counter()
    titles: dict[str, Row] = {}
    for one in every:
        for row in one.rows:
            if row.verdict and figure(row) is not None:
                known[row.name] += 1
                titles.setdefault(row.name, row)
    return [titles[name] for name in titles if 2 * known[name] > len(every)][:_FIGURES]


def _line(
    place: int,
    evaluation: Evaluation,
    chapter: Chapter | None,
    rows: Sequence[Row],
    texts: Texts,
) -> str:
    name = name_of(evaluation.video)
    if chapter is not None:
        name = f'<a href="#{chapter.key}">{name}</a>'
    verdict = judge(evaluation.rows)
    start, end = time_range(evaluation.curves)
    length = end - start if chapter is None else chapter.length_s
    own = {row.name: row for row in evaluation.rows}
    cells = "".join(_cell(own.get(row.name)) for row in rows)
    return (
        f'<tr><th scope="row" data-sort="{place}">{name}</th>'
        f'<td data-sort="{WORST_FIRST.index(verdict)}">{pill(verdict, texts)}</td>'
        f'<td data-sort="{length:.3f}">{clock(length)}</td>{cells}'
        f'<td data-sort="{len(evaluation.moments)}">{len(evaluation.moments)}</td></tr>'
    )


def _cell(row: Row | None) -> str:
    shown = None if row is None else figure(row)
    if row is None or row.value is None or shown is None:
        return '<td data-sort="">–</td>'
    value = row.value if math.isfinite(row.value) else math.copysign(1e30, row.value)
    return f'<td data-sort="{value:.9g}" class="{row.verdict or "none"}">{safe(shown)}</td>'
