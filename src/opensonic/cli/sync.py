"""`opensonic sync`: how late the sound of a video is, and a copy in which it is not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensonic.cli.animate import JsonOption, QuietOption
from opensonic.cli.console import guarded, print_json, progress_bar, say
from opensonic.errors import InputError

if TYPE_CHECKING:
    from opensonic.media.remux import Moved
    from opensonic.post.sync.lag import Sync
    from opensonic.post.sync.watch import VideoSync

IN_SYNC_S = 0.01
"""Lag up to which nothing is moved, s: nobody sees it, and the measure is not finer."""
MAX_WANDER_S = 0.08
"""Change of the lag from beginning to end from which no constant shift is a correction, s."""

_SMALLEST_MS, _LARGEST_MS = 50, 60_000
_SHOWN_WINDOWS = 12
_NOTICED_S = 0.045
"""From here on sound that is off gets noticed (ITU-R BT.1359: 45 ms early, 125 ms late), s."""


def sync(
    video: Annotated[Path, typer.Argument(help="A video of one talking face, with its sound.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write a copy with the sound moved: .mp4, .m4v, .mov, .mkv or .webm. Picture and "
            "sound are copied as they are, not encoded again.",
            show_default=False,
        ),
    ] = None,
    lag: Annotated[
        float | None,
        typer.Option(
            "--lag",
            metavar="MS",
            help="Correct this lag and measure none: milliseconds by which the sound comes later "
            "than the lips; below 0 where it comes before them.",
            show_default=False,
        ),
    ] = None,
    max_lag: Annotated[
        float | None,
        typer.Option(
            "--max-lag",
            metavar="MS",
            help="Look for lags up to this many milliseconds; unset: 300 to 1000, by the length.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure by how much the sound of a video comes late or early, and correct it.

    Example: opensonic sync talk.mp4 -o fixed.mp4
    """
    with guarded(json):
        from opensonic.media.remux import check_copy_target

        _check_numbers(lag, max_lag, output)
        if output is not None:
            check_copy_target(video, output)
        found = None
        if lag is None:
            from opensonic.post.sync.watch import measure_video

            reach_s = None if max_lag is None else max_lag / 1000
            with progress_bar(shown=not (quiet or json), unit="s of video") as progress:
                found = measure_video(video, max_lag_s=reach_s, progress=progress)
            if not json:
                _tell(video, found)
        moved = None
        if output is not None:
            moved = _correct(video, output, lag, found)
        if json:
            print_json(_summary(video, found, moved))
        elif moved is not None:
            _tell_moved(moved, measured=found is not None)


def _check_numbers(lag: float | None, max_lag: float | None, output: Path | None) -> None:
    """Refuse numbers that make no sense.

    Raises:
        InputError: They do not.
    """
    if lag is not None and output is None:
        raise InputError("--lag says what to correct; expected the file to write, too: -o FILE")
    if lag is not None and max_lag is not None:
        raise InputError("--max-lag has no effect beside --lag, which measures nothing; drop one")
    if lag is not None and not abs(lag) <= _LARGEST_MS:
        raise InputError(f"--lag: {lag:g} ms; expected -{_LARGEST_MS} to {_LARGEST_MS} ms")
    if max_lag is not None and not _SMALLEST_MS <= max_lag <= _LARGEST_MS:
        raise InputError(f"--max-lag: {max_lag:g} ms; expected {_SMALLEST_MS} to {_LARGEST_MS} ms")


def _correct(video: Path, output: Path, lag_ms: float | None, found: VideoSync | None) -> Moved:
    """Write the copy.

    Raises:
        InputError: The lag is not known well enough.
        EncodeError: It cannot be written.
    """
    from opensonic.media.remux import shift_sound

    if found is None:
        return shift_sound(video, output, -(lag_ms or 0) / 1000)
    measured = found.sync
    by_hand = "or say the lag by hand with --lag MS"
    if not measured.clear:
        raise InputError(
            f"{video}: the lag is not clear, and nothing was written: take a longer or clearer "
            f"part of the video, {by_hand}"
        )
    wander_s = wander(found)
    if abs(wander_s) > MAX_WANDER_S:
        raise InputError(
            f"{video}: the lag changes by {1000 * wander_s:+.0f} ms from beginning to end; no "
            f"constant shift corrects that, and nothing was written: set the frame rate right, "
            f"{by_hand}"
        )
    shift_s = 0.0 if abs(measured.lag_s) <= IN_SYNC_S else -measured.lag_s
    return shift_sound(video, output, shift_s)


def wander(found: VideoSync) -> float:
    """Give the change of the lag from the first to the last window, s; 0 where it may be chance."""
    measured, windows = found.sync, found.sync.windows
    if not windows or abs(measured.drift_ms_per_s) <= 2 * measured.drift_error_ms_per_s:
        return 0.0
    return measured.drift_ms_per_s / 1000 * (windows[-1].end_s - windows[0].start_s)


def in_words(lag_s: float) -> str:
    """Say a lag: `sound 120 ms late`."""
    if abs(lag_s) < 0.0005:
        return "lips and sound together"
    return f"sound {abs(1000 * lag_s):.0f} ms {'late' if lag_s > 0 else 'early'}"


def _tell(video: Path, found: VideoSync) -> None:
    measured = found.sync
    if measured.clear:
        verdict = "in sync" if abs(measured.lag_s) <= IN_SYNC_S else in_words(measured.lag_s)
        typer.echo(
            f"{video}: {verdict} ({1000 * measured.lag_s:+.0f} ± {1000 * measured.error_s:.0f} ms, "
            f"confidence {measured.confidence:.2f})"
        )
    else:
        typer.echo(
            f"{video}: cannot tell (best guess {1000 * measured.lag_s:+.0f} ms, confidence "
            f"{measured.confidence:.2f}): dubbed, a voice from elsewhere, music, or too little of "
            "the lips is seen"
        )
    for line in _window_lines(measured):
        typer.echo(line)
    if measured.clear and abs(wander(found)) > IN_SYNC_S:
        drift = measured.drift_ms_per_s
        typer.echo(
            f"  drift: {drift:+.2f} ms per second ({60 * drift:+.0f} ms per minute), "
            f"{1000 * wander(found):+.0f} ms over the video"
        )


def _window_lines(measured: Sync) -> list[str]:
    windows = measured.windows
    if len(windows) < 2:
        return []
    step = -(-len(windows) // _SHOWN_WINDOWS)
    lines = [
        f"  {window.start_s:7.1f} to {window.end_s:.1f} s: {1000 * window.lag_s:+.0f} ms "
        f"(confidence {window.confidence:.2f})"
        for window in windows[::step]
    ]
    if step > 1:
        lines.append(f"  one in {step} of {len(windows)} windows; --json gives all")
    return lines


def _tell_moved(moved: Moved, *, measured: bool) -> None:
    shift_ms = 1000 * moved.shift_s
    same = "already in sync: copied as it is" if measured else "copied as it is"
    what = f"sound moved by {shift_ms:+.0f} ms" if shift_ms else same
    say(f"{moved.path}: {what}, nothing encoded again", style="bold green")
    if abs(moved.ignored_s) > _NOTICED_S:
        when = "late" if moved.ignored_s > 0 else "early"
        say(
            f"  players that know no edit lists (few) play it {abs(1000 * moved.ignored_s):.0f} ms "
            f"too {when}; a name that ends in .mkv needs none"
        )
    if moved.left_out:
        say(f"  left out, as this kind of file holds none: {', '.join(moved.left_out)}")


def _summary(video: Path, found: VideoSync | None, moved: Moved | None) -> dict[str, Any]:
    summary: dict[str, Any] = {"video": str(video)}
    if found is not None:
        measured = found.sync
        summary |= {
            "lag_ms": round(1000 * measured.lag_s, 1),
            "error_ms": round(1000 * measured.error_s, 1),
            "confidence": round(measured.confidence, 3),
            "clear": measured.clear,
            "drift_ms_per_s": round(measured.drift_ms_per_s, 3),
            "wander_ms": round(1000 * wander(found), 1),
            "seen_s": round(found.seen_s, 2),
            "fps": str(found.footage.fps),
            "windows": [
                {
                    "start_s": round(window.start_s, 2),
                    "end_s": round(window.end_s, 2),
                    "lag_ms": round(1000 * window.lag_s, 1),
                    "confidence": round(window.confidence, 3),
                }
                for window in measured.windows
            ],
        }
    if moved is not None:
        summary |= {
            "output": str(moved.path),
            "shift_ms": round(1000 * moved.shift_s, 1),
            "without_edit_lists_ms": round(1000 * moved.ignored_s, 1),
            "left_out": list(moved.left_out),
        }
    return summary
