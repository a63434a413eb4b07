"""How long work reports on itself: a callback that the edges draw as they like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Report:
    """One step of progress.

    Attributes:
        stage: What is being done, in a word or two.
        done: Units finished.
        total: Units in all.
        unit: What is counted, where it is not what the watcher expects.
        detail: More about where the work stands, such as "step 3 of 25".
    """

    stage: str
    done: int
    total: int
    unit: str = ""
    detail: str = ""


class Progress(Protocol):
    """Anything that takes a `Report`."""

    def __call__(self, report: Report) -> None:
        """Take note of one step."""
        ...


def ignore(report: Report) -> None:
    """Take no note: for callers that want no progress."""
