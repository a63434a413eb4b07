"""A folder of videos, evaluated one after the other, and what they have in common.

What belongs to a video in folders of references, labels and transcripts has the same name but for
its ending. A video that cannot be evaluated does not stop the others.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opensonic.errors import InputError, OpenSonicError
from opensonic.metrics.evaluate import evaluate
from opensonic.metrics.evaluation import Evaluation, Observer, Row
from opensonic.metrics.labels import ENDINGS as LABEL_ENDINGS
from opensonic.metrics.networks.observers import FieldMeasures
from opensonic.progress import Progress, Report, ignore

VIDEO_ENDINGS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".3gp", ".ogv", ".mxf"),
)
"""Ends of the names of files that are taken for videos, in small letters."""


@dataclass(frozen=True)
class Given:
    """What the videos are compared with; each a file for one video, or a folder for many.

    Attributes:
        reference: Videos that they are to look like.
        labels: Phones with their times.
        transcript: What is said; for one video also the text itself.
        language: Language of the transcripts as espeak-ng calls it.
    """

    reference: Path | None = None
    labels: Path | None = None
    transcript: str | None = None
    language: str = "en-us"


@dataclass(frozen=True)
class Failure:
    """A video that could not be evaluated.

    Attributes:
        video: The file.
        message: Why, in one line.
        kind: Name of the error's class.
        exit_code: That of the error; 1 for a bug.
        trace: The traceback of a bug; empty for our own errors.
    """

    video: Path
    message: str
    kind: str
    exit_code: int
    trace: str = ""


@dataclass(frozen=True)
class Common:
    """One figure over several videos.

    Attributes:
        row: The row of the worst video; of the last one where no end is worse.
        count: Videos that have a value.
        median: Median of the values.
        low: Least value.
        high: Largest value.
        worst: The video with the worst value; None where neither end is worse.
    """

    row: Row
    count: int
    median: float
    low: float
    high: float
    worst: Path | None


def find_videos(folder: Path) -> list[Path]:
    """List the videos of a folder and of the folders in it, hidden ones left out, by their names.

    Raises:
        InputError: There is none.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    shown = [path for path in files if not any(p[0] == "." for p in path.relative_to(folder).parts)]
    videos = [path for path in shown if path.suffix.lower() in VIDEO_ENDINGS]
    if not videos:
        raise InputError(
            f"{folder}: holds no video, other files: {len(shown)}; "
            f"expected files that end in {', '.join(VIDEO_ENDINGS[:5])} or the like"
        )
    return videos


def evaluate_folder(
    folder: str | Path,
    given: Given | None = None,
    *,
    new_observers: Callable[[], Sequence[Observer]] | None = None,
    progress: Progress = ignore,
) -> Iterator[Evaluation | Failure]:
    """Evaluate every video of a folder.

    Args:
        folder: The folder.
        given: Folders of what the videos are compared with.
        new_observers: Makes more measures, anew for each video; None takes those of the field
            (`metrics.networks`).
        progress: Told about the stages; its detail says which video.

    Yields:
        An evaluation, or why there is none, for each video in the order of the names.

    Raises:
        InputError: The folder holds no video, or one of the others is no folder.
        WeightsError: A weight file of a measure is wrong.
    """
    folder = Path(folder)
    given = given or Given()
    make = new_observers or FieldMeasures().observers
    videos = find_videos(folder)
    transcripts = None if given.transcript is None else Path(given.transcript)
    for what, place in (("reference", given.reference), ("labels", given.labels)):
        _check_folder(what, place)
    _check_folder("transcript", transcripts)
    for number, video in enumerate(videos, 1):
        detail = f"{number} of {len(videos)}"

        def tell(report: Report, detail: str = detail) -> None:
            progress(Report(report.stage, report.done, report.total, report.unit, detail))

        inner = video.relative_to(folder)
        try:
            text = _find(transcripts, inner, (".txt",))
            yield evaluate(
                video,
                reference=_find(given.reference, inner, VIDEO_ENDINGS),
                labels=_find(given.labels, inner, LABEL_ENDINGS),
                transcript=None if text is None else str(text),
                language=given.language,
                observers=make(),
                progress=tell,
            )
        except OpenSonicError as error:
            message = " ".join(str(error).split())
            yield Failure(video, message, type(error).__name__, error.exit_code)
        except Exception as error:  # noqa: BLE001 - one video's bug must not cost the others
            yield Failure(video, f"{error}", type(error).__name__, 1, traceback.format_exc())


def summarise(evaluations: Iterable[Evaluation]) -> tuple[Common, ...]:
    """Give every figure's median and worst over several videos, in the order of the rows.

    Args:
        evaluations: What was measured.
    """
    found: dict[str, list[tuple[Row, Path]]] = {}
    for evaluation in evaluations:
        for row in evaluation.rows:
            found.setdefault(row.name, [])
            if row.value is not None:
                found[row.name].append((row, evaluation.video))
    return tuple(_join(rows) for rows in found.values() if rows)


def _join(rows: list[tuple[Row, Path]]) -> Common:
    values = [row.value for row, _ in rows if row.value is not None]
    judged = [(row.badness, row, video) for row, video in rows if row.badness is not None]
    _, row, worst = max(judged, key=lambda one: one[0]) if judged else (0, rows[-1][0], None)
    return Common(row, len(values), float(np.median(values)), min(values), max(values), worst)


def _check_folder(what: str, place: Path | None) -> None:
    if place is None:
        return
    try:
        if place.is_dir():
            return
        found = "is a file" if place.exists() else "no such folder"
    except OSError as error:  # it may not be looked at, or a text is no name of a folder
        found = (error.strerror or "cannot be read").lower()
    raise InputError(f"{what}: {place}: {found}; expected a folder, as many videos are evaluated")


def _find(folder: Path | None, inner: Path, endings: tuple[str, ...]) -> Path | None:
    """Give what belongs to a video: the file of its name with one of some endings."""
    if folder is None:
        return None
    place = (folder / inner).parent
    for path in sorted(place.glob("*")) if place.is_dir() else ():
        if path.stem == inner.stem and path.suffix.lower() in endings:
            return path
    return None
