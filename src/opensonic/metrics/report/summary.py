"""The first page of a report on several videos: how many are good, and a table that sorts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from opensonic.metrics.batch import Failure
from opensonic.metrics.evaluation import Evaluation, Row
from opensonic.metrics.report.axis import clock
from opensonic.metrics.report.blocks import Chapter, pill
from opensonic.metrics.report.plots import time_range
from opensonic.metrics.report.texts import Texts
from opensonic.metrics.report.verdict import WORST_FIRST, judge
from opensonic.metrics.report.words import figure, mark_name, safe

_FIGURES = 5


def summarize(
    every: Sequence[Evaluation],
    names: Sequence[str],
    chapters: Mapping[int, Chapter],
    failures: Sequence[Failure],
    texts: Texts,
) -> str:
    """Give the table of all videos.

    Args:
        every: All evaluations.
        names: What people call each.
        chapters: Those that have details on the page, by their place among all.
        failures: Videos that could not be measured.
        texts: The words.
    """
    rows = _telling_rows(every)
    heads = [texts.column_video, texts.column_verdict, texts.column_length]
    heads += [row.title for row in rows] + [texts.column_moments]
    columns = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{safe(title)}</button></th>'
        for title in heads
    )
    body = "".join(
        _line(place, one, names[place], chapters.get(place), rows, texts)
        for place, one in enumerate(every)
    )
    body += "".join(
        f'<tr class="failed"><th scope="row" data-sort="{len(every) + place}">'
        f"{mark_name(one.video.name)}</th>"
        f'<td colspan="{len(heads) - 1}" data-sort="">{safe(one.message)}</td></tr>'
        for place, one in enumerate(failures)
    )
    left_out = ""
    if len(chapters) < len(every):
        left_out = f"<p>{escape(texts.left_out.format(shown=len(chapters)))}</p>"
    title = escape(texts.title_many.format(n=len(every) + len(failures)))
    return (
        f'<section class="card" id="top"><h1>{title}</h1>'
        f'<p class="headline">{_counts(every, failures, texts)}</p>'
        f'<p class="reading js">{escape(texts.summary_reading)}</p>{left_out}'
        f'<div class="wide"><table class="sortable"><thead><tr>{columns}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></section>"
    )


def _counts(every: Sequence[Evaluation], failures: Sequence[Failure], texts: Texts) -> str:
    counts = Counter(judge(one.rows) for one in every)
    told = [words.format(n=counts[kind]) for kind, words in texts.summary_counts if counts[kind]]
    if failures:
        words = texts.failed_one if len(failures) == 1 else texts.failed_some
        told.append(words.format(n=len(failures)))
    return " · ".join(map(escape, told))


def _telling_rows(every: Sequence[Evaluation]) -> list[Row]:
    """Choose the figures that the table shows: the first, and those in which videos are weak."""
    known: Counter[str] = Counter()
    weak: Counter[str] = Counter()
    titles: dict[str, Row] = {}
    for one in every:
        for row in one.rows:
            if row.verdict and figure(row) is not None:
                known[row.name] += 1
                weak[row.name] += row.verdict != "good"
                titles.setdefault(row.name, row)
    names = [name for name in titles if 2 * known[name] > len(every)]
    chosen = names[:1] + sorted(names[1:], key=lambda name: -weak[name])[: _FIGURES - 1]
    return [titles[name] for name in names if name in chosen]


def _line(
    place: int,
    evaluation: Evaluation,
    name: str,
    chapter: Chapter | None,
    rows: Sequence[Row],
    texts: Texts,
) -> str:
    shown = mark_name(name)
    if chapter is not None:
        shown = f'<a href="#{chapter.key}">{shown}</a>'
    verdict = judge(evaluation.rows)
    start, end = time_range(evaluation.curves)
    length = end - start if chapter is None else chapter.length_s
    own = {row.name: row for row in evaluation.rows}
    cells = "".join(_cell(own.get(row.name)) for row in rows)
    return (
        f'<tr><th scope="row" data-sort="{place}">{shown}</th>'
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
