"""The parts of a report on one video, as HTML: verdict, figures, moments, curves."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from opensonic.media.footage import Footage
from opensonic.metrics.evaluation import GROUPS, Evaluation, Moment, Row, Verdict
from opensonic.metrics.report.axis import clock
from opensonic.metrics.report.drawing import draw_plot
from opensonic.metrics.report.plots import choose_plots, lips_around, time_range
from opensonic.metrics.report.strips import Still, Strip
from opensonic.metrics.report.texts import Texts
from opensonic.metrics.report.verdict import judge, tell, tell_row
from opensonic.metrics.report.words import figure, mark_name, marked, safe

_SIGNS: dict[Verdict, str] = {"good": "✓", "fair": "!", "poor": "✕", "": "–"}
_ZOOMS = (1, 2, 4, 8, 16)
_LISTED = 40
_MOMENT_COLUMNS = 400


@dataclass(frozen=True, eq=False)
class Chapter:
    """One video of a report.

    Attributes:
        key: Name by which the page links to it.
        name: Name by which people know it.
        evaluation: What was measured.
        footage: What the file says of itself; None where it cannot be read any more.
        faces: The face in it at some times, in order.
        strips: Pictures of the moments that are shown; None where none could be read.
    """

    key: str
    name: str
    evaluation: Evaluation
    footage: Footage | None
    faces: tuple[Still, ...]
    strips: tuple[tuple[Moment, Strip | None], ...]

    @property
    def verdict(self) -> Verdict:
        """The verdict of the video."""
        return judge(self.evaluation.rows)

    @property
    def n_bytes(self) -> int:
        """Size of its pictures, bytes."""
        strips = sum(strip.n_bytes for _, strip in self.strips if strip is not None)
        return strips + sum(len(still.jpeg) for still in self.faces)

    @property
    def length_s(self) -> float:
        """Length of the video, s."""
        if self.footage is not None and self.footage.duration_s > 0:
            return self.footage.duration_s
        start, end = time_range(self.evaluation.curves)
        return end - start


def pill(verdict: Verdict, texts: Texts) -> str:
    """Give a verdict as a sign, a word and a colour."""
    kind = verdict or "none"
    word = escape(texts.grades[verdict])
    return f'<span class="pill {kind}"><b aria-hidden="true">{_SIGNS[verdict]}</b>{word}</span>'


def head(chapter: Chapter, texts: Texts, level: int) -> str:
    """Give the name of the video, its facts, its verdict and the reasons.

    Args:
        chapter: The video.
        texts: The words.
        level: Of the heading, 1 to 6.
    """
    evaluation = chapter.evaluation
    facts = [clock(chapter.length_s, fine=True)]
    if (footage := chapter.footage) is not None:
        width, height = footage.size
        facts += [
            texts.size.format(width=width, height=height),
            texts.rate.format(fps=f"{float(footage.fps):.4g}"),
            texts.with_sound if footage.has_sound else texts.without_sound,
        ]
    shown = " · ".join(escape(fact) for fact in facts)
    if evaluation.reference is not None:
        name = mark_name(evaluation.reference.name)
        shown += " · " + escape(texts.compared).replace("{name}", name)
    sentences, weak = tell(evaluation, texts)
    told = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    rows = "".join(
        f"<li>{pill(row.verdict, texts)} {safe(tell_row(row, texts))}</li>" for row in weak
    )
    verdict = chapter.verdict
    return (
        f'<header class="card head">{_portrait(chapter, texts)}<div>'
        f"<h{level}>{mark_name(chapter.name)}</h{level}>"
        f'<p class="facts">{shown}</p>'
        f'<div class="verdict {verdict or "none"}"><p class="headline">{pill(verdict, texts)} '
        f"<strong>{escape(texts.headlines[verdict])}</strong></p>{told}"
        f"{f'<ul>{rows}</ul>' if rows else ''}</div></div></header>"
    )


def figures(chapter: Chapter, texts: Texts) -> str:
    """Give the table of all rows, group by group; what was not measured is folded away."""
    rows = chapter.evaluation.rows
    measured = [row for row in rows if figure(row) is not None]
    missing = [row for row in rows if figure(row) is None]
    body = ""
    for group in [
        *GROUPS,
        *dict.fromkeys(row.group for row in measured if row.group not in GROUPS),
    ]:
        if inside := [row for row in measured if row.group == group]:
            title = safe(texts.groups.get(group, group))
            body += f'<tr class="group"><th colspan="4" scope="rowgroup">{title}</th></tr>'
            body += "".join(_figure(row, texts) for row in inside)
    heads = (texts.column_measure, texts.column_value, texts.column_verdict, texts.column_good)
    columns = "".join(f'<th scope="col">{escape(title)}</th>' for title in heads)
    table = (
        f'<table class="figures"><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>'
        if body
        else ""
    )
    notes = "".join(f"<li>{marked(note)}</li>" for note in chapter.evaluation.notes)
    noted = f'<h4>{escape(texts.notes)}</h4><ul class="notes">{notes}</ul>' if notes else ""
    return (
        f'<section class="card"><h3>{escape(texts.figures)}</h3>{table}'
        f"{_missing(missing, texts)}{noted}</section>"
    )


def moments(chapter: Chapter, texts: Texts) -> str:
    """Give the moments that stand out: pictures and lips of the worst, a list of the others."""
    if not chapter.evaluation.moments:
        return ""
    shown = "".join(_moment(chapter, moment, strip, texts) for moment, strip in chapter.strips)
    pictured = {id(moment) for moment, _ in chapter.strips}
    rest = [one for one in chapter.evaluation.moments if id(one) not in pictured]
    items = "".join(
        f"<li><b>{clock(one.time_s, fine=True)}</b> {safe(one.what)}</li>"
        for one in sorted(rest[:_LISTED], key=lambda one: one.time_s)
    )
    if len(rest) > _LISTED:
        items += f"<li>{escape(texts.more_moments.format(n=len(rest) - _LISTED))}</li>"
    listed = f'<h4>{escape(texts.other_moments)}</h4><ul class="rest">{items}</ul>' if rest else ""
    return (
        f'<section class="card"><h3>{escape(texts.worst)}</h3>'
        f'<p class="reading">{escape(texts.worst_reading)}</p>{shown}{listed}</section>'
    )


def timeline(chapter: Chapter, texts: Texts, columns: int) -> str:
    """Give the curves over time, in one frame that can be zoomed.

    Args:
        chapter: The video.
        texts: The words.
        columns: Readings that a line may have.
    """
    start, end = time_range(chapter.evaluation.curves)
    plots = "".join(
        draw_plot(plot, start, end, columns) for plot in choose_plots(chapter.evaluation, texts)
    )
    if not plots:
        return ""
    long = len(chapter.evaluation.curves.time_s) > columns
    reading = texts.timeline_reading + (f" {texts.long_reading}" if long else "")
    zooms = "".join(
        f'<button type="button" data-zoom="{zoom}" aria-pressed="{str(zoom == 1).lower()}">'
        f"{zoom}×</button>"
        for zoom in _ZOOMS
    )
    return (
        f'<section class="card timeline"><h3>{escape(texts.timeline)}</h3>'
        f'<p class="reading">{escape(reading)}</p>'
        f'<div class="zoom" role="group" aria-label="{escape(texts.zoom)}">'
        f"{escape(texts.zoom)} {zooms}</div>"
        f'<div class="tracks" tabindex="0" role="group" aria-label="{escape(texts.timeline)}">'
        f'<div class="inner">{plots}</div></div></section>'
    )


def overview(chapter: Chapter, texts: Texts) -> str:
    """Give a row of faces from the beginning to the end."""
    if len(chapter.faces) < 2:
        return ""
    items = "".join(
        f"<li>{_face(chapter, still, texts)}<span>{clock(still.time_s, fine=True)}</span></li>"
        for still in chapter.faces
    )
    return (
        f'<section class="card overview"><h3>{escape(texts.overview)}</h3>'
        f'<ol class="strip">{items}</ol></section>'
    )


def _portrait(chapter: Chapter, texts: Texts) -> str:
    if not chapter.faces:
        return ""
    return _face(chapter, chapter.faces[len(chapter.faces) // 2], texts, ' class="portrait"')


def _face(chapter: Chapter, still: Still, texts: Texts, kind: str = "") -> str:
    words = {"name": chapter.name, "time": clock(still.time_s, fine=True)}
    alt = safe(texts.picture_alt.format(**words))
    return f'<img{kind} src="{_inline(still)}" alt="{alt}" decoding="async">'


def _inline(still: Still) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(still.jpeg).decode('ascii')}"


def _figure(row: Row, texts: Texts) -> str:
    note = f"<small>{marked(row.note)}</small>" if row.note else ""
    return (
        f'<tr><th scope="row">{safe(row.title)}{note}</th>'
        f'<td class="value" data-label="{escape(texts.column_value)}">'
        f"{safe(figure(row) or texts.not_measured)}</td>"
        f"{_cell(pill(row.verdict, texts) if row.verdict else '', texts.column_verdict)}"
        f"{_cell(safe(row.good), texts.column_good)}</tr>"
    )


def _cell(inside: str, label: str) -> str:
    kind = "" if inside else ' class="empty"'
    return f'<td{kind} data-label="{escape(label)}">{inside or "–"}</td>'


def _missing(rows: Sequence[Row], texts: Texts) -> str:
    if not rows:
        return ""
    title = texts.unmeasured_one if len(rows) == 1 else texts.unmeasured_some
    items = "".join(f"<li><b>{safe(row.title)}</b> {marked(row.note)}</li>" for row in rows)
    return (
        f"<details><summary>{escape(title.format(n=len(rows)))}</summary><ul>{items}</ul></details>"
    )


def _moment(chapter: Chapter, moment: Moment, strip: Strip | None, texts: Texts) -> str:
    when = clock(moment.time_s, fine=True)
    end_s = min(moment.end_s, time_range(chapter.evaluation.curves)[1])
    if end_s - moment.time_s > 0.05:
        end = clock(end_s, fine=True)
        when = texts.moment_from_to.format(start=when, end=end)
    found = lips_around(chapter.evaluation, moment, texts)
    plot = "" if found is None else draw_plot(*found, _MOMENT_COLUMNS)
    if strip is None:
        name = mark_name(chapter.name)
        pictures = f"<p>{escape(texts.no_frames).replace('{name}', name)}</p>"
    else:
        pictures = _strip(strip, moment, texts)
    return (
        f'<article class="moment"><h4><b>{escape(when)}</b> {safe(moment.what)}</h4>'
        f"{pictures}{plot}</article>"
    )


def _strip(strip: Strip, moment: Moment, texts: Texts) -> str:
    width, height = strip.size
    items = []
    for place, still in enumerate(strip.stills):
        when = clock(still.time_s, fine=True)
        words = {"time": when, "view": texts.views[strip.view], "what": moment.what}
        alt = safe(texts.frame_alt.format(**words))
        marked = ' class="here"' if place == strip.here else ""
        items.append(
            f'<li{marked}><img src="{_inline(still)}" width="{width}" height="{height}" '
            f'alt="{alt}" decoding="async"><span>{when}</span></li>'
        )
    return f'<ol class="strip">{"".join(items)}</ol>'
