"""Any talking video smoothed: jumps mended, the frame rate changed, the sound copied untouched.

The picture is decoded and encoded once, a few frames at a time, for any length.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.errors import EncodeError, InputError
from opensonic.media.files import part_file, write_errors
from opensonic.media.footage import Footage, probe, read_pictures
from opensonic.media.remux import check_copy_target
from opensonic.media.rewrite import TimedFrame, rewrite_video
from opensonic.media.threads import OneThread
from opensonic.post.interpolate.flow import FlowBetween
from opensonic.post.interpolate.stream import Between, resample_timed
from opensonic.post.smooth.stream import smooth_frames
from opensonic.progress import Progress, Report, ignore

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
"""Kinds of file that can be written."""


@dataclass
class SmoothedVideo:
    """What was done to a video.

    Attributes:
        path: The new file.
        n_frames: Its frames.
        jumps_s: Times of the frames that were made anew, seconds since the first picture.
        is_copy: Whether nothing had to be done, and the file is a copy.
    """

    path: Path
    n_frames: int = 0
    jumps_s: list[float] = field(default_factory=list)
    is_copy: bool = False


def smooth_video(
    source: str | Path,
    target: str | Path,
    *,
    fps: Fraction | None = None,
    mend: bool = True,
    between: Between | None = None,
    progress: Progress = ignore,
) -> SmoothedVideo:
    """Write a copy of a video without jumps, at another frame rate if one is given.

    Without a new rate, a video without jumps is copied as it is.

    Args:
        source: The video.
        target: The new file, ending in one of `SUFFIXES`.
        fps: Frames per second to make; None keeps the frames and their times.
        mend: Whether to look for jumps.
        between: Makes a frame between two; None takes optical flow.
        progress: Told about the frames.

    Raises:
        InputError: The source is no video that can be read.
        EncodeError: The target cannot be written, or is the source.
    """
    source, target = Path(source), Path(target)
    if target.suffix.lower() not in SUFFIXES:
        raise EncodeError(
            f"{target}: cannot write {target.suffix or 'a file without ending'}; "
            f"expected a name that ends in {', '.join(SUFFIXES)}"
        )
    check_copy_target(source, target)
    footage = probe(source)
    done = SmoothedVideo(target)
    between = between or FlowBetween()
    frames = _timed(footage)
    if mend:
        frames = _mended(frames, between, done, footage.picture_start_s)
    if fps is not None:
        frames = _at_rate(frames, between, footage, fps)
    rate = footage.fps if fps is None else fps
    with OneThread():
        rewrite_video(_counted(frames, done, footage, rate, progress), footage, target, fps=rate)
    if not done.jumps_s and fps is None and _same_kind(source, target):
        with part_file(target) as part, write_errors(target):
            shutil.copyfile(source, part)
            part.replace(target)
        done.is_copy = True
    return done


def _same_kind(source: Path, target: Path) -> bool:
    return source.suffix.lower() == target.suffix.lower()


def _timed(footage: Footage) -> Iterator[TimedFrame]:
    start_s = footage.sound_start_s if footage.has_sound else footage.picture_start_s
    offset_s = (start_s or 0.0) - 0.5 / float(footage.fps)
    for picture in read_pictures(footage, max_side=None):
        yield TimedFrame(picture.time_s + offset_s, picture.image)


def _mended(
    frames: Iterator[TimedFrame], between: Between, done: SmoothedVideo, start_s: float
) -> Iterator[TimedFrame]:
    times: deque[float] = deque()

    def images() -> Iterator[npt.NDArray[np.uint8]]:
        for time_s, frame in frames:
            times.append(time_s)
            yield frame

    for frame, is_new in smooth_frames(images(), between):
        time_s = times.popleft()
        if is_new:
            done.jumps_s.append(time_s - start_s)
        yield TimedFrame(time_s, frame)


def _at_rate(
    frames: Iterator[TimedFrame], between: Between, footage: Footage, fps: Fraction
) -> Iterator[TimedFrame]:
    timed = ((time_s, frame[None]) for time_s, frame in frames)
    for time_s, frame in resample_timed(timed, between, fps=fps, last_s=float(1 / footage.fps)):
        yield TimedFrame(time_s, frame[0])


def _counted(
    frames: Iterator[TimedFrame],
    done: SmoothedVideo,
    footage: Footage,
    fps: Fraction,
    progress: Progress,
) -> Iterator[TimedFrame]:
    """Count frames as they pass.

    Raises:
        InputError: There is none.
    """
    total = round(footage.duration_s * fps) or footage.n_frames or 0
    for each in frames:
        yield each
        done.n_frames += 1
        progress(Report("smoothing", done.n_frames, max(total, done.n_frames)))
    if not done.n_frames:
        raise InputError(f"{footage.path}: none of its pictures can be decoded")
