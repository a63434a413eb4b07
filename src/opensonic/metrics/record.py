"""Evaluations as plain values, for JSON: docs/evaluate.md describes them.

Names and meanings stay within one `SCHEMA_VERSION`; what is new may be added. Values that are not
known are null. Curves are left out: they are in `Evaluation.curves`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from opensonic.metrics.batch import Common, Failure, summarise
from opensonic.metrics.evaluation import Evaluation, Moment, Row
from opensonic.post.sync.lag import Sync

SCHEMA = "opensonic.evaluation"
"""What the outermost object says that it is."""
SCHEMA_VERSION = 1
"""Raised when a name or a meaning changes."""
_DIGITS = 6


def record_all(
    evaluations: Sequence[Evaluation],
    failures: Sequence[Failure] = (),
    pooled: Sequence[Row] = (),
) -> dict[str, Any]:
    """Give evaluations as one object of plain values.

    Args:
        evaluations: What was measured.
        failures: The videos that could not be evaluated.
        pooled: Figures over all videos together.
    """
    return {
        "schema": SCHEMA,
        "version": SCHEMA_VERSION,
        "videos": [record(one) for one in evaluations],
        "failed": [
            {"video": str(one.video), "error": one.message, "kind": one.kind} for one in failures
        ],
        "pooled": [_row(row) for row in pooled],
        "summary": [_common(one) for one in summarise(evaluations)] if len(evaluations) > 1 else [],
    }


def record(evaluation: Evaluation) -> dict[str, Any]:
    """Give one evaluation as plain values.

    Args:
        evaluation: What was measured.
    """
    times = evaluation.curves.time_s
    return {
        "video": str(evaluation.video),
        "reference": None if evaluation.reference is None else str(evaluation.reference),
        "pictures": len(times),
        "notes": list(evaluation.notes),
        "rows": [_row(row) for row in evaluation.rows],
        "sync": None if evaluation.sync is None else _sync(evaluation.sync),
        "moments": [_moment(moment) for moment in evaluation.moments],
    }


def _row(row: Row) -> dict[str, Any]:
    values = asdict(row)
    del values["badness"]
    values["value"] = None if row.value is None else _short(row.value)
    return values


def _sync(sync: Sync) -> dict[str, Any]:
    return {
        "lag_s": _short(sync.lag_s),
        "error_s": _short(sync.error_s),
        "confidence": _short(sync.confidence),
        "drift_ms_per_s": _short(sync.drift_ms_per_s),
        "windows": [
            {name: _short(value) for name, value in asdict(one).items()} for one in sync.windows
        ],
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "name": moment.name,
        "what": moment.what,
        "start_s": _short(moment.time_s),
        "end_s": _short(moment.end_s),
        "severity": _short(moment.severity),
    }


def _common(common: Common) -> dict[str, Any]:
    return {
        "name": common.row.name,
        "title": common.row.title,
        "unit": common.row.unit,
        "videos": common.count,
        "median": _short(common.median),
        "low": _short(common.low),
        "high": _short(common.high),
        "worst": None if common.worst is None else str(common.worst),
    }


def _short(value: float) -> float | None:
    """Give a number with as many digits as mean something; None for what is none."""
    return round(float(value), _DIGITS) if abs(value) < float("inf") else None
