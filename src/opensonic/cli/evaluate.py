"""`opensonic evaluate`: measure any talking video, or a folder of them."""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensonic.cli.animate import QuietOption
from opensonic.cli.console import guarded, print_json, progress_bar, say
from opensonic.cli.field_options import (
    DeviceOption,
    ModelsOption,
    NetworksOption,
    PortraitOption,
    WeightsOption,
    load_measures,
)

if TYPE_CHECKING:
    from opensonic.metrics.batch import Common, Failure, Given
    from opensonic.metrics.evaluation import Evaluation, Row
    from opensonic.metrics.networks.observers import FieldMeasures
    from opensonic.progress import Progress

STANDARD_OUTPUT = "-"
"""What `--json` takes for standard output."""

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


def evaluate(
    video: Annotated[
        Path, typer.Argument(help="A talking video, also other people's; or a folder of them.")
    ],
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            help="A video to compare with, such as the real one; for a folder, a folder with "
            "files of the same names.",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            help="Phones with their times: .TextGrid (Praat), .lab (HTK), .phn (TIMIT) or .csv "
            "(start,end,phone); or a folder of such files.",
            show_default=False,
        ),
    ] = None,
    transcript: Annotated[
        str | None,
        typer.Option(
            "--transcript",
            metavar="TEXT",
            help="What is said, or a .txt file (or a folder of them), where there are no labels. "
            "Needs the program espeak-ng.",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        str,
        typer.Option(
            "--language", metavar="NAME", help="Language of the transcript, as espeak-ng names it."
        ),
    ] = "en-us",
    json: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write all figures as JSON; - is standard output.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Write a report with plots and pictures: one .html file.",
            show_default=False,
        ),
    ] = None,
    networks: NetworksOption = True,
    portrait: PortraitOption = None,
    weights: WeightsOption = None,
    models_dir: ModelsOption = None,
    device: DeviceOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Measure a talking video: lag, lips, closures, head, blinks, flicker, likeness to a reference.

    Any video will do. What cannot be measured is said. In a folder, a file that cannot be read does
    not stop the others; the exit code then is 2 at the end.

    Example: opensonic evaluate talk.mp4 --report talk.html
    """
    to_output = json == STANDARD_OUTPUT
    with guarded(to_output):
        from opensonic.metrics.batch import Given
        from opensonic.metrics.record import record_all
        from opensonic.metrics.report import check_report_target, write_report

        given = Given(reference, labels, transcript, language)
        target = None if json is None or to_output else Path(json)
        if target is not None:
            _check_json_target(target)
        if report is not None:
            check_report_target(report)
        field = load_measures(weights or [], models_dir, portrait, device) if networks else None
        with progress_bar(shown=not (quiet or to_output), unit="pictures") as progress:
            found, failures = _measure(video, given, field, progress)
        pooled = field.pooled_rows() if field is not None and video.is_dir() else ()
        if to_output:
            print_json(record_all(found, failures, pooled))
        else:
            _print_all(found, failures, pooled, many=video.is_dir())
        if target is not None:
            _write_json(record_all(found, failures, pooled), target)
        if report is not None and found:
            with progress_bar(shown=not (quiet or to_output), unit="videos") as progress:
                write_report(found, report, failures=failures, progress=progress)
            say(f"{report}: the report", style="bold green")
        _end(failures)


def _measure(
    video: Path, given: Given, field: FieldMeasures | None, progress: Progress
) -> tuple[list[Evaluation], list[Failure]]:
    from opensonic.metrics.batch import Failure, evaluate_folder
    from opensonic.metrics.evaluate import evaluate as measure

    new_observers = tuple if field is None else field.observers
    if not video.is_dir():
        one = measure(
            video,
            reference=given.reference,
            labels=given.labels,
            transcript=given.transcript,
            language=given.language,
            observers=new_observers(),
            progress=progress,
        )
        return [one], []
    found: list[Evaluation] = []
    failures: list[Failure] = []
    for result in evaluate_folder(video, given, new_observers=new_observers, progress=progress):
        if isinstance(result, Failure):
            failures.append(result)
            say(f"opensonic: {result.message}", style="red")
            if result.trace:
                say(result.trace)
        else:
            found.append(result)
    return found, failures


def _end(failures: Sequence[Failure]) -> None:
    if failures:
        raise typer.Exit(1 if any(one.exit_code == 1 for one in failures) else 2)


def _check_json_target(target: Path) -> None:
    from opensonic.media.files import check_place

    check_place(target)


def _write_json(result: Any, target: Path) -> None:  # noqa: ANN401 - plain values
    from opensonic.media.files import part_file, write_errors

    with part_file(target) as part, write_errors(target):
        part.write_text(json_text.dumps(result, indent=1) + "\n", encoding="utf-8")
        part.replace(target)
    say(f"{target}: all figures", style="bold green")


def _print_all(
    found: Sequence[Evaluation], failures: Sequence[Failure], pooled: Sequence[Row], *, many: bool
) -> None:
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


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    from rich.markup import escape

    value = _value(row)
    return f"  {escape(row.title)}", value, escape(row.unit), escape(row.good), escape(row.note)


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
