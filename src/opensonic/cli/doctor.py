"""`opensonic doctor`: what works on this machine."""

from __future__ import annotations

import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import as_file, files

import typer

from opensonic.cli.animate import JsonOption
from opensonic.cli.console import print_json
from opensonic.engines.registry import BUILDERS
from opensonic.errors import OpenSonicError
from opensonic.settings import Settings
from opensonic.weights import RECORDS, open_session

PACKAGES = ("av", "numpy", "onnxruntime", "opencv-python-headless", "pillow", "rich", "typer")
"""The base install's dependencies."""

Check = tuple[str, bool, str]
"""What was looked at, whether it works, and what was found."""


def doctor(json: JsonOption = False) -> None:
    """Say what works on this machine: versions, codecs, weights, engines.

    Raises:
        typer.Exit: With 3 where something does not work.
    """
    checks = [*_versions(), *_codecs(), *_weights(), *_engines()]
    good = all(works for _, works, _ in checks)
    if json:
        print_json(
            {
                "ok": good,
                "checks": [{"name": n, "ok": works, "found": f} for n, works, f in checks],
            }
        )
    else:
        _print_table(checks)
    if not good:
        raise typer.Exit(3)


def _versions() -> list[Check]:
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"
    checks = [("python", sys.version_info >= (3, 10), f"{platform.python_version()} on {system}")]
    for name in ("opensonic", *PACKAGES):
        try:
            checks.append((name, True, version(name)))
        except PackageNotFoundError:
            checks.append((name, False, "not installed; run: pip install opensonic"))
    return checks


def _codecs() -> list[Check]:
    import av

    return [
        (f"encoder {codec}", codec in av.codecs_available, use)
        for codec, use in (("libx264", "H.264 video"), ("aac", "AAC sound"))
    ]


def _weights() -> list[Check]:
    checks: list[Check] = []
    for name, record in RECORDS.items():
        try:
            open_session(name)
            checks.append((f"weights {name}", True, f"{record.path}, {record.licence}"))
        except OpenSonicError as error:
            checks.append((f"weights {name}", False, str(error)))
    return checks


def _engines() -> list[Check]:
    checks: list[Check] = [_sonic()]
    for name in BUILDERS:
        if name == "sonic":  # its first frame takes as long as the whole video
            continue
        started = time.perf_counter()
        try:
            _draw_frame(name)
            found = f"drew its first frame in {time.perf_counter() - started:.1f} s"
            checks.append((f"engine {name}", True, found))
        except (OpenSonicError, ImportError) as error:
            checks.append((f"engine {name}", False, str(error)))
    return checks


def _sonic() -> Check:
    """Look at what the engine needs; a machine without it is a whole machine."""
    from opensonic.engines.diffusion.requirements import sonic_lacks

    lack = sonic_lacks(Settings())
    return "engine sonic", True, f"optional; {lack}" if lack else "weights and a GPU are here"


def _draw_frame(engine: str) -> None:
    import numpy as np

    import opensonic

    silence = (np.zeros(160, np.float32), 16_000)
    with as_file(files("opensonic") / "examples" / "portrait.png") as portrait:
        next(iter(opensonic.animate(portrait, silence, engine=engine, min_resolution=256)))


def _print_table(checks: list[Check]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "", "found", box=None)
    for name, works, found in checks:
        table.add_row(name, "[green]ok[/]" if works else "[red]no[/]", found)
    Console().print(table)
