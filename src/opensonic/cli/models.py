"""`opensonic models`: list, fetch, check and find published files.

They are those of the Sonic model and of the networks that `opensonic evaluate` measures with. The
default engine needs none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensonic.cli.animate import JsonOption, QuietOption
from opensonic.cli.console import guarded, print_json, progress_bar, say
from opensonic.errors import InputError, WeightsError

if TYPE_CHECKING:
    from opensonic.progress import Progress
    from opensonic.weights.check import Verdict
    from opensonic.weights.model_file import ModelFile

app = typer.Typer(
    help="The files of the published Sonic model, and of the networks that `opensonic evaluate` "
    "measures with: list, fetch, check and find them. The default engine needs none of them.",
    no_args_is_help=True,
)
"""The group `opensonic models`."""

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--models-dir",
        metavar="DIR",
        help="Folder with models, looked in first: the original's checkpoints, ComfyUI's models, "
        "or one filled by pull. Unset: OPENSONIC_MODELS, then your data folder; then the cache of "
        "Hugging Face.",
    ),
]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME", help="Names from `opensonic models list`; none: all that Sonic needs."
    ),
]


@app.command("list")
def list_(models_dir: FolderOption = None, json: JsonOption = False) -> None:
    """List the files: whose they are, what they are for, and where they lie on this machine."""
    with guarded(json):
        from opensonic.weights.places import find_file
        from opensonic.weights.records import MODEL_FILES, REQUIRED

        rows = [(file, find_file(name, models_dir)) for name, file in MODEL_FILES.items()]
        if json:
            print_json(
                {
                    "files": [
                        _described(f) | {"path": str(at.path) if at else None} for f, at in rows
                    ]
                }
            )
            return
        _print_rows(
            ("file", "for", "licence", "where"),
            [
                (f.name, f.use, f.licence.name, _escaped(at.path) if at else _lack(f))
                for f, at in rows
            ],
        )
        if any(at is None and f.name in REQUIRED for f, at in rows):
            say("What is missing is fetched by: opensonic models pull")


@app.command()
def pull(
    names: NamesArgument = None,
    models_dir: FolderOption = None,
    mirror: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Server with the paths of huggingface.co, asked first; may be given several "
            "times. HF_ENDPOINT takes the place of huggingface.co itself.",
        ),
    ] = None,
    accept_licenses: Annotated[
        bool,
        typer.Option(
            "--accept-licenses", metavar="", help="You have read the licences and agree to them."
        ),
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fetch what the Sonic model lacks, or what is named, after its licences were agreed to.

    A download that broke off is gone on with. Repositories that ask for a login take the token of
    HF_TOKEN.

    Example: opensonic models pull --accept-licenses
    """
    with guarded(json), _stoppable():
        from opensonic.weights.places import pull_folder
        from opensonic.weights.pull import missing_files, pull_file, sources

        sources(mirror or [])  # so that a wrong address is told before questions are asked
        wanted = missing_files(names or [], models_dir)
        if not wanted:
            say("Nothing to fetch: every file is there")
        else:
            _show_licences(wanted)
            _ask_consent(accept_licenses)
        paths = []
        for file in wanted:
            with progress_bar(not quiet, unit="MB") as progress:
                paths.append(pull_file(file, models_dir, mirror or [], progress, say))
            say(f"{paths[-1]}: fetched and checked", style="green")
        if json:
            print_json({"folder": str(pull_folder(models_dir)), "fetched": list(map(str, paths))})


@app.command()
def verify(
    names: NamesArgument = None,
    models_dir: FolderOption = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", metavar="", help="Only sizes, names and shapes; do not read whole files."
        ),
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check the files: names and shapes of every tensor, and SHA-256 where it is known.

    Nothing is loaded. Exit code 3 where a file is missing or wrong.

    Raises:
        typer.Exit: With 3 where a file is missing or wrong.
    """
    with guarded(json):
        from opensonic.weights.check import check_file
        from opensonic.weights.records import REQUIRED

        verdicts = [check_file(name, models_dir) for name in dict.fromkeys(names or REQUIRED)]
        if not quick:
            with progress_bar(not quiet, unit="MB") as progress:
                verdicts = [_read_whole(verdict, progress) for verdict in verdicts]
        if json:
            _print_verdicts_as_json(verdicts)
        else:
            _print_verdicts(verdicts)
        if not all(verdict.good for verdict in verdicts):
            raise typer.Exit(WeightsError.exit_code)


@app.command()
def path(
    name: Annotated[str | None, typer.Argument(help="A name from `opensonic models list`.")] = None,
    models_dir: FolderOption = None,
    json: JsonOption = False,
) -> None:
    """Print where a file lies; without a name, the folder that pull fetches into.

    Raises:
        WeightsError: The file is not there.
    """
    with guarded(json):
        from opensonic.weights.places import find_file, pull_folder

        found = find_file(name, models_dir) if name else None
        if name and not found:
            from opensonic.weights.records import MODEL_FILES

            file = MODEL_FILES[name]
            raise WeightsError(
                f"{name} is not on this machine; it is had at {file.url} ({file.licence.name}), "
                f"or with: opensonic models pull {name}"
            )
        place = found.path if found else pull_folder(models_dir)
        if json:
            print_json({"path": str(place), "layout": found.layout if found else "plain"})
        else:
            sys.stdout.write(f"{place}\n")


@contextmanager
def _stoppable() -> Iterator[None]:
    """Tell after Ctrl-C that a download can be gone on with.

    Raises:
        typer.Exit: With 130 after Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        say("opensonic: interrupted; what came is kept, the same command goes on with it")
        raise typer.Exit(130) from error


def _show_licences(files: list[ModelFile]) -> None:
    count = "1 file is" if len(files) == 1 else f"{len(files)} files are"
    say(f"{count} missing. What is fetched is not OpenSonic's and has terms of its own:")
    for licence in dict.fromkeys(file.licence for file in files):
        names = ", ".join(file.name for file in files if file.licence == licence)
        say(f"  {names}", style="bold")
        say(f"    {licence.name}: {licence.url}")
        say(f"    who may use it: {licence.who}")
        for page in dict.fromkeys(file.page for file in files if file.licence == licence):
            say(f"    from {page}")


def _ask_consent(given: bool) -> None:
    """Ask whether the licences are agreed to.

    Raises:
        InputError: They are not, or nobody can be asked.
        KeyboardInterrupt: The user stopped at the question.
    """
    if given:
        return
    if not sys.stdin.isatty():
        raise InputError(
            "the licences above were not agreed to; read them and, if you agree, add "
            "--accept-licenses"
        )
    try:
        agreed = typer.confirm("Do you agree to all of them?", err=True)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    if not agreed:
        raise InputError("the licences were not agreed to, so nothing was fetched")


def _read_whole(verdict: Verdict, progress: Progress) -> Verdict:
    from opensonic.progress import Report
    from opensonic.weights.check import check_contents

    if not verdict.found:
        return verdict
    total, done = verdict.found.path.stat().st_size, 0

    def follow(n_bytes: int) -> None:
        nonlocal done
        done += n_bytes
        progress(Report(verdict.file.name, done // 1_000_000, total // 1_000_000))

    return check_contents(verdict, follow)


def _print_verdicts(verdicts: list[Verdict]) -> None:
    rows = []
    for verdict in verdicts:
        if not verdict.found:
            rows.append((verdict.file.name, "[red]missing[/]", f"had at {verdict.file.url}"))
            continue
        word = "[green]ok[/]" if verdict.good else "[red]wrong[/]"
        told = f"{verdict.found.path}: {verdict.problem or verdict.checked}"
        rows.append((verdict.file.name, word, _escaped(told)))
    _print_rows(("file", "", "found"), rows)
    if bad := sum(not verdict.good for verdict in verdicts):
        say(f"{bad} of {len(verdicts)} cannot be used. Fetch them with: opensonic models pull")


def _escaped(told: object) -> str:
    from rich.markup import escape

    return escape(str(told))


def _print_verdicts_as_json(verdicts: list[Verdict]) -> None:
    print_json(
        {
            "ok": all(verdict.good for verdict in verdicts),
            "files": [
                _described(verdict.file)
                | {
                    "path": str(verdict.found.path) if verdict.found else None,
                    "ok": verdict.good,
                    "problem": verdict.problem if verdict.found else "missing",
                    "checked": verdict.checked,
                }
                for verdict in verdicts
            ],
        }
    )


def _described(file: ModelFile) -> dict[str, Any]:
    from opensonic.weights.records import REQUIRED

    return {
        "name": file.name,
        "use": file.use,
        "for": file.purpose,
        "needed": file.name in REQUIRED,
        "url": file.url,
        "place": file.place,
        "licence": file.licence.name,
        "licence_url": file.licence.url,
        "who_may_use_it": file.licence.who,
    }


def _lack(file: ModelFile) -> str:
    from opensonic.weights.records import REQUIRED

    if file.purpose == "evaluate":
        return "[dim]not there; for evaluate[/]"
    return "[red]missing[/]" if file.name in REQUIRED else "[dim]not there, not needed[/]"


def _print_rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
