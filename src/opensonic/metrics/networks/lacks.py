"""Rows of measures that cannot be taken here, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from opensonic.metrics.evaluation import Row, Sight
from opensonic.metrics.scales import make_row
from opensonic.values import Speech

PACKAGES = ("torch", "torchmetrics", "safetensors")
"""What the extra installs, as it is imported."""
LIP_SYNC = ("lse_d", "lse_c", "syncnet_lag")
"""Names of the rows that come from SyncNet."""
IDENTITY = ("csim", "csim_start", "csim_loss")
"""Names of the rows that come from an embedding of faces."""


def lacking_packages() -> str:
    """Say what of the extra is not installed, and how it is; empty where all is. Imports none."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if not missing:
        return ""
    return f"needs {', '.join(missing)}: pip install 'opensonic[evaluate]'"


def lacking_rows(why: str, names: Sequence[str]) -> tuple[Row, ...]:
    """Give rows without values.

    Args:
        why: Why there are none, in words.
        names: Keys of `scales.SCALES`.
    """
    return tuple(make_row(name, None, why) for name in names)


class Lacking:
    """An observer that looks at nothing and says why.

    Args:
        why: What is missing, and what to do.
        names: The rows that there would be.
    """

    def __init__(self, why: str, names: Sequence[str]) -> None:
        self._why, self._names = why, names

    def look(self, sight: Sight, reference: Sight | None) -> None:
        """Look away."""

    def rows(self, speech: Speech | None, lag_s: float | None) -> Sequence[Row]:
        """Give the rows without values."""
        return lacking_rows(self._why, self._names)
