"""What the Sonic engine needs: looked at before PyTorch is imported and anything is loaded."""

from __future__ import annotations

from importlib.util import find_spec

from opensonic.device import Device, DtypeName, choose_device, choose_dtype, read_bytes
from opensonic.engines.diffusion.dimensions import MODEL_RATE
from opensonic.errors import InputError, OpenSonicError
from opensonic.settings import Settings
from opensonic.weights.check import require_files
from opensonic.weights.places import find_file
from opensonic.weights.records import REQUIRED, RIFE

PACKAGES = ("torch", "diffusers", "transformers", "safetensors")
"""What the extra installs, as it is imported."""
INSTALL = 'pip install "opensonic[sonic]"'


def needed_files(settings: Settings) -> tuple[str, ...]:
    """Name the records of the files without which a video cannot be made.

    RIFE's is one of them where the published program's numbers are wanted at a rate that needs it;
    else optical flow stands in for it.

    Args:
        settings: `compat` and `fps` are read.
    """
    published = settings.compat and settings.fps != MODEL_RATE
    return (*REQUIRED, RIFE) if published else REQUIRED


def require_sonic(settings: Settings) -> tuple[Device, DtypeName]:
    """Make sure that everything is there, and say where and in which numbers to compute.

    Args:
        settings: `models_dir`, `device`, `dtype`, `memory_budget`, `compat` and `fps` are read.

    Raises:
        InputError: A package is missing.
        WeightsError: Files are missing or wrong; each is named, with its source and its licence.
        SettingsError: The device or the numbers are not to be had here, or the budget is none.
    """
    if settings.memory_budget is not None:
        read_bytes(settings.memory_budget)
    if missing := missing_packages():
        raise InputError(
            f"the sonic engine needs {', '.join(missing)}, which this installation lacks; run: "
            f"{INSTALL}"
        )
    require_files(settings.models_path(), needed_files(settings))
    device = choose_device(settings.device)
    return device, choose_dtype(device, settings.dtype)


def sonic_lacks(settings: Settings) -> str:
    """Say what the engine lacks on this machine, in a few words; empty where nothing is missing.

    Args:
        settings: `models_dir` and `device` are read.
    """
    if any(find_file(name, settings.models_path()) is None for name in needed_files(settings)):
        return "the weights are missing (opensonic models)"
    if missing := missing_packages():
        return f"{', '.join(missing)} is missing ({INSTALL})"
    try:
        device, _ = require_sonic(settings)
    except OpenSonicError as error:
        return f"there is an obstacle: {error}"
    return "there is no GPU" if device.kind == "cpu" else ""


def missing_packages() -> list[str]:
    """List the packages of the extra that are not installed; imports none of them."""
    return [name for name in PACKAGES if find_spec(name) is None]
