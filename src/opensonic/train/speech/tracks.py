"""True mouth tracks with sound: what real lips did, freed of what is one speaker's own.

A folder of tracks holds `tracks.npz` (`names`, `speaker`, `index` of the mesh points, `delta` int16
(N, T, P, 3): first frame absolute, then differences, in 1/32 px, `ok` (N, T)), `audio/NAME.opus`;
25 frames a second, sound and picture starting together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.channels import PUCKER, STRETCH
from opensonic.errors import InputError
from opensonic.media.audio import read_speech
from opensonic.speech.mel import FRAME_RATE, SAMPLE_RATE, log_mel
from opensonic.train.speech.targets import APERTURE_UNIT

TRACK_FPS = 25
"""Frames per second of the tracks."""
KEPT_ASIDE = 100
"""Last clips of the main speaker that no training uses: they measure."""
_SCALE = 32
_TOUCHING = 0.004
_TYPICAL_WIDE_GAP = 0.15
_GAIN_RANGE = (0.7, 1.6)
_WIDTH_GAIN = 1.5
_REST_SHARE = 0.3
_MEASURED = (13, 14, 81, 178, 311, 402, 61, 291, 33, 263)

Curve = npt.NDArray[np.float32]
"""(T,) float32."""


@dataclass(frozen=True, eq=False)
class RealClip:
    """One clip of a real speaker, as training uses it.

    Attributes:
        name: Of the clip.
        speaker: Of the person.
        mel: (T, 64) float16 log-mel, 100 rows a second.
        aperture: (T,) float32 opening in units of `APERTURE_UNIT`, 0 where the lips touch.
        width: (T,) float32, -1 (pucker) to 1 (stretch), 0 at rest.
    """

    name: str
    speaker: str
    mel: npt.NDArray[np.float16]
    aperture: Curve
    width: Curve


def measure_lips(
    points: npt.NDArray[np.float32], index: npt.NDArray[np.integer]
) -> tuple[Curve, Curve]:
    """Measure the lips of tracked faces.

    Args:
        points: (T, P, 3) x, y, z of mesh points in px.
        index: (P,) number of each point in the mesh of 478.

    Returns:
        (T,) gap between the inner lips (mean of the middle, and of half the two beside it) and
        (T,) distance of the mouth's corners, both in e of the clip.
    """
    column = {int(number): place for place, number in enumerate(index)}

    def distance(a: int, b: int, axes: int = 2) -> Curve:
        offset = points[:, column[a], :axes] - points[:, column[b], :axes]
        return np.asarray(np.linalg.norm(offset, axis=-1), np.float32)

    eye = np.median(distance(33, 263, 3))
    gap = (distance(13, 14) + distance(81, 178) / 2 + distance(311, 402) / 2) / 2
    return np.asarray(gap / eye, np.float32), np.asarray(distance(61, 291) / eye, np.float32)


def _to_rows(frames: Curve, n_rows: int) -> Curve:
    """Interpolate a curve at 25 fps, frame i at (i + 1/2) / 25 s, to rows of 10 ms."""
    rows = (np.arange(n_rows) + 0.5) / FRAME_RATE
    times = (np.arange(len(frames)) + 0.5) / TRACK_FPS
    return np.interp(rows, times, frames).astype(np.float32)


def anchor_lips(gap: Curve, width: Curve) -> tuple[Curve, Curve]:
    """Take away rest opening and rest width of a clip.

    Args:
        gap: (T,) gap between the inner lips, e.
        width: (T,) distance of the mouth's corners, e.

    Returns:
        (T,) opening in units of `APERTURE_UNIT`, 0 where the lips touch; (T,) width, 0 at rest.
    """
    order = np.argsort(gap)[: max(3, int(len(gap) * _REST_SHARE))]
    opening = np.maximum(gap - np.median(gap[order]) - _TOUCHING, 0) / APERTURE_UNIT
    relative = width / np.median(width[order]) - 1
    shape = np.where(relative > 0, relative / STRETCH, relative / PUCKER) * _WIDTH_GAIN
    return np.asarray(opening, np.float32), np.asarray(shape, np.float32)


def opening_gain(openings: Curve) -> float:
    """Give the factor that brings a speaker's wide openings to 0.15 e, within 0.7 to 1.6.

    Args:
        openings: (T,) all openings of the speaker, in units of `APERTURE_UNIT`.
    """
    wide = float(np.quantile(openings[openings > 0], 0.95)) * APERTURE_UNIT
    return float(np.clip(_TYPICAL_WIDE_GAP / wide, *_GAIN_RANGE))


@dataclass(frozen=True, eq=False)
class TrackFile:
    """What `tracks.npz` of a folder holds of the mouth.

    Attributes:
        names: (N,) names of the clips.
        speakers: (N,) who speaks.
        index: (P,) number of each measured point in the mesh of 478.
        points: (N, T, P, 3) float32 x, y, z, px.
        whole: (N,) whether the face was found in every frame.
    """

    names: npt.NDArray[np.str_]
    speakers: npt.NDArray[np.str_]
    index: npt.NDArray[np.int64]
    points: npt.NDArray[np.float32]
    whole: npt.NDArray[np.bool_]


def read_track_file(folder: Path) -> TrackFile:
    """Read `tracks.npz` of a folder.

    Raises:
        InputError: There are no tracks in the folder.
    """
    path = folder / "tracks.npz"
    if not path.is_file():
        raise InputError(f"{folder}: holds no tracks.npz; expected a folder of mouth tracks")
    with np.load(path) as data:
        measured = np.isin(data["index"], _MEASURED)
        steps = data["delta"][:, :, measured].astype(np.int32)
        return TrackFile(
            names=data["names"],
            speakers=data["speaker"],
            index=data["index"][measured],
            points=(np.cumsum(steps, 1) / _SCALE).astype(np.float32),
            whole=data["ok"].all(1),
        )


def read_tracks(folder: Path) -> Iterator[RealClip]:
    """Read every clip of a folder of tracks; clips in which the face was lost are left out.

    Openings are scaled per speaker so that the 95th percentile of open frames is 0.15 e.

    Raises:
        InputError: There are no tracks in the folder.
    """
    tracks = read_track_file(folder)
    lips = [anchor_lips(*measure_lips(clip, tracks.index)) for clip in tracks.points]
    for speaker in np.unique(tracks.speakers):
        members = np.flatnonzero((tracks.speakers == speaker) & tracks.whole)
        gain = opening_gain(np.concatenate([lips[place][0] for place in members]))
        for place in members:
            sound = read_speech(folder / "audio" / f"{tracks.names[place]}.opus")
            mel = np.concatenate(list(log_mel(sound.blocks(SAMPLE_RATE))))
            opening, width = lips[place]
            n_rows = min(len(mel), len(opening) * FRAME_RATE // TRACK_FPS)
            yield RealClip(
                name=str(tracks.names[place]),
                speaker=str(speaker),
                mel=mel[:n_rows].astype(np.float16),
                aperture=_to_rows((opening * gain).astype(np.float32), n_rows),
                width=np.clip(_to_rows(width.astype(np.float32), n_rows), -1, 1),
            )
