"""Figures and file names as words for a page: rounded for people, escaped for HTML."""

from __future__ import annotations

import math
import unicodedata
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


def name_of(path: Path) -> str:
    """Give the name of a file for HTML, kept apart from the direction of the text around it."""
    return f"<bdi>{safe(path.name)}</bdi>"


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
    unit = f"{THIN}{row.unit}" if row.unit else ""
    return f"{number(row.value)}{unit}"
