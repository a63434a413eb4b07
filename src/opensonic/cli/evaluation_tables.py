"""What `opensonic evaluate` shows in the terminal: tables, worst moments, what was not measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opensonic.cli.console import say

if TYPE_CHECKING:
    from opensonic.metrics.batch import Common, Failure
    from opensonic.metrics.evaluation import Evaluation, Row

_COLOURS = {"good": "green", "fair": "yellow", "poor": "red", "": "default"}
_GROUPS = {
    "lips": "Lips and sound",
    "face": "Face and head",
    "picture": "Picture",
    "reference": "Against the reference",
}
_SHOWN_MOMENTS = 8
_WIDE = 120
"""Columns of a terminal from which notes have room."""
_BRIEF = {
    "lag": "lag, ms",
    "lag_confidence": "sure",
    "lip_correlation": "lips r",
    "open_in_silence": "open, %",
    "face_visible": "face, %",
}
"""What is shown of each of many videos."""


def print_all(
    found: Sequence[Evaluation], failures: Sequence[Failure], pooled: Sequence[Row], *, many: bool
) -> None:
    """Print one evaluation in full, or many in brief.

    Args:
        found: What was measured.
        failures: The videos that could not be evaluated.
        pooled: Figures over all videos together.
        many: Whether a folder was asked for.
    """
    from opensonic.metrics.batch import summarise

    if not many:
        for evaluation in found:
            _print_one(evaluation)
        return
    if found:
        _print_brief(found)
        _print_summary(summarise(found))
    for row in pooled:
        value = "not measured" if row.value is None else _number(row.value)
        say(f"{row.title} over all videos: {value} ({row.note})")
    done = f"{len(found)} videos evaluated" + (f", {len(failures)} failed" if failures else "")
    say(done, style="bold yellow" if failures else "bold green")


def _print_one(evaluation: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, emoji=False)
    noted = console.width >= _WIDE
    table = Table(box=None, pad_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("good")
    if noted:
        table.add_column("note", style="dim")
    group = ""
    for row in evaluation.rows:
        if row.value is None:
            continue
        if row.group != group:
            group = row.group
            table.add_row(f"[bold]{_GROUPS[group]}[/]")
        table.add_row(*(_cells(row) if noted else _cells(row)[:-1]))
    console.print(table)
    for why, titles in _unmeasured(evaluation.rows).items():
        console.print(f"not measured: {', '.join(titles)}: {why}", style="dim", markup=False)
    _print_moments(evaluation)
    for note in evaluation.notes:
        say(f"note: {note}", style="yellow")


def _unmeasured(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Give the titles of the rows without a value by the reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.value is None:
            reasons.setdefault(row.note, []).append(row.title)
    return reasons


def _print_moments(evaluation: Evaluation) -> None:
    from rich.console import Console

    console = Console(highlight=False, emoji=False)
    if evaluation.moments:
        console.print("[bold]Worst moments[/]")
    for moment in evaluation.moments[:_SHOWN_MOMENTS]:
        console.print(f"  {_clock(moment.time_s)}  {moment.what}", markup=False)
    hidden = len(evaluation.moments) - _SHOWN_MOMENTS
    if hidden > 0:
        console.print(f"  and {hidden} more (--json has them)", markup=False)


def _cells(row: Row) -> tuple[str, ...]:
    from rich.markup import escape

    verdict = f"[{_COLOURS[row.verdict]}]{row.verdict}[/]" if row.verdict else ""
    good, note = escape(row.good), escape(row.note)
    return f"  {escape(row.title)}", _value(row), escape(row.unit), verdict, good, note


def _value(row: Row) -> str:
    """Give a row's value in the colour of its verdict."""
    colour = _COLOURS[row.verdict]
    return "-" if row.value is None else f"[{colour}]{_number(row.value)}[/]"


def _print_brief(found: Sequence[Evaluation]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("video", box=None, pad_edge=False)
    for header in _BRIEF.values():
        table.add_column(header, justify="right")
    table.add_column("worst moment")
    for evaluation in found:
        cells = [_value(evaluation.row(name)) for name in _BRIEF]
        worst = evaluation.moments[0] if evaluation.moments else None
        told = "" if worst is None else f"{_clock(worst.time_s)} {worst.what}"
        table.add_row(escape(evaluation.video.name), *cells, escape(told))
    Console(highlight=False, emoji=False).print(table)


def _print_summary(summary: Sequence[Common]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("over all videos", no_wrap=True)
    for name in ("median", "from", "to"):
        table.add_column(name, justify="right")
    for name in ("", "videos", "worst"):
        table.add_column(name, no_wrap=not name)
    for one in summary:
        numbers = [_number(value) for value in (one.median, one.low, one.high)]
        worst = "" if one.worst is None else escape(one.worst.name)
        table.add_row(escape(one.row.title), *numbers, escape(one.row.unit), str(one.count), worst)
    Console(highlight=False, emoji=False).print(table)


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _clock(seconds: float) -> str:
    return f"{int(max(seconds, 0)) // 60}:{max(seconds, 0) % 60:05.2f}"
