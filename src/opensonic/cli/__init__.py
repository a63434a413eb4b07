"""The command line: it parses, calls the API and prints. `opensonic --help` is its manual."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Annotated, NoReturn

import typer

from opensonic.cli.animate import animate
from opensonic.cli.demo import demo
from opensonic.cli.doctor import doctor
from opensonic.cli.evaluate import evaluate
from opensonic.cli.inspect import inspect
from opensonic.cli.models import app as models
from opensonic.cli.motion import motion
from opensonic.cli.smooth import smooth
from opensonic.cli.sync import sync
from opensonic.cli.train import app as train

RESPONSIBLE_USE = (
    "Only animate a portrait if the person in it, or whoever holds the rights, agrees. "
    "Unless you turn it off, every file is marked as AI-generated in its metadata."
)
"""What the user is asked to respect, in the words of the help page."""

app = typer.Typer(
    name="opensonic",
    help="One portrait and one recording of speech become a talking video.\n\n"
    "Runs on a plain CPU; with a GPU and its weights it draws with the Sonic model, too. "
    "Downloads nothing unless told to (models pull).",
    epilog=RESPONSIBLE_USE,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("opensonic"))
        raise typer.Exit()


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            help="Print the version.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    pass


app.command(epilog=RESPONSIBLE_USE)(animate)
app.command()(inspect)
app.command()(evaluate)
app.command()(sync)
app.command()(smooth)
app.command()(motion)
app.command()(demo)
app.command()(doctor)
app.add_typer(models, name="models")
app.add_typer(train, name="train")


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command line; exit 0 done, 1 bug, 2 wrong input, 3 weights, 4 output, 130 Ctrl-C."""
    signal.signal(signal.SIGTERM, _stop)  # so that half a video is cleared away then too
    app()
