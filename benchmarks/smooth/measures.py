"""What mending finds and gains, frame rates changed, and what it costs."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from benchmarks.smooth.harms import Frame, Frames, Harmed, distance

from opensonic.clock import frame_count
from opensonic.media.audio import read_speech
from opensonic.media.threads import OneThread
from opensonic.media.video import encode_video
from opensonic.post.interpolate.flow import FlowBetween
from opensonic.post.smooth.stream import smooth_chunks, smooth_frames
from opensonic.values import Chunk, Speech

_PEAK = 255.0
_SAME_DB = 99.0


@dataclass
class Tally:
    """Faults of one kind over several videos.

    Attributes:
        planted: Faults that count.
        found: Of these, how many were found.
        false: Frames that were made anew though nothing was planted there.
        gains_db: What mending gained for each that was found, in PSNR to the unharmed frame, dB.
        harmed_db: PSNR of these before.
    """

    planted: int = 0
    found: int = 0
    false: int = 0
    gains_db: list[float] = field(default_factory=list)
    harmed_db: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in another one."""
        self.planted += other.planted
        self.found += other.found
        self.false += other.false
        self.gains_db += other.gains_db
        self.harmed_db += other.harmed_db

    @property
    def recall(self) -> float:
        """Share of the faults that was found."""
        return self.found / max(self.planted, 1)

    @property
    def precision(self) -> float:
        """Share of what was found that is a fault."""
        return self.found / max(self.found + self.false, 1)

    @property
    def improved(self) -> float:
        """Share of the found faults that came nearer to the unharmed frame."""
        return float(np.mean([gain > 0 for gain in self.gains_db])) if self.gains_db else 1.0


def psnr(frame: Frame, truth: Frame) -> float:
    """Give the peak signal-to-noise ratio, dB; 99 where both are the same."""
    off = distance(frame, truth)
    return 20 * float(np.log10(_PEAK / off)) if off else _SAME_DB


def count_changed(frames: Frames) -> int:
    """Count the frames of an unharmed video that come out with other bytes."""
    out = smooth_frames(frames)
    return sum(
        not np.array_equal(smoothed.frame, frame)
        for smoothed, frame in zip(out, frames, strict=True)
    )


def measure(harmed: Harmed, frames: Frames) -> Tally:
    """Mend a harmed video.

    Args:
        harmed: Where the faults are.
        frames: The harmed frames, encoded or not.
    """
    tally = Tally(planted=len(harmed.counting))
    for number, (frame, is_new) in enumerate(smooth_frames(frames)):
        if is_new and number not in harmed.places and number not in harmed.either:
            tally.false += 1
        if not is_new:
            continue
        if harmed.either.get(number, number) not in harmed.counting:
            continue
        tally.found += 1
        if number in harmed.truth:
            truth = harmed.truth[number]
            before = psnr(frames[number], truth)
            tally.harmed_db.append(before)
            tally.gains_db.append(psnr(frame, truth) - before)
    return tally


def measure_between(known: Frames, truth: Frames) -> tuple[float, float, float]:
    """Compare frames made half-way with the true ones.

    Args:
        known: (T, H, W, 3).
        truth: Half-way from each to the next.

    Returns:
        Median PSNR of flow, of the mean of both frames and of the frame before, dB.
    """
    between, found = FlowBetween(), []
    with OneThread():
        for first, second, true in zip(known, known[1:], truth, strict=False):
            flow = between(first[None], second[None], Fraction(1, 2))[0]
            mean = np.asarray(cv2.addWeighted(first, 0.5, second, 0.5, 0), np.uint8)
            found.append([psnr(each, true) for each in (flow, mean, first)])
    flow_db, mean_db, first_db = np.median(found, axis=0)
    return float(flow_db), float(mean_db), float(first_db)


@dataclass(frozen=True)
class Cost:
    """What smoothing costs.

    Attributes:
        smooth_ms: CPU time of one frame, ms.
        encode_s: Seconds in which the video is encoded alone.
        both_s: And smoothed on the way.
        video_s: Seconds that the video lasts.
        grown_mb: Memory by which a video of ten times the length has more, MB.
    """

    smooth_ms: float
    encode_s: float
    both_s: float
    video_s: float
    grown_mb: float


def measure_cost(frames: Frames, fps: int, sound: Path, folder: Path) -> Cost:
    """Smooth and encode frames that are there already, and without smoothing.

    Args:
        frames: A video.
        fps: Frames per second.
        sound: A recording, cut or ended as it comes.
        folder: For the files.
    """
    speech = read_speech(sound)
    n_frames = min(len(frames), frame_count(speech.duration, Fraction(fps)))
    frames = frames[:n_frames]
    with OneThread():
        started = time.process_time()
        for _ in smooth_chunks(_chunks(frames)):
            pass
        smooth_ms = (time.process_time() - started) / n_frames * 1000
        before = _memory_mb()
        for _ in smooth_chunks(each for _ in range(10) for each in _chunks(frames)):
            pass
        grown_mb = _memory_mb() - before
    encode_s = _encode(_chunks(frames), frames, fps, speech, folder / "plain.mp4")
    both_s = _encode(smooth_chunks(_chunks(frames)), frames, fps, speech, folder / "smooth.mp4")
    return Cost(smooth_ms, encode_s, both_s, n_frames / fps, grown_mb)


def _encode(chunks: Iterator[Chunk], frames: Frames, fps: int, speech: Speech, path: Path) -> float:
    height, width = frames.shape[1:3]
    started = time.perf_counter()
    encode_video(
        chunks,
        path,
        fps=Fraction(fps),
        size=(width, height),
        n_frames=len(frames),
        speech=speech,
    )
    return time.perf_counter() - started


def _chunks(frames: Frames) -> Iterator[Chunk]:
    for start in range(0, len(frames), 8):
        yield Chunk(frames[start : start + 8])


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
