"""`opensonic models`: list, fetch, check and find published files.

They are those of the Sonic model and of the networks that `opensonic evaluate` measures with. The
default engine needs none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensonic.cli.animate import JsonOption, QuietOption
from opensonic.cli.console import guarded, print_json, progress_bar, say
from opensonic.cli.model_tables import print_files, print_verdicts, show_licences
from opensonic.errors import InputError, WeightsError

if TYPE_CHECKING:
    from opensonic.progress import Progress
    from opensonic.weights.check import Verdict

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
MirrorOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL",
        help="Server with the paths of huggingface.co, asked first; may be given several "
        "times. HF_ENDPOINT takes the place of huggingface.co itself.",
    ),
]
AcceptOption = Annotated[
    bool,
    typer.Option(
        "--accept-licenses", metavar="", help="You have read the licences and agree to them."
    ),
]
QuickOption = Annotated[
    bool,
    typer.Option(
        "--quick", metavar="", help="Only sizes, names and shapes; do not read whole files."
    ),
]


@app.command("list")
def list_(models_dir: FolderOption = None, json: JsonOption = False) -> None:
    """List the files: whose they are, what they are for, and where they lie on this machine."""
    with guarded(json):
        from opensonic.weights.places import find_file
        from opensonic.weights.records import MODEL_FILES

        rows = [(file, find_file(name, models_dir)) for name, file in MODEL_FILES.items()]
        print_files(rows, json)


@app.command()
def pull(
    names: NamesArgument = None,
    models_dir: FolderOption = None,
    mirror: MirrorOption = None,
    accept_licenses: AcceptOption = False,
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
            show_licences(wanted)
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
    quick: QuickOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check the files: names and shapes of every tensor, and SHA-256 where it is known.

    Nothing in them is run. What could hold a program and was not looked into is called unread. Exit
    code 3 where a file is missing or wrong.

    Raises:
        typer.Exit: With 3 where a file is missing or wrong.
    """
    with guarded(json):
        from opensonic.weights.check import check_file, check_pickle
        from opensonic.weights.places import find_file
        from opensonic.weights.records import REQUIRED, SONIC_NETWORKS

        there = [name for name in SONIC_NETWORKS if name in REQUIRED or find_file(name, models_dir)]
        wanted = dict.fromkeys(names or there)
        verdicts = [check_pickle(check_file(name, models_dir)) for name in wanted]
        if not quick:
            with progress_bar(not quiet, unit="MB") as progress:
                verdicts = [_read_whole(verdict, progress) for verdict in verdicts]
        print_verdicts(verdicts, json)
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
        from opensonic.weights.records import MODEL_FILES

        found = find_file(name, models_dir) if name else None
        if name and not found:
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
