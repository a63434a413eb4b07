"""Options of `opensonic evaluate` for the measures that need networks of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensonic.cli.console import say
from opensonic.errors import InputError

if TYPE_CHECKING:
    from opensonic.metrics.networks.observers import FieldMeasures
    from opensonic.values import Portrait

_PANEL = "Measures of the field (SyncNet, CSIM, LPIPS, FID, FVD)"

NetworksOption = Annotated[
    bool,
    typer.Option(
        "--networks/--no-networks",
        help="Also take the measures whose weights are on this machine (`opensonic models list`); "
        "they need opensonic\\[evaluate].",
        rich_help_panel=_PANEL,
    ),
]
PortraitOption = Annotated[
    Path | None,
    typer.Option(
        "--portrait",
        help="The picture that the video was made of, for CSIM; else the reference is taken.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
WeightsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--weights",
        metavar="NAME=FILE",
        help="A file of weights by its name in `opensonic models list`, such as "
        "arcface=mine.onnx; may be given several times.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
ModelsOption = Annotated[
    Path | None,
    typer.Option(
        "--models-dir",
        metavar="DIR",
        help="Folder with weights, looked in first.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="auto, cpu, cuda, cuda:N or mps.",
        rich_help_panel=_PANEL,
    ),
]


def load_measures(
    weights: Sequence[str], models_dir: Path | None, portrait: Path | None, device: str
) -> FieldMeasures:
    """Load the networks that are there.

    Args:
        weights: Files as NAME=FILE.
        models_dir: Folder to look in first.
        portrait: A picture with a face, or None.
        device: As PyTorch calls it, or "auto".

    Raises:
        InputError: A file is not named as NAME=FILE, or the picture cannot be used.
    """
    from opensonic.metrics.networks.observers import FieldMeasures

    return FieldMeasures(
        models_dir,
        weights=dict(map(_split, weights)),
        portrait=None if portrait is None else _read_portrait(portrait),
        device=device,
        say=say,
    )


def _split(text: str) -> tuple[str, Path]:
    name, sign, path = text.partition("=")
    if not (name and sign and path):
        raise InputError(f"--weights {text}: expected NAME=FILE, such as arcface=mine.onnx")
    return name, Path(path).expanduser()


def _read_portrait(path: Path) -> Portrait:
    from opensonic.face.portrait import prepare_portrait
    from opensonic.media.image import read_image
    from opensonic.settings import Settings

    return prepare_portrait(read_image(path), str(path), Settings()).portrait
