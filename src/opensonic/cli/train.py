"""`opensonic train speech`: better lips from the user's own videos."""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensonic.cli.animate import JsonOption, QuietOption
from opensonic.cli.console import guarded, print_json, progress_bar, say
from opensonic.errors import EncodeError, InputError, SettingsError
from opensonic.media.files import check_place
from opensonic.settings import MAX_SEED

if TYPE_CHECKING:
    from opensonic.train.speech.adapt import Outcome
    from opensonic.train.speech.survey import Survey

app = typer.Typer(help="Train with your own material.", no_args_is_help=True)
"""The group `opensonic train`."""


@app.command()
def speech(
    clips: Annotated[
        Path,
        typer.Option(help="Folder of talking videos; each sub-folder holds one speaker."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The lips to write, an .onnx file.")
    ] = Path("my-lips.onnx"),
    work: Annotated[
        Path | None,
        typer.Option(help="Where tracks are kept for the next run; unset: beside the output."),
    ] = None,
    speakers: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Who is who: sub-folders (folders), each file is a person (files), or all are "
            "the same person (one).",
        ),
    ] = "folders",
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", help="Steps of learning; unset: 100 to 300, by the footage."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed learns the same.")] = 1,
    check_only: Annotated[
        bool,
        typer.Option(
            "--check-only", metavar="", help="Only track and check the videos; needs no PyTorch."
        ),
    ] = False,
    even_if_worse: Annotated[
        bool,
        typer.Option(
            "--even-if-worse",
            metavar="",
            help="Write the lips also where they did not get better on people kept aside.",
        ),
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Teach the lips with videos of talking people, and use them with `animate --lips`.

    Every video is tracked and checked: what shows hidden or still lips, or lips out of sync with
    the sound, is left out, and the table says why. Use only footage that you may train on, of
    people who agree.

    Example: opensonic train speech --clips my-videos -o my-lips.onnx
    """
    with guarded(json):
        _check_output(output)
        _check_numbers(steps, seed)
        _need_extra(("scipy",) if check_only else ("scipy", "onnx", "torch"))
        folder = work or output.with_name(f"{output.stem}-work")
        survey, outcome = _train(
            clips,
            output,
            folder,
            speakers,
            {"steps": steps, "seed": seed, "even_if_worse": even_if_worse},
            check_only=check_only,
            shown=not (quiet or json),
            table=not json,
        )
        if check_only and not survey.clips:
            _refuse(survey, json)
        if json:
            print_json(_as_json(survey, outcome, output))
        elif outcome is not None:
            _say_outcome(outcome, output)


def _train(
    clips: Path,
    output: Path,
    work: Path,
    speakers: str,
    choices: dict[str, Any],
    *,
    check_only: bool,
    shown: bool,
    table: bool,
) -> tuple[Survey, Outcome | None]:
    """Check the videos, show what came of it, and learn."""
    from opensonic.train.speech.survey import survey_folder

    with progress_bar(shown, "video s") as progress:
        survey = survey_folder(clips, work, speakers=speakers, progress=progress)
    if table:
        _print_files(survey)
    if check_only:
        return survey, None
    from opensonic.train.speech.adapt import AdaptationPlan, adapt_lips

    with progress_bar(shown, "steps") as progress:
        plan = AdaptationPlan(**choices)
        return survey, adapt_lips(survey.clips, output, work, plan, progress)


def _check_output(path: Path) -> None:
    if path.suffix.lower() != ".onnx":
        raise EncodeError(f"{path}: cannot be written; expected a name that ends in .onnx")
    check_place(path)


def _check_numbers(steps: int | None, seed: int) -> None:
    if (steps is not None and steps < 1) or not 0 <= seed <= MAX_SEED:
        raise SettingsError(
            f"steps {steps}, seed {seed}: expected at least 1 step and a seed from 0 to {MAX_SEED}"
        )


def _need_extra(packages: tuple[str, ...]) -> None:
    for name in packages:
        try:
            import_module(name)
        except ImportError as error:
            raise InputError(
                f"training needs {name}, which is not installed; "
                'run: pip install "opensonic[train]"'
            ) from error


def _refuse(survey: Survey, json: bool) -> None:
    """Say that no video can be used, and end with the exit code of wrong input.

    Raises:
        InputError: Always; `guarded` turns it into the exit.
    """
    first = survey.files[0]
    error = InputError(
        f"0 of {len(survey.files)} videos can be used; {first.name}: {first.reason}; "
        "expected a talking face with its own sound"
    )
    if not json:
        raise error
    failure = {"error": str(error), "kind": "InputError", "exit_code": error.exit_code}
    print_json(_as_json(survey, None, Path()) | failure)
    with guarded(False):  # the line of JSON is out; only the line for people is left
        raise error


def _print_files(survey: Survey) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(
        Column("video", overflow="fold"), "speaker", "used", "lag", "r", "remark", box=None
    )
    for file in survey.files:
        dropped = bool(file.reason)
        table.add_row(
            file.name,
            "" if file.speaker == file.name else file.speaker,
            "dropped" if dropped else f"{file.used_s:.1f} of {file.length_s:.1f} s",
            "" if file.lag_s is None else f"{1000 * file.lag_s:+.0f} ms",
            "" if file.r is None else f"{file.r:.2f}",
            Text(file.reason or file.note, style="yellow" if dropped else ""),
        )
    Console(stderr=True).print(table)
    if survey.others:
        say(f"other files passed over, no videos by their names: {survey.others}")
    used = [file for file in survey.files if not file.reason]
    people: dict[str, float] = {}
    for file in used:
        people[file.speaker] = people.get(file.speaker, 0) + file.used_s
    say(
        f"{len(used)} of {len(survey.files)} videos used: {_length(sum(people.values()))} of "
        f"{len(people)} speaker{'' if len(people) == 1 else 's'}"
    )
    for name, seconds in people.items():
        say(f"  {name}: {_length(seconds)}")


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.1f} minutes"


def _as_json(survey: Survey, outcome: Outcome | None, output: Path) -> dict[str, Any]:
    people: dict[str, float] = {}
    for file in survey.files:
        if not file.reason:
            people[file.speaker] = round(people.get(file.speaker, 0) + file.used_s, 2)
    return {
        "files": [asdict(file) for file in survey.files],
        "other_files": survey.others,
        "used_s": round(sum(people.values()), 2),
        "speakers": people,
        "output": None if outcome is None else str(output),
        "outcome": None if outcome is None else asdict(outcome),
    }


def _say_outcome(outcome: Outcome, output: Path) -> None:
    before, after = outcome.before, outcome.after
    say(
        f"on {outcome.held_out_kind} kept aside ({', '.join(outcome.held_out)}; "
        f"{outcome.held_out_s:.0f} s): opening r {before.aperture:.2f} before, "
        f"{after.aperture:.2f} after; width r {before.width:.2f} before, {after.width:.2f} after"
    )
    if outcome.held_out_kind != "speakers":
        say("  these people were also learnt from: strangers gain less", style="yellow")
    say(
        f"  kept of what it knew: {100 * outcome.phones_kept:.0f} % of the phones, "
        f"{100 * outcome.closures_kept:.0f} % of the closures; opening in noise "
        f"{outcome.din_gap[0]:.3f} before, {outcome.din_gap[1]:.3f} e after"
    )
    say(f"{output}: learnt from all of them in {outcome.steps} steps", style="bold green")
    say(f"  use it: opensonic animate portrait.jpg speech.mp3 --lips {output}")
