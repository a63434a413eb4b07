"""`opensonic motion`: what a face would do to a recording, as a file for other tools."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from opensonic.cli.animate import JsonOption, QuietOption
from opensonic.cli.console import guarded, print_json, progress_bar, say
from opensonic.cli.options import with_settings
from opensonic.progress import Report


@with_settings("duration", "dynamic_scale", "motion_scale", "fps", "seed", "lips")
def motion(
    speech: Annotated[
        str, typer.Argument(help="A recording: WAV, MP3, FLAC, M4A, OGG, or a video with sound.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The motion to write: .csv or .json.")
    ] = Path("motion.csv"),
    layout: Annotated[
        str,
        typer.Option(
            "--layout",
            metavar="NAME",
            help="Columns of a .csv: opensonic (our channels and ARKit's 52 shapes), or livelink "
            "(exactly those of Live Link Face, for Unreal, Blender, Maya ...).",
        ),
    ] = "opensonic",
    json: JsonOption = False,
    quiet: QuietOption = False,
    **chosen: Any,  # noqa: ANN401 - any option's type
) -> None:
    """Write what a face does while it says a recording, for other tools or to edit and take back.

    Example: opensonic motion speech.mp3 -o motion.csv --layout livelink
    """
    with guarded(json):
        import opensonic
        from opensonic.motion.writer import check_motion_target

        check_motion_target(output, layout)
        started = time.perf_counter()
        with progress_bar(shown=not (quiet or json)) as progress:
            progress(Report("reading the sound", 0, 1))
            heard = opensonic.hear_motion(speech, **chosen)
            n_frames = opensonic.write_motion(heard, output, layout=layout, progress=progress)
        wall_s = time.perf_counter() - started
        if json:
            print_json(
                {
                    "output": str(output),
                    "frames": n_frames,
                    "fps": str(heard.fps),
                    "layout": layout,
                    "bytes": output.stat().st_size,
                    "wall_s": round(wall_s, 3),
                    "notes": list(heard.notes),
                    "warnings": list(heard.warnings),
                }
            )
            return
        for note in heard.notes:
            say(f"  {note}")
        for warning in heard.warnings:
            say(f"  warning: {warning}", style="yellow")
        length = float(n_frames / heard.fps)
        frames = "1 frame" if n_frames == 1 else f"{n_frames} frames"
        say(f"{output}: {length:.2f} s, {frames}, made in {wall_s:.1f} s", style="bold green")
