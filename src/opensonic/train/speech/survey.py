"""A folder of videos becomes clips to learn from, and a report on every file of it.

A file is used where its lips are seen, move, and follow its sound. Short files that say too little
by themselves lean on the other files of their speaker. A constant lag is corrected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.errors import EncodeError, InputError
from opensonic.progress import Progress, ignore
from opensonic.speech.mel import FRAME_RATE, level_rows
from opensonic.speech.network import APERTURE, WIDTH, listen
from opensonic.speech.phones import PHONES, SILENCE
from opensonic.train.speech.fitness import MIN_RUN_S, check_movement, check_speech, find_runs
from opensonic.train.speech.footage import find_videos, look_into
from opensonic.train.speech.sync_check import Stretch, Sync, agreement_at, measure_sync, prepare
from opensonic.train.speech.track_cache import read_mel, read_track
from opensonic.train.speech.tracker import Track
from opensonic.train.speech.tracks import RealClip, anchor_lips, opening_gain

MAX_LAG_S = 0.2
"""Largest lag of the lips that is corrected, s."""

_UNNOTICED_LAG_S = 0.03
_MAX_DRIFT_S = 0.06
_DRIFT_FROM_S = 40
_WINDOW_ROWS = 10 * FRAME_RATE
_MIN_ROWS = round(MIN_RUN_S * FRAME_RATE) - 10
_MIN_AGREEMENT = 0.1
_LEANING_R = 0.15

Rows = npt.NDArray[np.float32]
"""(T, C) float32 at 100 Hz."""


@dataclass(frozen=True)
class FileReport:
    """What became of one file.

    Attributes:
        name: Path within the folder.
        speaker: Who speaks in it.
        length_s: Its length, s; 0 where it is unknown.
        used_s: Length of what is used, s.
        lag_s: Seconds by which its lips come after its sound; None where that is not clear.
        r: Correlation of its lips with those that are heard, at that lag or at the best; or None.
        reason: Why it is dropped; empty where it is used.
        note: What else should be known.
    """

    name: str
    speaker: str
    length_s: float = 0.0
    used_s: float = 0.0
    lag_s: float | None = None
    r: float | None = None
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Survey:
    """What a folder holds.

    Attributes:
        files: One report for every video, in order.
        clips: What can be learnt from, in pieces of 2 to 10 s; `name` is that of the file.
        others: Number of files that were passed over as no videos.
    """

    files: tuple[FileReport, ...]
    clips: tuple[RealClip, ...]
    others: int = 0


@dataclass(frozen=True, eq=False)
class _Window:
    """Up to 10 s of one stretch.

    Attributes:
        first: Row of the sound at which it begins, before any lag is corrected.
        lips: (T, 2) gap and width, e.
        stretch: The same beside what is heard, ready to be compared.
    """

    first: int
    lips: Rows
    stretch: Stretch


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One video in which lips move and somebody speaks."""

    report: FileReport
    mel: npt.NDArray[np.float16]
    windows: list[_Window]
    sync: Sync


def survey_folder(
    folder: Path, work: Path, *, speakers: str = "folders", progress: Progress = ignore
) -> Survey:
    """Track every video of a folder and find out what can be learnt from it.

    Args:
        folder: Videos, in sub-folders where these are speakers.
        work: Where tracks are kept; made where it is missing.
        speakers: Word of `footage.SPEAKERS`.
        progress: Told about the seconds of video that are tracked.

    Raises:
        InputError: There is no such folder, or no video in it.
        EncodeError: The work folder cannot be made or written to.
    """
    videos, others = find_videos(folder, speakers)
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EncodeError(
            f"{work}: the work folder cannot be made ({error.strerror}); choose another by --work"
        ) from error
    reports: dict[str, FileReport] = {}
    candidates: dict[str, list[_Candidate]] = {}
    for number, video in enumerate(videos):
        reports[video.name] = FileReport(video.name, video.speaker)
        stage = f"{number + 1} of {len(videos)}: {video.path.name}"
        try:
            length_s = look_into(video).duration_s
            reports[video.name] = replace(reports[video.name], length_s=length_s)
            track = read_track(video, work, stage, progress)
            found = _compare(track, read_mel(video, work), reports[video.name])
        except InputError as error:
            reports[video.name] = replace(reports[video.name], reason=str(error))
            continue
        candidates.setdefault(video.speaker, []).append(found)
    clips: list[RealClip] = []
    for own in candidates.values():
        for report, pieces in _judge_speaker(own):
            reports[report.name] = report
            clips += pieces
    return Survey(tuple(reports.values()), tuple(clips), others)


def _listen(mel: npt.NDArray[np.float16]) -> Rows:
    """Give opening, width, silence and the likeliest phone's probability as heard, (T, 4)."""

    def parts() -> Iterator[Rows]:
        for start in range(0, len(mel), 100):
            yield mel[start : start + 100].astype(np.float32)

    kept = [
        np.stack(
            [
                part[:, APERTURE],
                part[:, WIDTH],
                part[:, SILENCE],
                part[:, : len(PHONES)].max(1),
            ],
            axis=1,
        )
        for part in listen(level_rows(parts()))
    ]
    return np.concatenate(kept)


def _compare(track: Track, mel: npt.NDArray[np.float16], report: FileReport) -> _Candidate:
    """Bring the lips of a video beside what is heard in it.

    Raises:
        InputError: They are unfit; the message is the bare reason.
    """
    heard = _listen(mel)
    windows = []
    for run in find_runs(track):
        times = track.time_s[run] * FRAME_RATE - 0.5
        first, last = max(0, int(np.ceil(times[0]))), min(len(heard), int(times[-1]) + 1)
        rows = np.arange(first, max(first, last))
        lips = np.stack([np.interp(rows, times, column) for column in track.lips[run].T], axis=1)
        n_windows = max(1, -(-len(rows) // _WINDOW_ROWS))
        for part in np.array_split(np.arange(len(rows)), n_windows):
            if len(part) >= _MIN_ROWS:
                place = slice(first + int(part[0]), first + int(part[-1]) + 1)
                own = lips[part].astype(np.float32)
                windows.append(_Window(place.start, own, prepare(own, heard[place, :2])))
    if not windows:
        raise InputError(f"sound and face are together for less than {MIN_RUN_S:g} s")
    check_movement(np.concatenate([window.lips[:, 0] for window in windows]))
    places = np.concatenate(
        [np.arange(window.first, window.first + len(window.lips)) for window in windows]
    )
    check_speech(heard[places, 3], heard[places, 2], mel[places].mean(1, dtype=np.float32))
    sync = measure_sync([window.stretch for window in windows])
    return _Candidate(report, mel, windows, sync)


def _judge_speaker(own: Sequence[_Candidate]) -> Iterator[tuple[FileReport, list[RealClip]]]:
    """Decide on the files of one speaker, and scale what is used to usual openings."""
    together = measure_sync([window.stretch for each in own for window in each.windows])
    used: list[tuple[FileReport, _Candidate, list[_Window]]] = []
    for each in own:
        report, windows = _judge(each, together if len(own) > 1 else each.sync)
        if report.reason:
            yield report, []
        else:
            used.append((report, each, windows))
    if not used:
        return
    lips = [
        np.stack(anchor_lips(*np.concatenate([window.lips for window in windows]).T), axis=1)
        for _, _, windows in used
    ]
    gain = opening_gain(np.concatenate([part[:, 0] for part in lips]))
    for (report, each, windows), shaped in zip(used, lips, strict=True):
        shaped = np.stack([shaped[:, 0] * gain, np.clip(shaped[:, 1], -1, 1)], axis=1)
        yield report, list(_cut(report, each.mel, windows, shaped))


def _judge(each: _Candidate, together: Sync) -> tuple[FileReport, list[_Window]]:
    """Decide whether the lips of a file follow its sound, and in which windows."""
    sync, notes = each.sync, []
    report = replace(each.report, r=round(sync.r, 2))
    if not sync.clear:
        r = float(np.mean([agreement_at(w.stretch, together.lag_s) for w in each.windows]))
        if not together.clear or r < _LEANING_R:
            return replace(report, reason=_unclear(sync)), []
        sync = replace(sync, lag_s=together.lag_s, r=r)
        notes.append("too short to be sure by itself; judged with the speaker's other videos")
    report = replace(report, lag_s=sync.lag_s, r=round(sync.r, 2))
    if abs(sync.lag_s) > MAX_LAG_S + 1e-6:
        return replace(
            report, reason=f"{_lateness(sync.lag_s)}; up to {MAX_LAG_S} s is corrected"
        ), []
    drift = _drift(each)
    if drift:
        return replace(report, reason=drift), []
    windows = [w for w in each.windows if agreement_at(w.stretch, sync.lag_s) >= _MIN_AGREEMENT]
    used_s = sum(len(window.lips) for window in windows) / FRAME_RATE
    left_s = sum(len(window.lips) for window in each.windows) / FRAME_RATE - used_s
    if not windows:
        return replace(report, reason=_unclear(sync)), []
    if abs(sync.lag_s) > _UNNOTICED_LAG_S:
        notes.append(f"{_lateness(sync.lag_s)}: corrected")
    if left_s:
        notes.append(f"{left_s:.0f} s left out in which the lips do not follow the sound")
    return replace(report, used_s=round(used_s, 2), note="; ".join(notes)), windows


def _drift(each: _Candidate) -> str:
    """Say whether the lag wanders between the halves of a long file; empty if it does not."""
    stretches = [window.stretch for window in each.windows]
    if each.sync.seconds < _DRIFT_FROM_S or len(stretches) < 2:
        return ""
    half = len(stretches) // 2
    early, late = measure_sync(stretches[:half]), measure_sync(stretches[half:])
    if early.clear and late.clear and abs(early.lag_s - late.lag_s) > _MAX_DRIFT_S:
        return f"the lag wanders from {early.lag_s:+.2f} to {late.lag_s:+.2f} s"
    return ""


def _lateness(lag_s: float) -> str:
    return f"the lips come {abs(lag_s):.2f} s {'after' if lag_s > 0 else 'before'} the sound"


def _unclear(sync: Sync) -> str:
    return (
        f"the lips do not follow the sound (best r {sync.r:.2f} at {sync.lag_s:+.2f} s): "
        "dubbed, a narrator, or out of sync?"
    )


def _cut(
    report: FileReport, mel: npt.NDArray[np.float16], windows: list[_Window], lips: Rows
) -> Iterator[RealClip]:
    """Cut the sound that goes with each window, its lag taken away."""
    lag_s = report.lag_s or 0.0
    shift = round(lag_s * FRAME_RATE) if abs(lag_s) > _UNNOTICED_LAG_S else 0
    done = 0
    for window in windows:
        own = lips[done : done + len(window.lips)].astype(np.float32)
        done += len(window.lips)
        first = max(0, window.first - shift)
        skipped = first - (window.first - shift)
        part = mel[first : first + len(own) - skipped]
        own = own[skipped : skipped + len(part)]
        yield RealClip(report.name, report.speaker, part, own[:, 0], own[:, 1])
