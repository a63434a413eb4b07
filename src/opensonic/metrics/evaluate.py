"""`evaluate`: look at a talking video once and measure it in every respect.

No engine needs to be known: any talking video will do, also other people's. The pictures go by
once (`watch`), the sound is heard by our own speech network, and every measure has a file of its
own in this folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opensonic.errors import InputError
from opensonic.media.audio import read_speech
from opensonic.media.footage import Footage, probe
from opensonic.metrics.evaluation import GROUPS, Curve, Curves, Evaluation, Observer, Row
from opensonic.metrics.labels import read_labels
from opensonic.metrics.lids import close_lids
from opensonic.metrics.lip_rows import judge_lips
from opensonic.metrics.moments import sort_moments
from opensonic.metrics.networks.observers import FieldMeasures
from opensonic.metrics.picture_rows import judge_picture, judge_reference
from opensonic.metrics.proportions import follow_drift
from opensonic.metrics.sounding import Sounding, listen_closely
from opensonic.metrics.transcript import align_transcript
from opensonic.metrics.watch import Watched, watch
from opensonic.post.sync.heard import HeardLips, hear_lips
from opensonic.post.sync.lag import measure_sync
from opensonic.progress import Progress, Report, ignore
from opensonic.values import Speech

SILENT_PEAK = 1e-3
"""Peak (1.0 is full scale) under which a recording counts as silent: -60 dB."""
_LABELS_BEYOND_S = 1.0


@dataclass(frozen=True, eq=False)
class Heard:
    """The sound of a video as it is judged.

    Attributes:
        speech: The recording.
        lips: What the speech network hears.
        sounding: The curves that come from it.
    """

    speech: Speech
    lips: HeardLips
    sounding: Sounding


def evaluate(
    video: str | Path,
    *,
    reference: str | Path | None = None,
    labels: str | Path | None = None,
    transcript: str | None = None,
    language: str = "en-us",
    observers: Sequence[Observer] | None = None,
    progress: Progress = ignore,
) -> Evaluation:
    """Measure a talking video.

    What cannot be measured (no sound, no face, no reference ...) gives rows without a value whose
    notes say why; it is no error.

    Args:
        video: The file.
        reference: A video that it is to be compared with, such as the real one.
        labels: File of phones with their times: `.TextGrid`, `.lab`, `.phn` or `.csv`.
        transcript: What is said, or the path of a text file; used where no labels are given.
        language: Language of the transcript as espeak-ng calls it, for example "en-us" or "cmn".
        observers: More measures; None takes those of the field (`metrics.networks`), whose rows say
            so where their weights are missing.
        progress: Told about the stages.

    Returns:
        Rows, curves over time, lag, and the worst moments.

    Raises:
        InputError: A file cannot be read.
        WeightsError: A weight file is wrong, or one of the package's own is missing or damaged.
    """
    if observers is None:
        observers = FieldMeasures().observers()
    footage = probe(video)
    other = None if reference is None else probe(reference)
    given = None if labels is None else read_labels(labels)
    progress(Report("listening", 0, 1))
    heard, notes = _listen(footage)
    if given is None and transcript is not None and heard is not None:
        given = align_transcript(transcript, heard.lips, language)
    watched = watch(footage, other, observers, progress)
    if not len(watched.time_s):
        raise InputError(f"{footage.path}: none of its pictures can be decoded")
    progress(Report("measuring", 0, 1))
    notes += _remarks(watched, footage, other)
    if given is not None and len(given.closures_s) and given.closures_s[-1, 1] > _end_s(watched):
        notes.append("the labels go on after the video's end: are they of this video?")
    sounding = None if heard is None else heard.sounding
    curves = trace_curves(watched, sounding)
    sync = None
    if heard is not None and watched.seen.any():
        sync = measure_sync(watched.track(), heard.lips)
    rows, moments = judge_lips(curves, sounding, sync, given)
    picture_rows, picture_moments = judge_picture(curves, watched)
    rows += picture_rows
    rows += judge_reference(watched, other is not None)
    speech = None if heard is None else heard.speech
    lag_s = sync.lag_s if sync is not None and sync.clear else None
    for observer in observers:
        rows += observer.rows(speech, lag_s)
    return Evaluation(
        video=Path(video),
        reference=None if reference is None else Path(reference),
        rows=tuple(_sorted(rows)),
        curves=curves,
        sync=sync,
        moments=sort_moments(moments + picture_moments),
        notes=tuple(notes),
    )


def trace_curves(watched: Watched, sounding: Sounding | None) -> Curves:
    """Turn what was seen and heard into the curves of an evaluation.

    Args:
        watched: What was seen.
        sounding: What is heard, or None without sound.
    """
    time_s, own = watched.time_s, watched.columns
    unknown = np.full(len(time_s), np.nan, np.float32)
    heard = {
        name: unknown if sounding is None else sounding.at(getattr(sounding, name), time_s)
        for name in ("gap", "silence", "loudness_db")
    }
    e = own["size_px"][np.isfinite(own["size_px"])]
    scale = float(np.median(e)) if len(e) else 1.0
    degrees = np.float32(180 / np.pi)
    return Curves(
        time_s=time_s,
        seen=watched.seen,
        shot=watched.shot,
        gap=watched.feature("gap"),
        width=watched.feature("width"),
        heard_gap=heard["gap"],
        silence=heard["silence"],
        loudness_db=heard["loudness_db"],
        blink=close_lids(own["lids"], time_s),
        yaw=watched.feature("yaw") * degrees,
        pitch=watched.feature("pitch") * degrees,
        roll=-watched.feature("roll") * degrees,
        x=_centred(own["x_px"] / scale),
        y=_centred(own["y_px"] / scale),
        size_px=own["size_px"],
        sharpness=own["sharpness"],
        flicker=own["flicker"],
        drift=100 * follow_drift(watched.proportions, time_s),
    )


def _centred(values: Curve) -> Curve:
    return values - np.nanmean(values) if np.isfinite(values).any() else values


def _listen(footage: Footage) -> tuple[Heard | None, list[str]]:
    if not footage.has_sound:
        return None, ["the video has no sound: nothing about lips and sound can be measured"]
    speech = read_speech(footage.path)
    notes = list(speech.warnings)
    if speech.peak < SILENT_PEAK:
        notes.append("the sound is silent")
    lips = hear_lips(speech)
    return Heard(speech, lips, listen_closely(speech, lips)), notes


def _remarks(watched: Watched, footage: Footage, other: Footage | None) -> list[str]:
    notes = []
    if not watched.seen.any():
        notes.append("no face was seen in any picture")
    if watched.several > 0:
        share = 100 * watched.several
        notes.append(f"several faces in {share:.0f} % of the pictures: the largest was followed")
    if other is None:
        return notes
    if other.size != footage.size:
        notes.append(
            f"the reference is {other.size[0]}x{other.size[1]}, the video "
            f"{footage.size[0]}x{footage.size[1]}: PSNR and SSIM are taken at the video's size"
        )
    lasts, own = _length_s(other), _length_s(footage)
    if abs(lasts - own) > 1.5 / float(footage.fps):
        notes.append(
            f"the reference lasts {lasts:.2f} s, the video {own:.2f} s: "
            "only what both have was compared, by time"
        )
    return notes


def _end_s(watched: Watched) -> float:
    return float(watched.time_s[-1]) + _LABELS_BEYOND_S


def _length_s(footage: Footage) -> float:
    """Give the length of the pictures where the file states their number, else of the file."""
    if footage.n_frames is None:
        return footage.duration_s
    return float(footage.n_frames / footage.fps)


def _sorted(rows: list[Row]) -> list[Row]:
    """Bring the groups together, in their order."""
    return sorted(rows, key=lambda row: GROUPS.index(row.group))
