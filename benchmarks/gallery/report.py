"""What the gallery found, as a table, as JSON and as a page of pictures."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from benchmarks.gallery.blinks import BlinkFigures
from benchmarks.gallery.heads import HeadFigures
from benchmarks.gallery.measures import Figures
from benchmarks.gallery.renders import SHEETS
from benchmarks.lips.tables import Table

_COLUMNS = (
    ("picture", "gap_picture", "{:.1f}"),
    ("silence", "gap_rest", "{:.1f}"),
    ("p b m", "gap_closed", "{:.1f}"),
    ("in speech", "gap_speech", "{:.1f}"),
    ("worst", "gap_speech_worst", "{:.1f}"),
    ("at rest", "changed_at_rest", "{:d}"),
    ("outside", "changed_outside", "{:d}"),
    ("skin", "skin", "{:.2f}"),
    ("step asked", "step_asked", "{:.1f}"),
    ("over", "step_over", "{:.1f}"),
    ("unrest", "step_noise", "{:.1f}"),
    ("still", "flicker_still", "{:.2f}"),
    ("breath", "flicker_breath", "{:.2f}"),
    ("drift", "flicker_drift", "{:.2f}"),
)
_HEAD = "<!doctype html><meta charset=utf-8><title>OpenSonic: gallery</title>"
_STYLE = (
    "<style>body{background:#181818;color:#eee;font:15px sans-serif;margin:2em}"
    "img{max-height:300px;max-width:30%;margin:3px;vertical-align:top}a{color:#9cf}"
    "table{border-collapse:collapse}td,th{padding:2px 9px;text-align:right}"
    "td:first-child,th:first-child{text-align:left}</style>"
)


def figures_table(figures: Mapping[str, Figures], tracker: str) -> Table:
    """Give the table of all portraits.

    Args:
        figures: By portrait.
        tracker: Name of what placed the landmarks.
    """
    rows = [
        (f"{name} (open)" if one.mouth_open else name, *_cells(one))
        for name, one in figures.items()
    ]
    if len(figures) > 1:
        numbers = [asdict(one) for one in figures.values()]
        worst = (fmt.format(np.nanmax([n[key] for n in numbers])) for _, key, fmt in _COLUMNS)
        rows.append(("largest", *worst))
    return Table(
        title="Renders",
        header=("portrait", *(head for head, _, _ in _COLUMNS)),
        rows=rows,
        notes=[
            f"Landmarks by {tracker}. Gap between the inner lips in % of the mouth's width: in the "
            "picture, at rest, the largest of p b m at three strengths, median and largest of the "
            "frames of speech in which lips shall touch. (open): the picture's own mouth is open.",
            "Pixels that differ at rest from the picture, and in a pose from rest where it "
            "moves nothing. Change of the skin's colour (median of eight places, the largest of "
            "all poses), in 1/255. Largest step of a landmark that is asked for, by how much a "
            "tracked one steps further, and how far one steps where next to nothing is asked "
            "for (the tracker's own unrest), in % of the distance of the outer eye corners. "
            "Mean change from frame to frame inside a mouth held open, in 1/255: nothing moves, "
            "the chest breathes, the head drifts by parts of a pixel.",
        ],
        figures={name: asdict(one) for name, one in figures.items()} | {"tracker": tracker},
    )


def _cells(one: Figures) -> tuple[str, ...]:
    values = asdict(one)
    return tuple(fmt.format(values[key]) for _, key, fmt in _COLUMNS)


def blinks_table(blinks: BlinkFigures, sounds: str) -> Table:
    """Give the table of blinks.

    Args:
        blinks: What was counted.
        sounds: What was spoken.
    """
    rows: list[tuple[str, ...]] = [
        ("blinks per minute", f"{blinks.per_minute:.1f}", "12 to 20"),
        ("length, median", f"{blinks.median_ms:.0f} ms", "100 to 300 ms"),
        ("length, 2 % to 98 %", f"{blinks.shortest_ms:.0f} to {blinks.longest_ms:.0f} ms", "same"),
        ("close fully", f"{100 * blinks.full:.0f} %", "nearly all"),
        ("second of a pair", f"{100 * blinks.doubles:.0f} %", "some"),
        ("begin where a phrase ends", f"{100 * blinks.at_pauses:.0f} %", "more than by chance"),
        ("the same by chance", f"{100 * blinks.by_chance:.0f} %", ""),
        ("longest time without", f"{blinks.longest_gap_s:.1f} s", ""),
    ]
    return Table(
        title=f"Blinks in {blinks.minutes:g} minutes",
        header=("what", "found", "people"),
        rows=rows,
        notes=[f"Spoken: {sounds}. A blink lasts from a tenth closed to a tenth closed."],
        figures=asdict(blinks),
    )


def heads_table(heads: HeadFigures, sounds: str) -> Table:
    """Give the table of the head.

    Args:
        heads: What was measured.
        sounds: What was spoken.
    """

    def row(what: str, form: str, values: tuple[float, ...], people: str) -> tuple[str, ...]:
        return what, *(form.format(value) for value in values), people

    percent = tuple(100 * share for share in heads.at_rest)
    rows: list[tuple[str, ...]] = [
        row("standard deviation, degrees", "{:.1f}", heads.spread, "2 to 4; roll 1 to 2"),
        row("farthest from the picture, degrees", "{:.1f}", heads.farthest, ""),
        row("largest mean of a minute, degrees", "{:.1f}", heads.drift, "near 0: no drift"),
        row("likeness with itself beyond 2 s", "{:.2f}", heads.likeness, "below 0.3: no loop"),
        row("at this lag, seconds", "{:.0f}", heads.likeness_s, ""),
        row("near the picture's own pose, %", "{:.0f}", percent, "comes back"),
        row("speed in pauses over that in speech", "{:.2f}", heads.calm, "calmer, never 0"),
    ]
    return Table(
        title=f"Head in {heads.minutes:g} minutes",
        header=("what", "yaw", "pitch", "roll", "wanted"),
        rows=rows,
        notes=[
            f"Spoken: {sounds}. Likeness is the highest peak of the autocorrelation; near is "
            "within half a standard deviation."
        ],
        figures=asdict(heads),
    )


def write_page(folder: Path, names: list[str], tables: list[Table]) -> None:
    """Write `index.html`: the tables, and the sheets of every portrait.

    Args:
        folder: Holds a folder of sheets for each portrait.
        names: The portraits.
        tables: What was measured.
    """
    parts = [_HEAD, _STYLE, "<h1>Gallery</h1>"]
    for table in tables:
        parts.append(f"<h2>{html.escape(table.title)}</h2><table>")
        for tag, row in (("th", table.header), *(("td", row) for row in table.rows)):
            cells = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
            parts.append(f"<tr>{cells}</tr>")
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in table.notes)
        parts.append(f"</table>{notes}")
    for name in names:
        shown = html.escape(name)
        parts.append(f"<h2>{shown}</h2>")
        for sheet in SHEETS:
            place = f"{shown}/{sheet}.png"
            parts.append(f'<a href="{place}"><img src="{place}" title="{sheet}" loading=lazy></a>')
    (folder / "index.html").write_text("\n".join(parts) + "\n", encoding="utf-8")
