"""`opensonic evaluate`: measure any talking video, or a folder of them."""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensonic.cli.animate import QuietOption
from opensonic.cli.console import guarded, print_json, progress_bar, say
from opensonic.cli.evaluation_tables import print_all
from opensonic.cli.field_options import (
    DeviceOption,
    ModelsOption,
    NetworksOption,
    PortraitOption,
    WeightsOption,
    load_measures,
)
from opensonic.errors import EncodeError, InputError

if TYPE_CHECKING:
    from opensonic.metrics.batch import Failure, Given
    from opensonic.metrics.evaluation import Evaluation
    from opensonic.metrics.networks.observers import FieldMeasures
    from opensonic.progress import Progress

STANDARD_OUTPUT = "-"
"""What `--json` takes for standard output."""


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
            help="Write all figures: one .json file; - is standard output.",
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
        if not networks:
            _check_unused(portrait, weights, models_dir)
        field = load_measures(weights or [], models_dir, portrait, device) if networks else None
        with progress_bar(shown=not (quiet or to_output), unit="pictures") as progress:
            found, failures = _measure(video, given, field, progress)
        many = _is_folder(video)
        pooled = field.pooled_rows() if field is not None and many else ()
        with guarded(as_json=False):  # the figures are the one object on standard output
            try:
                if target is not None:
                    _write_json(record_all(found, failures, pooled), target)
                if report is not None and found:
                    with progress_bar(shown=not (quiet or to_output), unit="videos") as progress:
                        write_report(found, report, failures=failures, progress=progress)
                    say(f"{report}: the report", style="bold green")
            finally:  # last, as who reads may stop early; and even if a file cannot be written
                if to_output:
                    print_json(record_all(found, failures, pooled))
                else:
                    print_all(found, failures, pooled, many=many)
        _end(failures)


def _measure(
    video: Path, given: Given, field: FieldMeasures | None, progress: Progress
) -> tuple[list[Evaluation], list[Failure]]:
    from opensonic.metrics.batch import Failure, evaluate_folder
    from opensonic.metrics.evaluate import evaluate as measure

    new_observers = tuple if field is None else field.observers
    if not _is_folder(video):
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


def _check_unused(*named: object) -> None:
    """Refuse options of the networks beside --no-networks.

    Raises:
        InputError: One was given.
    """
    if any(named):
        raise InputError(
            "--no-networks leaves out what --portrait, --weights and --models-dir are for; "
            "drop it or them"
        )


def _check_json_target(target: Path) -> None:
    """Refuse a target that cannot be written, or that may be one of the files that are read.

    Raises:
        EncodeError: It is.
    """
    from opensonic.media.files import check_place

    if target.suffix.lower() != ".json":
        raise EncodeError(
            f"{target}: cannot write {target.suffix or 'a file without ending'} as figures; "
            "expected a name that ends in .json, or - for standard output"
        )
    check_place(target)


def _is_folder(video: Path) -> bool:
    try:
        return video.is_dir()
    except OSError:  # it may not be looked at: whoever opens it says so
        return False


def _write_json(result: Any, target: Path) -> None:  # noqa: ANN401 - plain values
    from opensonic.media.files import part_file, write_errors

    with part_file(target) as part, write_errors(target):
        part.write_text(json_text.dumps(result, indent=1) + "\n", encoding="utf-8")
        part.replace(target)
    say(f"{target}: all figures", style="bold green")
