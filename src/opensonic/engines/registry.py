"""The engines by name, and the choice that `auto` makes."""

from __future__ import annotations

from collections.abc import Callable

from opensonic.engines.base import Engine
from opensonic.errors import SettingsError


def _build_mesh() -> Engine:
    from opensonic.engines.mesh.engine import MeshEngine

    return MeshEngine()


def _build_still() -> Engine:
    from opensonic.engines.still import StillEngine

    return StillEngine()


BUILDERS: dict[str, Callable[[], Engine]] = {"mesh": _build_mesh, "still": _build_still}
"""What builds each engine; nothing of an engine is imported before it is built."""


def build_engine(name: str) -> tuple[Engine, str]:
    """Build an engine by its name; `auto` takes the best that works on this machine.

    Returns:
        The engine, and why it was taken, in a few words.

    Raises:
        SettingsError: No engine has that name.
    """
    if name == "auto":
        return BUILDERS["mesh"](), "auto: the mesh engine needs no GPU and no download"
    if name not in BUILDERS:
        raise SettingsError(
            f"engine: {name!r} is not known; expected auto or one of {', '.join(BUILDERS)}"
        )
    return BUILDERS[name](), "as asked"
