"""Where networks run: the device, the numbers it computes with, and how much memory is free there.

PyTorch is imported only when something is asked of it.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from opensonic.errors import InputError, SettingsError

DtypeName = Literal["float16", "bfloat16", "float32"]
"""Numbers that networks compute with."""

DTYPES: dict[str, DtypeName] = {
    "fp16": "float16",
    "float16": "float16",
    "bf16": "bfloat16",
    "bfloat16": "bfloat16",
    "fp32": "float32",
    "float32": "float32",
}
"""Names that users give them."""

_UNITS = ("", "k", "m", "g", "t")


@dataclass(frozen=True)
class Device:
    """Something that networks run on.

    Attributes:
        name: As PyTorch calls it: "cpu", "cuda:0", "mps".
        model: As its maker calls it.
        total_bytes: Memory in all.
        free_bytes: Memory that could be taken now.
    """

    name: str
    model: str
    total_bytes: int
    free_bytes: int

    @property
    def kind(self) -> str:
        """Its name without a number: "cpu", "cuda" or "mps"."""
        return self.name.partition(":")[0]


def choose_device(wanted: str = "auto") -> Device:
    """Find the device to run on: what was asked for, or CUDA before MPS before the CPU.

    Of several CUDA devices, `auto` takes the one with the most free memory.

    Args:
        wanted: "auto", "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        SettingsError: No device is called so, or this machine has none such.
        InputError: PyTorch is missing.
    """
    torch = _torch()
    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = [f"cuda:{i}" for i in range(n_cuda)]
    names += ["mps"] if torch.backends.mps.is_available() else []
    names += ["cpu"]
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", wanted):
        raise SettingsError(f"device {wanted!r}: expected auto, {', '.join(names)}")
    fitting = [n for n in names if wanted in (n, n.partition(":")[0], "auto")]
    if not fitting:
        raise SettingsError(
            f"device {wanted!r}: this machine's PyTorch {torch.__version__} has only "
            f"{', '.join(names)}"
        )
    kind = fitting[0].partition(":")[0]
    devices = [_describe(torch, n) for n in fitting if n.startswith(kind)]
    return max(devices, key=lambda device: device.free_bytes)


def choose_dtype(device: Device, wanted: str = "auto") -> DtypeName:
    """Find the numbers to compute with: half on a GPU, as published, and full on the CPU.

    Args:
        device: Where the networks run.
        wanted: "auto" or a key of `DTYPES`.

    Raises:
        SettingsError: No such numbers, or the device cannot compute with them.
        InputError: PyTorch is missing.
    """
    if wanted == "auto":
        return "float32" if device.kind == "cpu" else "float16"
    if wanted not in DTYPES:
        raise SettingsError(f"dtype {wanted!r}: expected auto, fp16, bf16 or fp32")
    dtype = DTYPES[wanted]
    on_cuda = dtype == "bfloat16" and device.kind == "cuda"
    if on_cuda and not _torch().cuda.is_bf16_supported(including_emulation=False):
        raise SettingsError(f"dtype {wanted!r}: {device.model} cannot compute with it; try fp16")
    return dtype


def read_bytes(text: str) -> int:
    """Read an amount of memory: "10GB", "800 MB", "2.5g" (1 GB is 10^9 bytes; 1 GiB is 2^30).

    Args:
        text: What the user wrote.

    Raises:
        SettingsError: It is no amount of memory.
    """
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{0,9})?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    if not match or (match[3] and not match[2]):
        raise SettingsError(f"memory {text!r}: expected a number with a unit, such as 10GB")
    power = _UNITS.index(match[2])
    unit = 1024**power if match[3] else 1000**power
    amount = int(float(match[1]) * unit)
    if amount <= 0:
        raise SettingsError(f"memory {text!r}: expected more than nothing, such as 10GB")
    return amount


def host_memory() -> tuple[int, int]:
    """Give the machine's memory in bytes, in all and free, within the limits of a container."""
    if sys.platform == "win32":
        return _windows_memory()
    page, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    total = free = page * pages
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        known = dict(line.split(":", 1) for line in lines if ":" in line)
        free = int(known["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        free = total // 2  # macOS tells no simple number; half is a careful guess
    limit, used = _container_memory()
    if limit is not None and limit < total:
        total, free = limit, min(free, max(limit - used, 0))
    return total, free


def _container_memory() -> tuple[int | None, int]:
    """Give the limit of a control group and what is used of it, without what can be dropped."""
    root = Path("/sys/fs/cgroup")
    try:
        limit = int((root / "memory.max").read_text(encoding="ascii"))  # "max" is no number
        used = int((root / "memory.current").read_text(encoding="ascii"))
        stat = (root / "memory.stat").read_text(encoding="ascii").split()
        dropped = int(stat[stat.index("inactive_file") + 1])
    except (OSError, ValueError, IndexError):
        return None, 0
    return limit, max(used - dropped, 0)


def _windows_memory() -> tuple[int, int]:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "a", "b", "c", "d", "e")),
        )

    status = Status()
    status.length = ctypes.sizeof(status)
    library: Any = ctypes
    library.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return status.total, status.free


def _describe(torch: Any, name: str) -> Device:  # noqa: ANN401 - the module, where it is installed
    if name.startswith("cuda"):
        free, total = torch.cuda.mem_get_info(name)
        kept = torch.cuda.memory_reserved(name) - torch.cuda.memory_allocated(name)
        return Device(name, torch.cuda.get_device_name(name), int(total), int(free + kept))
    total, free = host_memory()
    if name == "mps":  # the GPU shares the machine's memory
        most = int(torch.mps.recommended_max_memory())
        return Device(name, "Apple GPU", most, max(min(most, free), 0))
    return Device(name, "CPU", total, free)


def _torch() -> Any:  # noqa: ANN401 - the module, where it is installed
    try:
        import torch
    except ImportError as error:
        raise InputError(
            "PyTorch, which this engine runs on, is missing; run: pip install 'opensonic[sonic]'"
        ) from error
    return torch
