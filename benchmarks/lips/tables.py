"""Tables of results as aligned text, Markdown or JSON, and their place in a page."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

BEGIN, END = "<!-- lips: begin -->", "<!-- lips: end -->"
"""The lines of a page between which results are written."""


@dataclass(frozen=True)
class Table:
    """One table of results.

    Attributes:
        title: What was measured.
        header: Names of the columns.
        rows: Cells, as readers see them.
        notes: How to read it, or why something was skipped.
        figures: The same measures as numbers, for programs.
    """

    title: str
    header: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)

    def to_text(self) -> str:
        """Give the table with aligned columns."""
        lines = [self.title, "=" * len(self.title)]
        grid = [self.header, *self.rows]
        if self.rows:
            widths = [max(len(row[place]) for row in grid) for place in range(len(self.header))]
            for row in grid:
                cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
                lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *self.notes]) + "\n"

    def to_markdown(self) -> str:
        """Give the table as a section of a Markdown page."""
        lines = [f"### {self.title}", ""]
        if self.rows:
            grid = [self.header, ("---",) * len(self.header), *self.rows]
            lines += ["| " + " | ".join(row) + " |" for row in grid]
            lines.append("")
        for note in self.notes:
            lines += [note, ""]
        return "\n".join(lines)


def to_json(tables: list[Table]) -> str:
    """Give the figures of all tables by title, as JSON."""
    figures = {table.title: table.figures | {"notes": table.notes} for table in tables}
    return json.dumps(figures, indent=1, ensure_ascii=False, default=float) + "\n"


def write_between_marks(page: Path, text: str, name: str = "lips") -> None:
    """Put text between the marks of a page, in place of what is there.

    Args:
        page: The page.
        text: Markdown.
        name: The word in the marks.

    Raises:
        ValueError: The page lacks the marks.
    """
    begin_mark, end_mark = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    whole = page.read_text(encoding="utf-8")
    head, begin, rest = whole.partition(begin_mark)
    _, end, tail = rest.partition(end_mark)
    if not begin or not end:
        raise ValueError(
            f"{page}: lacks the lines {begin_mark} and {end_mark}; put them where results go"
        )
    text = f"{begin_mark}\n\n{text.strip()}\n\n{end_mark}"
    page.write_text(f"{head}{text}{tail}", encoding="utf-8")
