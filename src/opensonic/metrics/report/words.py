"""Figures and file names as words for a page: rounded for people, escaped for HTML."""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections.abc import Sequence
from html import escape
from pathlib import Path

from opensonic.metrics.evaluation import Row

THIN = "\u202f"
"""Narrow space that does not break, between a number and its unit."""


def safe(text: str) -> str:
    """Escape text from outside; control characters and undecodable bytes become a sign."""
    clean = "".join(
        "\ufffd" if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in text
    )
    return escape(clean)


def marked(text: str) -> str:
    """Escape text from outside, and show what stands in backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", safe(text))


def mark_name(name: str) -> str:
    """Give the name of a file as HTML, apart from the direction of the text around it."""
    return f"<bdi>{safe(name)}</bdi>"


def short_names(paths: Sequence[Path]) -> list[str]:
    """Give names by which files can be told apart: the bare ones, or from where they part."""
    names = [path.name for path in paths]
    if len(set(names)) == len(names):
        return names
    whole = [path.absolute() for path in paths]
    common = Path(os.path.commonpath([path.parent for path in whole]))
    return [path.relative_to(common).as_posix() for path in whole]


def number(value: float) -> str:
    """Write a figure with three digits that count, never as a power of ten."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    digits = 3 if size < 1e-3 else min(max(2 - math.floor(math.log10(size)), 0), 3)
    text = f"{value:,.{digits}f}"
    if digits:
        text = text.rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text
    return text.replace("-", "−")


def figure(row: Row) -> str | None:
    """Write the value of a row with its unit, or None where it has none."""
    if row.value is None or math.isnan(row.value):
        return None
    unit = row.unit if row.unit.startswith("°") or not row.unit else f"{THIN}{row.unit}"
    return f"{number(row.value)}{unit}"
