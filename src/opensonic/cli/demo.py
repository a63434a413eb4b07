"""`opensonic demo`: the bundled portrait says the bundled sentence."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from opensonic.cli.animate import JsonOption, OutputOption, QuietOption, make_video
from opensonic.cli.console import guarded
from opensonic.errors import InputError


def demo(
    output: OutputOption = Path("demo.mp4"),
    photo: Annotated[
        bool,
        typer.Option(
            "--photo",
            metavar="",
            help="Animate a photograph (NASA, public domain; needs scikit-image).",
        ),
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make a talking video from the bundled example, to see that all works."""
    with guarded(json):
        folder = files("opensonic") / "examples"
        with (
            as_file(folder / "portrait.png") as portrait,
            as_file(folder / "speech.flac") as speech,
        ):
            picture = _astronaut() if photo else str(portrait)
            make_video(picture, str(speech), output, as_json=json, quiet=quiet, chosen={})


def _astronaut() -> str:
    try:
        from skimage import data
    except ImportError as error:
        raise InputError(
            "the photograph comes with scikit-image, which is not installed; "
            "run: pip install scikit-image"
        ) from error
    return str(Path(data.__file__).parent / "astronaut.png")
