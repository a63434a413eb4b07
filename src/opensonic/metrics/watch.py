"""One pass over a video, and over its reference beside it: every picture is reduced to numbers.

Some 60 numbers are kept per picture (20 MB for an hour); no picture and no landmarks are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensonic.face.tracker import NO_FACE, SEVERAL, FaceTracker
from opensonic.media.footage import Footage, read_pictures
from opensonic.metrics.appearance import Appearance, Look
from opensonic.metrics.evaluation import Curve, Observer, Sight
from opensonic.metrics.fidelity import Likeness, compare_pictures
from opensonic.metrics.landmarks import LandmarkDistance, compare_landmarks
from opensonic.metrics.lids import measure_lids
from opensonic.metrics.proportions import N_PROPORTIONS, measure_proportions
from opensonic.post.smooth.finder import Jump, JumpFinder
from opensonic.post.sync.lips import FEATURES, N_FEATURES, LipTrack, lip_features
from opensonic.progress import Progress, Report, ignore
from opensonic.values import Face

_NAN = float("nan")
_RIGID = (33, 133, 263, 362, 168, 197, 5, 1, 129, 358, 127, 356)
_OWN = ("x_px", "y_px", "size_px", "lids", *Look._fields)
_OF_FACE = [_OWN.index(name) for name in _OWN if name not in {"flicker", "change"}]
_BESIDE = (*Likeness._fields, *LandmarkDistance._fields)
_NO_FEATURES = (_NAN,) * N_FEATURES
_NO_PROPORTIONS = (_NAN,) * N_PROPORTIONS
_NO_BESIDE = (_NAN,) * len(_BESIDE)


@dataclass(frozen=True, eq=False)
class Watched:
    """What was seen of a video, picture by picture.

    Attributes:
        time_s: (N,) float64, middles of the pictures, seconds of the sound.
        state: (N,) int8, `SEEN`, `NO_FACE` or `SEVERAL` of `face.tracker`.
        shot: (N,) int32.
        features: (N, F) float32, `post.sync.lips.lip_features`; NaN without a face.
        proportions: (N, P) float32, `metrics.proportions`; NaN without a face.
        columns: Other curves, (N,) float32, by name.
        beside: Curves against the reference, (N,) float32, by name; NaN without a picture beside.
        jumps: The pictures that do not fit between their neighbours.
    """

    time_s: npt.NDArray[np.float64]
    state: npt.NDArray[np.int8]
    shot: npt.NDArray[np.int32]
    features: npt.NDArray[np.float32]
    proportions: npt.NDArray[np.float32]
    columns: dict[str, Curve]
    beside: dict[str, Curve]
    jumps: tuple[Jump, ...]

    @property
    def seen(self) -> npt.NDArray[np.bool_]:
        """(N,) whether a face was followed; the largest one where there are several."""
        return np.asarray(self.state != NO_FACE, np.bool_)

    @property
    def several(self) -> float:
        """Share of the pictures with several faces of similar size."""
        return float((self.state == SEVERAL).mean()) if len(self.state) else 0.0

    def feature(self, name: str) -> Curve:
        """Give a column of `post.sync.lips.FEATURES` by its name, (N,)."""
        return self.features[:, FEATURES.index(name)]

    def track(self) -> LipTrack:
        """Give what `measure_sync` asks for."""
        features = np.nan_to_num(self.features)
        return LipTrack(self.time_s, features, self.seen, self.shot)


class _Follower:
    """Gives sights of one video: its pictures with the face that is followed."""

    def __init__(self, footage: Footage) -> None:
        self.taken_back = 0
        self.state = NO_FACE
        self._pictures = read_pictures(footage)
        self._tracker = FaceTracker()

    def __iter__(self) -> Iterator[Sight]:
        for picture in self._pictures:
            seen = self._tracker.look(picture.image, picture.time_s)
            self.taken_back, self.state = seen.taken_back, seen.state
            yield Sight(picture.time_s, picture.image, seen.face, seen.shot)


def watch(
    footage: Footage,
    reference: Footage | None = None,
    observers: Sequence[Observer] = (),
    progress: Progress = ignore,
) -> Watched:
    """Look at every picture of a video once.

    A picture of the reference is compared where its time is nearest, and not further away than
    half the time between pictures.

    Args:
        footage: The video.
        reference: What it is to look like, or None.
        observers: Measures that look at the pictures, too.
        progress: Told about every tenth picture.

    Raises:
        InputError: One of the files cannot be read.
    """
    notes = _Notes()
    follower = _Follower(footage)
    others = None if reference is None else _Queue(_Follower(reference))
    total = footage.n_frames or round(footage.duration_s * footage.fps) or 1
    for count, sight in enumerate(follower):
        beside = None if others is None else others.at(sight.time_s, 0.5 / float(footage.fps))
        notes.take(sight, follower.state, beside, with_reference=others is not None)
        notes.take_back(follower.taken_back)
        for observer in observers:
            observer.look(sight, beside)
        if count % 10 == 0:
            progress(Report("watching", min(count, total), total))
    return notes.close()


class _Queue:
    """The pictures of a reference, asked for by ascending times."""

    def __init__(self, sights: _Follower) -> None:
        self._sights = iter(sights)
        self._here = next(self._sights, None)
        self._next = next(self._sights, None)

    def at(self, time_s: float, reach_s: float) -> Sight | None:
        """Give the picture nearest to a time, None where all are further away than `reach_s`."""
        while (
            self._here is not None
            and self._next is not None
            and abs(self._next.time_s - time_s) <= abs(self._here.time_s - time_s)
        ):
            self._here, self._next = self._next, next(self._sights, None)
        if self._here is None or abs(self._here.time_s - time_s) > reach_s + 1e-3:
            return None
        return self._here


class _Notes:
    """Rows of numbers, packed as they come."""

    def __init__(self) -> None:
        self._appearance, self._finder = Appearance(), JumpFinder()
        self._jumps: list[Jump] = []
        self._times, self._states, self._shots = array("d"), array("b"), array("i")
        self._features, self._proportions = array("f"), array("f")
        self._columns, self._beside = array("f"), array("f")

    def take(self, sight: Sight, state: int, beside: Sight | None, *, with_reference: bool) -> None:
        """Reduce one picture."""
        face = sight.face
        self._times.append(sight.time_s)
        self._states.append(state)
        self._shots.append(sight.shot)
        self._jumps += self._finder.look(sight.image)
        look = self._appearance.look(sight.image, face, sight.shot)
        self._features.extend(_NO_FEATURES if face is None else lip_features(face.landmarks))
        self._proportions.extend(
            _NO_PROPORTIONS if face is None else measure_proportions(face.landmarks)
        )
        self._columns.extend((*_place(face), *look))
        if with_reference:
            self._beside.extend(_NO_BESIDE if beside is None else _compare(sight, beside))

    def take_back(self, count: int) -> None:
        """Mark pictures before the last one as showing no face after all."""
        last = len(self._states) - 1
        for place in range(max(0, last - count), last):
            self._states[place] = NO_FACE

    def close(self) -> Watched:
        """Give everything as arrays."""
        n = len(self._times)
        state = np.frombuffer(self._states, np.int8) if n else np.empty(0, np.int8)
        lost = state == NO_FACE
        columns = _matrix(self._columns, n, len(_OWN))
        columns[np.ix_(lost, _OF_FACE)] = np.nan
        features = _matrix(self._features, n, N_FEATURES)
        proportions = _matrix(self._proportions, n, N_PROPORTIONS)
        features[lost], proportions[lost] = np.nan, np.nan
        for name in ("flicker", "skin_flicker"):  # known when the next picture is seen
            column = columns[:, _OWN.index(name)]
            column[:-1], column[-1:] = column[1:].copy(), np.nan
        beside = _matrix(self._beside, n if self._beside else 0, len(_BESIDE))
        if len(beside):
            beside[lost, len(Likeness._fields) :] = np.nan
        return Watched(
            time_s=np.array(self._times, np.float64),
            state=state.copy(),
            shot=np.array(self._shots, np.int32),
            features=features,
            proportions=proportions,
            columns={name: columns[:, place] for place, name in enumerate(_OWN)},
            beside={name: beside[:, place] for place, name in enumerate(_BESIDE)},
            jumps=tuple(sorted({*self._jumps, *self._finder.finish()})),
        )


def _matrix(packed: array[float], rows: int, width: int) -> npt.NDArray[np.float32]:
    return np.array(packed, np.float32).reshape(rows, width)


def _place(face: Face | None) -> tuple[float, ...]:
    """Give place and size of the head in px, and how far the lids are apart."""
    if face is None:
        return (_NAN,) * 4
    x, y = face.landmarks[list(_RIGID), :2].mean(0)
    return float(x), float(y), face.eye_distance, measure_lids(face.landmarks)


def _compare(sight: Sight, beside: Sight) -> tuple[float, ...]:
    distances = LandmarkDistance(_NAN, _NAN)
    if sight.face is not None and beside.face is not None:
        distances = compare_landmarks(sight.face.landmarks, beside.face.landmarks)
    return (*compare_pictures(sight.image, beside.image), *distances)
