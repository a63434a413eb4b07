"""A report on talking videos as one HTML file that needs nothing else.

No network, no fonts or scripts from elsewhere: style, drawings and pictures lie inside. Without
scripts all is there to read; with them tables sort, curves zoom and tell their values. Memory holds
the page, which is bounded: with many videos each gets fewer readings, and only the worst get
details.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from opensonic.errors import EncodeError, InputError
from opensonic.media.files import check_place, part_file, write_errors
from opensonic.media.footage import Footage, probe
from opensonic.metrics.batch import Failure
from opensonic.metrics.evaluation import Evaluation, Moment
from opensonic.metrics.report.blocks import Chapter, figures, head, moments, overview, timeline
from opensonic.metrics.report.plots import telling_time, time_range
from opensonic.metrics.report.strips import Strip, StripReader, choose_view, spread
from opensonic.metrics.report.summary import summarize
from opensonic.metrics.report.texts import ENGLISH, Texts
from opensonic.metrics.report.verdict import WORST_FIRST, judge
from opensonic.metrics.report.words import safe, short_names
from opensonic.progress import Progress, Report, ignore

SUFFIXES = (".html", ".htm")
"""Endings of the names of reports."""
MOST_DETAILED = 30
"""Videos that get details; of more than these, the worst."""
PICTURE_BYTES = 1_300_000
"""Pictures that all videos share, bytes; a third more as they are written into the page."""

_STRIPS = 6
_FACES, _FEW = 8, 5
_APART_S = 1.5
_COLUMNS, _LEAST_COLUMNS, _ALL_COLUMNS = 4500, 150, 9000


def check_report_target(path: Path) -> None:
    """Refuse a target that cannot be written, before any work is done.

    Args:
        path: Where the report shall lie.

    Raises:
        EncodeError: The ending is none of `SUFFIXES`, the folder is missing or may not be written,
            or the path is a folder.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise EncodeError(
            f"{path}: cannot write {path.suffix or 'a file without ending'} as a report; "
            f"expected a name that ends in {' or '.join(SUFFIXES)}"
        )
    check_place(path)


def write_report(
    evaluations: Evaluation | Sequence[Evaluation],
    path: str | Path,
    *,
    failures: Sequence[Failure] = (),
    texts: Texts = ENGLISH,
    progress: Progress = ignore,
) -> None:
    """Write a report as one HTML file; it appears under its name when it is whole.

    Pictures are read again from the videos; without a video that can be read there are none.

    Args:
        evaluations: What was measured on one video or several.
        path: Target, ending in one of `SUFFIXES`.
        failures: Videos that could not be measured, which are named.
        texts: The words, in one language.
        progress: Told after each video.

    Raises:
        EncodeError: The target cannot be written.
        ValueError: There is no evaluation.
    """
    target = Path(path)
    check_report_target(target)
    every = [evaluations] if isinstance(evaluations, Evaluation) else list(evaluations)
    if not every:
        raise ValueError("a report needs at least one evaluation")
    page = _page(every, failures, texts, progress)
    with part_file(target) as part, write_errors(target):
        part.write_text(page, encoding="utf-8")
        part.replace(target)


def _page(
    every: list[Evaluation], failures: Sequence[Failure], texts: Texts, progress: Progress
) -> str:
    many = len(every) + len(failures) > 1
    names = short_names([one.video for one in every])
    order = sorted(range(len(every)), key=lambda place: _rank(every[place]))
    chosen = sorted(order[:MOST_DETAILED])
    columns = max(_LEAST_COLUMNS, min(_COLUMNS, _ALL_COLUMNS // len(chosen)))
    reader = StripReader()
    left, n_faces = PICTURE_BYTES, _FACES if len(chosen) <= _FEW else 1
    chapters = {}
    for done, place in enumerate(chosen):
        share = left // (len(chosen) - done)
        chapter = _chapter(every[place], f"v{place + 1}", names[place], reader, share, n_faces)
        left -= chapter.n_bytes
        chapters[place] = chapter
        progress(Report("writing the report", done + 1, len(chosen), "videos"))
    body = "".join(_video(chapter, texts, columns, many) for chapter in chapters.values())
    if many:
        body = summarize(every, names, chapters, failures, texts) + body
        title = texts.title_many.format(n=len(every) + len(failures))
    else:
        title = texts.title_one.format(name=names[0])
    made = texts.made.format(date=date.today().isoformat(), version=version("opensonic"))
    reading = "".join(f"<p>{escape(line)}</p>" for line in texts.reading)
    folder = files("opensonic") / "metrics/report"
    style, script = ((folder / name).read_text("utf-8") for name in ("page.css", "page.js"))
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(texts.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">"
        f"<title>{safe(title)}</title><style>{style}</style></head><body>"
        f'<p class="brand">{escape(texts.brand)}<span>{escape(made)}</span></p>'
        f"<main>{body}</main><footer><h2>{escape(texts.reading_title)}</h2>{reading}</footer>"
        f"<script>{script}</script></body></html>\n"
    )


def _rank(evaluation: Evaluation) -> tuple[int, float]:
    worst = sum(moment.severity for moment in evaluation.moments)
    return WORST_FIRST.index(judge(evaluation.rows)), -worst


def _video(chapter: Chapter, texts: Texts, columns: int, many: bool) -> str:
    level = 2 if many else 1
    back = f'<p class="back"><a href="#top">{escape(texts.back)}</a></p>' if many else ""
    return (
        f'<section class="video" id="{chapter.key}">{head(chapter, texts, level)}'
        f"{overview(chapter, texts)}{figures(chapter, texts)}{moments(chapter, texts)}"
        f"{timeline(chapter, texts, columns)}{back}</section>"
    )


def _chapter(
    evaluation: Evaluation, key: str, name: str, reader: StripReader, n_bytes: int, n_faces: int
) -> Chapter:
    try:
        footage = probe(evaluation.video)
    except InputError:
        nothing = tuple((one, None) for one in spread(evaluation.moments, _STRIPS, _APART_S))
        return Chapter(key, name, evaluation, None, (), nothing)
    start, end = time_range(evaluation.curves)
    times_s = [start + (n + 0.5) / n_faces * (end - start) for n in range(n_faces)]
    try:
        faces = reader.faces(footage, times_s)
    except InputError:
        faces = ()
    n_bytes -= sum(len(still.jpeg) for still in faces)
    strips = _strips(evaluation, footage, reader, n_bytes)
    return Chapter(key, name, evaluation, footage, faces, strips)


def _strips(
    evaluation: Evaluation, footage: Footage, reader: StripReader, n_bytes: int
) -> tuple[tuple[Moment, Strip | None], ...]:
    strips: list[tuple[Moment, Strip | None]] = []
    for moment in spread(evaluation.moments, _STRIPS, _APART_S):
        try:
            time_s = telling_time(moment, evaluation.curves)
            strip = reader.read(footage, time_s, choose_view(moment.name))
        except InputError:
            strip = None
        n_bytes -= 0 if strip is None else strip.n_bytes
        if n_bytes < 0:
            break
        strips.append((moment, strip))
    return tuple(sorted(strips, key=lambda pair: pair[0].time_s))
