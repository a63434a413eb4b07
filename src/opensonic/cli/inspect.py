"""`opensonic inspect`: what the engine sees in a portrait, how well it suits, what would help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensonic.cli.animate import JsonOption
from opensonic.cli.console import guarded, print_json, say
from opensonic.cli.options import with_settings

if TYPE_CHECKING:
    from opensonic.inspector.inspection import Inspection

_COLOURS = {"good": "green", "usable": "yellow", "poor": "red"}


@with_settings("face")
def inspect(
    portrait: Annotated[
        str, typer.Argument(help="A picture with a face: PNG, JPEG, WebP, BMP, TIFF, GIF ...")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="The sheet to draw: .png, .jpg, .jpeg or .webp."),
    ] = Path("inspect.png"),
    json: JsonOption = False,
    **chosen: Any,  # noqa: ANN401 - any option's type
) -> None:
    """Show what is seen in a portrait, how well it suits, and what to improve.

    Draws the detector's box, mesh, lips, depth and light, and a contact sheet of mouth, eyes and
    head. A low score is no error.

    Example: opensonic inspect portrait.jpg -o inspect.png
    """
    with guarded(json):
        import opensonic
        from opensonic.inspector.inspection import check_sheet_target

        check_sheet_target(output, Path(portrait))
        found = opensonic.inspect_portrait(portrait, **chosen)
        found.save(output)
        if json:
            print_json(describe(found) | {"output": str(output)})
        else:
            _print_table(found)
            say(f"{output}: {found.verdict}, {found.score} of 100", style="bold green")


def describe(found: Inspection) -> dict[str, Any]:
    """Give an inspection as plain values.

    Args:
        found: The inspection.
    """
    from dataclasses import asdict

    face = found.portrait.face
    height, width = found.picture.shape[:2]
    return {
        "portrait": found.portrait.name,
        "verdict": found.verdict,
        "score": found.score,
        "scores": [asdict(one) for one in found.scores],
        "measures": asdict(found.measures),
        "width": width,
        "height": height,
        "faces": [[round(float(v), 1) for v in one.box] for one in found.faces],
        "taken": found.taken,
        "certainty": round(face.score, 3),
        "notes": list(found.notes),
        "warnings": list(found.warnings),
    }


def _print_table(found: Inspection) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "score", "measured", "advice", box=None)
    for one in found.scores:
        colour = _COLOURS[one.verdict]
        table.add_row(one.name, f"[{colour}]{one.score}[/]", one.measured, one.advice)
    Console().print(table)
    for note in found.notes:
        say(f"  {note}")
    for warning in found.warnings:
        say(f"  warning: {warning}", style="yellow")
