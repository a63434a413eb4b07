"""What `opensonic models` prints: the files, what was found out about them, their licences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from opensonic.cli.console import print_json, say

if TYPE_CHECKING:
    from opensonic.weights.check import Verdict
    from opensonic.weights.model_file import ModelFile
    from opensonic.weights.places import Found

Places = Sequence[tuple["ModelFile", "Found | None"]]
"""Files and where they lie on this machine."""


def print_files(rows: Places, as_json: bool) -> None:
    """Print files with their use, their licence and their place."""
    if as_json:
        files = [_described(f) | {"path": str(at.path) if at else None} for f, at in rows]
        print_json({"files": files})
        return
    from opensonic.weights.records import SONIC_NETWORKS

    _print_rows(
        ("file", "for", "licence", "where"),
        [(f.name, f.use, f.licence.name, _escaped(at.path) if at else _lack(f)) for f, at in rows],
    )
    if any(at is None and f.name in SONIC_NETWORKS for f, at in rows):
        say("What is missing is fetched by: opensonic models pull")


def print_verdicts(verdicts: Sequence[Verdict], as_json: bool) -> None:
    """Print what was found out about files."""
    if as_json:
        files = [_described(verdict.file) | _judged(verdict) for verdict in verdicts]
        print_json({"ok": all(verdict.good for verdict in verdicts), "files": files})
        return
    from opensonic.weights.records import PULLED

    _print_rows(("file", "", "found"), map(_verdict_row, verdicts))
    if bad := [verdict.file for verdict in verdicts if not verdict.good]:
        named = any(file.name not in PULLED for file in bad)  # which pull alone does not fetch
        names = "".join(f" {file.name}" for file in bad if named)
        say(
            f"{len(bad)} of {len(verdicts)} cannot be used. "
            f"Fetch them with: opensonic models pull{names}"
        )


def show_licences(files: Sequence[ModelFile]) -> None:
    """Show under which terms files are fetched, and whose they are."""
    count = "1 file is" if len(files) == 1 else f"{len(files)} files are"
    say(f"{count} missing. What is fetched is not OpenSonic's and has terms of its own:")
    for licence in dict.fromkeys(file.licence for file in files):
        under = [file for file in files if file.licence == licence]
        say(f"  {', '.join(file.name for file in under)}", style="bold")
        say(f"    {licence.name}: {licence.url}")
        say(f"    who may use it: {licence.who}")
        for page in dict.fromkeys(file.page for file in under):
            say(f"    from {page}")


def _verdict_row(verdict: Verdict) -> tuple[str, str, str]:
    if not verdict.found:
        return verdict.file.name, "[red]missing[/]", f"had at {verdict.file.url}"
    word = "[green]ok[/]" if verdict.good else "[red]wrong[/]"
    if verdict.good and verdict.unread:
        word = "[yellow]unread[/]"
    told = f"{verdict.found.path}: {verdict.problem or verdict.checked}"
    return verdict.file.name, word, _escaped(told)


def _judged(verdict: Verdict) -> dict[str, Any]:
    return {
        "path": str(verdict.found.path) if verdict.found else None,
        "ok": verdict.good,
        "unread": verdict.good and verdict.unread,
        "problem": verdict.problem if verdict.found else "missing",
        "checked": verdict.checked,
    }


def _described(file: ModelFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "use": file.use,
        "for": file.purpose,
        "needed": _is_needed(file),
        "url": file.url,
        "place": file.place,
        "licence": file.licence.name,
        "licence_url": file.licence.url,
        "who_may_use_it": file.licence.who,
    }


def _is_needed(file: ModelFile) -> bool:
    from opensonic.weights.records import REQUIRED

    return file.name in REQUIRED


def _lack(file: ModelFile) -> str:
    if file.purpose == "evaluate":
        return "[dim]not there; for evaluate[/]"
    return "[red]missing[/]" if _is_needed(file) else "[dim]not there, not needed[/]"


def _escaped(told: object) -> str:
    from rich.markup import escape

    return escape(str(told))


def _print_rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
