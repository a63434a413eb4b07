"""`opensonic smooth`: a copy of any talking video without jumps, at another frame rate if asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensonic.cli.animate import JsonOption, QuietOption
from opensonic.cli.console import guarded, print_json, progress_bar, say

if TYPE_CHECKING:
    from opensonic.post.smooth.file import SmoothedVideo

_SHOWN_TIMES = 12


def smooth(
    video: Annotated[Path, typer.Argument(help="A video of a talking person.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The video to write: .mp4, .m4v, .mov or .mkv. Its sound is copied untouched.",
        ),
    ] = Path("smooth.mp4"),
    fps: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Frames per second to make, such as 50 or 30000/1001; unset: those of the video.",
            show_default=False,
        ),
    ] = None,
    mend: Annotated[
        bool,
        typer.Option(
            "--mend/--no-mend",
            help="Make frames anew that are jumps; off: only change the frame rate.",
        ),
    ] = True,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Remove jumps between frames (dropped, doubled, displaced ones) and change the frame rate.

    Quick movement that is meant, such as blinks, lips and cuts, stays as it is.

    Example: opensonic smooth talk.mp4 -o smooth.mp4 --fps 50
    """
    with guarded(json):
        from opensonic.post.smooth.file import smooth_video
        from opensonic.settings import choose

        rate = None if fps is None else choose(fps=fps)[0].fps
        with progress_bar(shown=not (quiet or json)) as progress:
            done = smooth_video(video, output, fps=rate, mend=mend, progress=progress)
        if json:
            print_json(
                {
                    "output": str(done.path),
                    "frames": done.n_frames,
                    "fps": None if rate is None else str(rate),
                    "mended_s": [round(at_s, 3) for at_s in done.jumps_s],
                    "copied": done.is_copy,
                }
            )
        else:
            _tell(done, mend)


def _tell(done: SmoothedVideo, mend: bool) -> None:
    if done.jumps_s:
        times = ", ".join(f"{at_s:.2f}" for at_s in done.jumps_s[:_SHOWN_TIMES])
        more = " ..." if len(done.jumps_s) > _SHOWN_TIMES else ""
        say(f"  frames made anew: {len(done.jumps_s)}, at {times}{more} s")
    frames = "1 frame" if done.n_frames == 1 else f"{done.n_frames} frames"
    what = "copied as it is" if done.is_copy else frames
    if mend and not done.jumps_s:
        what = f"no jumps found: {what}"
    say(f"{done.path}: {what}", style="bold green")
