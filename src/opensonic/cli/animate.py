"""`opensonic animate`: one portrait, one recording, one video."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensonic.cli.console import guarded, print_json, progress_bar, say
from opensonic.cli.options import with_settings

if TYPE_CHECKING:
    from opensonic import Video

OutputOption = Annotated[
    Path, typer.Option("-o", "--output", help="The video to write: .mp4, .m4v or .mov.")
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", metavar="", help="Print the result, or the error, as one line of JSON."),
]
QuietOption = Annotated[
    bool, typer.Option("-q", "--quiet", metavar="", help="Show no progress bar.")
]


@with_settings()
def animate(
    portrait: Annotated[
        str, typer.Argument(help="A picture with a face: PNG, JPEG, WebP, BMP, TIFF, GIF ...")
    ],
    speech: Annotated[
        str, typer.Argument(help="A recording: WAV, MP3, FLAC, M4A, OGG, or a video with sound.")
    ],
    output: OutputOption = Path("talk.mp4"),
    motion_in: Annotated[
        Path | None,
        typer.Option(
            "--motion-in",
            help="Move as this file says instead of as is heard: OpenSonic's CSV or JSON, "
            "Live Link Face's CSV, ARKit's shapes in JSON, Rhubarb's JSON or TSV.",
            show_default=False,
        ),
    ] = None,
    motion_out: Annotated[
        Path | None,
        typer.Option(
            "--motion-out",
            help="Write the motion of the video, too: .csv or .json.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Measure the finished video and write a report with plots and pictures: .html.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    **chosen: Any,  # noqa: ANN401 - any option's type
) -> None:
    """Make the person in a portrait say what a recording says.

    Example: opensonic animate portrait.jpg speech.mp3 -o talk.mp4
    """
    with guarded(json, kept=kept_work(output, chosen)):
        chosen |= {"motion": motion_in, "motion_output": motion_out}
        make_video(
            portrait, speech, output, as_json=json, quiet=quiet, chosen=chosen, report=report
        )


def kept_work(output: Path, chosen: dict[str, Any]) -> Path | None:
    """Give the file in which a stopped run keeps what is finished; None where nothing is kept."""
    if not chosen.get("resume"):
        return None
    from opensonic.video import state_path

    return state_path(output)


def make_video(
    portrait: str,
    speech: str,
    output: Path,
    *,
    as_json: bool,
    quiet: bool,
    chosen: dict[str, Any],
    report: Path | None = None,
) -> None:
    """Make one video and print what came of it.

    Args:
        portrait: Path of the picture.
        speech: Path of the recording.
        output: Target file.
        as_json: Print one line of JSON instead of sentences.
        quiet: Show no progress bar.
        chosen: Settings by name, as typed; and `motion` and `motion_output`.
        report: Where to write a report on the video.

    Raises:
        OpenSonicError: See `opensonic.animate`.
    """
    import opensonic

    if report is not None:
        from opensonic.metrics.report import check_report_target

        check_report_target(report)
    started = time.perf_counter()
    watched = not (quiet or as_json)
    with progress_bar(shown=watched) as progress:
        video = opensonic.animate(portrait, speech, output=output, progress=progress, **chosen)
    if watched:
        _tell(video)  # before the work, which may take hours
    with progress_bar(shown=watched) as progress:
        saved = video.save(output, progress, motion=chosen.get("motion_output"), report=report)
    wall_s = time.perf_counter() - started
    width, height = video.size
    if as_json:
        print_json(
            {
                "output": str(saved.path),
                "motion": str(chosen["motion_output"]) if chosen.get("motion_output") else None,
                "report": str(report) if report else None,
                "frames": saved.n_frames,
                "fps": str(video.fps),
                "duration_s": round(saved.duration_s, 3),
                "sound_s": round(float(video.speech.duration), 3),
                "width": width,
                "height": height,
                "bytes": saved.size_bytes,
                "engine": video.engine.name,
                "engine_reason": video.engine_reason,
                "seed": video.settings.seed,
                "wall_s": round(wall_s, 3),
                "notes": [*video.notes, *saved.notes],
                "warnings": [*video.warnings, *saved.warnings],
            }
        )
        return
    if not watched:
        _tell(video)
    _list(saved.notes, saved.warnings)
    frames = "1 frame" if saved.n_frames == 1 else f"{saved.n_frames} frames"
    say(
        f"{saved.path}: {saved.duration_s:.2f} s, {width}x{height}, {frames}, "
        f"made in {wall_s:.1f} s",
        style="bold green",
    )
    if saved.report is not None:
        say(f"{saved.report}: report on it", style="bold green")


def _tell(video: Video) -> None:
    """Print what the user should know of a video."""
    _list(video.notes, video.warnings)
    say(f"  engine: {video.engine.name} ({video.engine_reason})")


def _list(notes: tuple[str, ...], warnings: tuple[str, ...]) -> None:
    for note in notes:
        say(f"  {note}")
    for warning in warnings:
        say(f"  warning: {warning}", style="yellow")
