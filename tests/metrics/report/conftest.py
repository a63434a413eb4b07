"""Made-up evaluations, and a small video whose pictures tell their number."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from opensonic.metrics.evaluation import Curves, Evaluation, Moment, Row
from opensonic.post.sync.lag import Sync, SyncWindow

ROWS = (
    Row("lag", "Lag", 62.4, "ms", "", "-45 to 45 ms", "lips", "fair"),
    Row("open_in_silence", "Open in silence", 0.31, "", "", "at most 0.1", "lips", "poor"),
    Row("blinks", "Blinks", 14.2, "per minute", "", "8 to 30 per minute", "face", "good"),
    Row("csim", "Likeness", None, "", "no weights", "at least 0.8", "face"),
    Row("flicker", "Flicker", 0.42, "", "grey levels of 255", "", "picture"),
)


def make_curves(seconds=6.0, fps=25):
    """Curves that move, with the face out of sight for a while."""
    time_s = (np.arange(round(seconds * fps)) + 0.5) / fps
    rng = np.random.default_rng(0)

    def curve(low, high, rate):
        wave = 0.5 - 0.5 * np.cos(2 * np.pi * rate * time_s)
        return (low + (high - low) * wave + 0.02 * rng.normal(size=len(time_s))).astype(np.float32)

    seen = ~((time_s > 0.45 * seconds) & (time_s < 0.5 * seconds))
    names = [
        "gap",
        "width",
        "blink",
        "yaw",
        "pitch",
        "roll",
        "x",
        "y",
        "size_px",
        "sharpness",
        "drift",
    ]
    face = {
        name: np.where(seen, curve(0, 0.3, 2 + place / 10), np.nan).astype(np.float32)
        for place, name in enumerate(names)
    }
    return Curves(
        time_s=time_s,
        seen=seen,
        shot=np.zeros(len(time_s), np.int32),
        heard_gap=curve(0, 0.25, 2),
        silence=curve(0, 1, 0.2),
        loudness_db=curve(-50, -10, 2),
        flicker=curve(0, 1, 3),
        **face,
    )


def make_evaluation(path="talk.mp4", *, rows=ROWS, moments=None, seconds=6.0, sync=True, notes=()):
    """An evaluation of a video that need not be there."""
    if moments is None:
        moments = (
            Moment(2.02, "lips open in silence", 1.5, 2.5, "open_in_silence"),
            Moment(3.6, "head jumps", 0.7, 3.64, "jump"),
        )
    windows = tuple(
        SyncWindow(start, start + 2.0, 0.06, confidence)
        for start, confidence in ((0.0, 0.9), (2.0, 0.6), (4.0, 0.2))
    )
    return Evaluation(
        video=Path(path),
        reference=None,
        rows=tuple(rows),
        curves=make_curves(seconds),
        sync=Sync(0.062, 0.004, 0.95, windows) if sync else None,
        moments=tuple(moments),
        notes=notes,
    )


@pytest.fixture
def evaluation():
    """Make an evaluation: see `make_evaluation`."""
    return make_evaluation


@pytest.fixture
def numbered(tmp_path):
    """Write a video without sound in which each picture is as bright as its number, times two."""

    def write(name="numbered.mp4", n_frames=110, size=(96, 64)):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.bit_rate = 8_000_000
            stream.codec_context.time_base = Fraction(1, 25)
            for number in range(n_frames):
                image = np.full((size[1], size[0], 3), 2 * (number % 110) + 20, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, "rgb24")
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write
