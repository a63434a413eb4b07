"""What the commands print: progress and messages to standard error, results to standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from opensonic.errors import OpenSonicError
from opensonic.progress import Progress, Report


@contextmanager
def guarded(as_json: bool, kept: Path | None = None) -> Iterator[None]:
    """Turn our errors into one line and the exit code that DESIGN promises; bugs pass through.

    Args:
        as_json: Whether errors are also printed as JSON.
        kept: File in which a stopped run may have left finished work.

    Raises:
        typer.Exit: After an OpenSonicError or Ctrl-C was reported.
    """
    try:
        yield
    except OpenSonicError as error:
        message = " ".join(str(error).split())
        if as_json:
            print_json(
                {"error": message, "kind": type(error).__name__, "exit_code": error.exit_code}
            )
        typer.echo(f"opensonic: {message}", err=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        left = "no half-written file was left behind"
        if kept is not None and kept.exists():
            left = f"what is finished is kept in {kept}; the same command goes on with it"
        typer.echo(f"opensonic: interrupted; {left}", err=True)
        raise typer.Exit(130) from error


def print_json(result: dict[str, Any]) -> None:
    """Print one machine-readable result as one line of JSON, in ASCII, on standard output."""
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def say(line: str, style: str = "") -> None:
    """Print a line for a person on standard error."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False, markup=False)
    console.print(line, style=style)


@contextmanager
def progress_bar(shown: bool, unit: str = "frames") -> Iterator[Progress]:
    """Show stage, speed and time left on standard error while work goes on.

    The bar goes when the work ends, and without a terminal none comes, so that an error is one
    line.

    Args:
        shown: Whether to show it at all.
        unit: What is counted.

    Yields:
        The callback to hand to the API.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<18}"),
        TextColumn("{task.fields[detail]}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    hidden = not (shown and console.is_terminal)
    with Bar(*columns, console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task("starting", total=None, rate="", detail="")

        def follow(report: Report) -> None:
            known = report.total > 1
            if report.stage != bar.tasks[0].description:
                bar.reset(task)  # so that the time left is that of this stage
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            bar.update(
                task,
                description=report.stage,
                completed=report.done if known else 0,
                total=report.total if known else None,
                rate=f"{speed:.3g} {report.unit or unit}/s" if known and speed else "",
                detail=report.detail,
            )

        yield follow
