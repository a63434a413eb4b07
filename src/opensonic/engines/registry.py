"""The engines by name, and the choice that `auto` makes."""

from __future__ import annotations

from collections.abc import Callable

from opensonic.engines.base import Engine
from opensonic.errors import InputError, SettingsError
from opensonic.settings import Settings


def _build_mesh(settings: Settings) -> Engine:
    from opensonic.engines.mesh.engine import MeshEngine

    return MeshEngine()


def _build_sonic(settings: Settings) -> Engine:
    from opensonic.engines.diffusion.requirements import require_sonic

    device, dtype = require_sonic(settings)
    from opensonic.engines.diffusion.engine import SonicEngine

    return SonicEngine(device, dtype)


def _build_still(settings: Settings) -> Engine:
    from opensonic.engines.still import StillEngine

    return StillEngine()


BUILDERS: dict[str, Callable[[Settings], Engine]] = {
    "mesh": _build_mesh,
    "sonic": _build_sonic,
    "still": _build_still,
}
"""What builds each engine; nothing of an engine is imported before it is built."""


def build_engine(
    name: str, settings: Settings | None = None, *, with_motion: bool = False
) -> tuple[Engine, str]:
    """Build an engine by its name; `auto` takes the best that works on this machine.

    Args:
        name: A key of `BUILDERS`, or "auto".
        settings: What the user chose; the defaults where nothing is given.
        with_motion: Whether motion goes in or out, which not every engine can do.

    Returns:
        The engine, and why it was taken, in a few words.

    Raises:
        SettingsError: No engine has that name, or a setting does not suit it.
        InputError: It cannot do what was asked for, or a package that it needs is missing.
        WeightsError: Weights that it needs are missing or damaged.
    """
    chosen = settings or Settings()
    reason = "as asked"
    if name == "auto":
        name, reason = _choose(chosen, with_motion)
    if name not in BUILDERS:
        raise SettingsError(
            f"engine: {name!r} is not known; expected auto or one of {', '.join(BUILDERS)}"
        )
    engine = BUILDERS[name](chosen)
    if with_motion and not engine.follows_motion:
        raise InputError(
            f"the {name} engine hears speech and makes its own movement; it takes no motion file "
            "and writes none: leave the motion out, or take --engine mesh"
        )
    return engine, reason


def _choose(settings: Settings, with_motion: bool) -> tuple[str, str]:
    """Choose for `auto`: an engine, and why. Asks what is cheap to know first."""
    if with_motion:
        return "mesh", "auto: only the mesh engine follows and writes motion"
    from opensonic.engines.diffusion.requirements import sonic_lacks

    if lack := sonic_lacks(settings):
        return "mesh", f"auto: it needs no GPU and no download; for the sonic engine {lack}"
    return "sonic", "auto: its weights and a GPU are here"
