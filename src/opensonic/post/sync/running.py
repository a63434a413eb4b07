"""The lag of a video that is still being made, from what has been seen of it so far."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from opensonic.face.tracker import NO_FACE, SEEN, FaceTracker, Seen
from opensonic.post.sync.heard import N_COLUMNS, HeardLips, hear_parts
from opensonic.post.sync.lag import Sync, measure_sync
from opensonic.post.sync.lips import FEATURES, N_FEATURES, LipTrack, lip_features
from opensonic.post.sync.mouth import Mouth, find_mouth
from opensonic.speech.mel import FRAME_RATE
from opensonic.values import Speech

MAX_LAG_S = 0.3
"""Largest lag that is told, s."""

_WINDOW_S = 60.0
_MAX_RATE = 31.0
_GAP = FEATURES.index("gap")
_NOTHING = np.zeros(N_FEATURES, np.float32)


class RunningLag:
    """Watches frames as they come, in a thread of its own, and compares them with the sound.

    Of the last minute it keeps small curves, whatever the length, and the mouths of the frames that
    were not asked for yet.

    Args:
        speech: The recording; heard as far as is needed.
        fps: Frames per second.
    """

    def __init__(self, speech: Speech, fps: float) -> None:
        self._fps = fps
        self._every = max(1, int(fps / _MAX_RATE))
        self._heard = _HeardAhead(speech)
        self._tracker = FaceTracker(eyes=False)
        self._worker = ThreadPoolExecutor(1, "lips")
        self._coming: list[tuple[float, Future[Seen] | npt.NDArray[np.float32]]] = []
        self._mouths: dict[float, Mouth] = {}
        self._rows: list[tuple[float, npt.NDArray[np.float32], int, int]] = []

    def watch(
        self,
        number: int,
        frame: npt.NDArray[np.uint8],
        landmarks: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Look at the next frame.

        Args:
            number: Its number, from 0.
            frame: (H, W, 3) uint8 RGB; not to be changed until `measure` has been called.
            landmarks: (478, 3) float32 px where they are known: then the frame is not looked at.
        """
        if number % self._every:
            return
        time_s = (number + 0.5) / self._fps
        if landmarks is not None:
            self._coming.append((time_s, landmarks))
        else:
            self._coming.append((time_s, self._worker.submit(self._tracker.look, frame, time_s)))

    def measure(self) -> Sync:
        """Measure the lag of the last minute of what was watched."""
        self._gather()
        if not self._rows:
            return Sync(0.0, MAX_LAG_S, 0.0)
        end_s = self._rows[-1][0]
        start_s = max(0.0, end_s - _WINDOW_S)
        self._rows = [row for row in self._rows if row[0] >= start_s]
        first_row = max(0, int((start_s - 2 * MAX_LAG_S) * FRAME_RATE))
        heard = self._heard.rows(first_row, int((end_s + 2 * MAX_LAG_S) * FRAME_RATE) + 1)
        times, features, states, shots = zip(*self._rows, strict=True)
        track = LipTrack(
            time_s=np.array(times, np.float64) - first_row / FRAME_RATE,
            features=np.stack(features),
            seen=np.array(states) == SEEN,
            shot=np.array(shots, np.int32),
        )
        return measure_sync(track, heard, max_lag_s=MAX_LAG_S)

    def lips(self, number: int) -> tuple[float | None, Mouth | None]:
        """Give what was seen of the lips in a frame; asked for once, in order.

        Returns:
            The gap between them, e, None without a face; at high rates it is that of the frame
            before. And where the mouth is, None where that is not known.
        """
        self._gather(number)
        shown_s = (number + 0.5) / self._fps
        time_s = (number - number % self._every + 0.5) / self._fps
        mouth = self._mouths.pop(shown_s, None)
        for known_s, features, state, _ in reversed(self._rows):
            if abs(known_s - time_s) < 1e-6:
                return (float(features[_GAP]), mouth) if state == SEEN else (None, None)
            if known_s < time_s:
                break
        return None, None

    def close(self) -> None:
        """Let go of the thread."""
        self._worker.shutdown(cancel_futures=True)

    def _gather(self, until: int | None = None) -> None:
        last_s = np.inf if until is None else (until + 0.5) / self._fps
        while self._coming and self._coming[0][0] <= last_s:
            time_s, seen = self._coming.pop(0)
            if not isinstance(seen, Future):
                self._rows.append((time_s, lip_features(seen), SEEN, 0))
                self._mouths[time_s] = find_mouth(seen)
                continue
            state, shot, face, taken_back = seen.result()
            for back in range(1, min(taken_back, len(self._rows)) + 1):
                self._rows[-back] = (*self._rows[-back][:2], NO_FACE, self._rows[-back][3])
            features = _NOTHING if face is None else lip_features(face.landmarks)
            if face is not None:
                self._mouths[time_s] = find_mouth(face.landmarks, shot)
            self._rows.append((time_s, features, state, shot))


class _HeardAhead:
    """What is heard, as far as was asked for; what lies far back is forgotten."""

    def __init__(self, speech: Speech) -> None:
        self._parts: Iterator[npt.NDArray[np.float32]] = hear_parts(speech)
        self._kept = np.empty((0, N_COLUMNS), np.float16)
        self._first = 0

    def rows(self, first: int, end: int) -> HeardLips:
        """Give the rows from `first` to `end`, fewer at the end of the sound."""
        while self._first + len(self._kept) < end:
            part = next(self._parts, None)
            if part is None:
                break
            self._kept = np.concatenate([self._kept, part.astype(np.float16)])
        gone = max(0, first - self._first)
        self._kept, self._first = self._kept[gone:], self._first + gone
        return HeardLips(self._kept[: end - self._first])
