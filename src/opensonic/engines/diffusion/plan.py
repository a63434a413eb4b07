"""What a run will take, before it starts: memory of the device and the host, work and time.

Of the ways to share out the work the first one that fits is taken, from the fastest to the
smallest; what cannot fit is refused with the nearest setting that does. `costs` says what each way
takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from opensonic.engines.diffusion.costs import (
    GAPS,
    Job,
    Part,
    count_decoding,
    count_denoising,
    count_host,
    count_looking,
    count_memory,
    count_work,
)
from opensonic.engines.diffusion.dimensions import LATENT_SIDE
from opensonic.engines.diffusion.rate import measure_rate
from opensonic.engines.diffusion.resources import COMPAT_RUNS, RUNS, Resources
from opensonic.errors import InputError

STEP_PX = 64
"""Sides of the networks' pictures are multiples of this."""
MIN_SIDE_PX = 128
"""The smallest short side that may be asked for."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a run will be done and what it takes; all figures are estimates.

    Attributes:
        job: What is to be done.
        resources: How it is shared out.
        budget: Bytes of the device that may be used.
        parts: What each part of the run takes of the device.
        host_bytes: What of latents and tokens of the whole clip is in the memory of the host.
        file_bytes: What of them lies in temporary files.
        flops: Operations of the whole run.
        seconds: Time of the whole run; None where the device was not tried.
    """

    job: Job
    resources: Resources
    budget: int
    parts: tuple[Part, ...]
    host_bytes: int
    file_bytes: int
    flops: int
    seconds: float | None

    @property
    def peak(self) -> Part:
        """The part that takes most."""
        return max(self.parts, key=lambda part: part.total)

    def notes(self) -> tuple[str, ...]:
        """Tell what will be used and how long it will take, a line each."""
        peak, runs = self.peak, self.resources.runs(compat=self.job.chosen.compat)
        together = {1: "one after another", 2: "two at a time", 3: "together"}
        tiles = "" if runs.tile is None else f" in tiles of {runs.tile * LATENT_SIDE} px"
        waiting = ", networks wait on the host" if self.resources.offload else ""
        filed = self.file_bytes
        filed_words = f" and {megabytes(filed)} MB in a temporary file" if filed else ""
        lines = [
            f"memory of {self.job.device.model}: {gigabytes(peak.total)} of "
            f"{gigabytes(self.budget)} GB while {peak.name} (networks {gigabytes(peak.weights)}, "
            f"work {gigabytes(peak.held)}, reserve {gigabytes(peak.reserve)})",
            f"guidance branches {together[self.resources.branch_batch]}, {runs.frames} frames "
            f"decoded at once{tiles}{waiting}; on the host {megabytes(self.host_bytes)} MB"
            f"{filed_words}",
        ]
        if self.seconds is not None:
            lines.append(
                f"{_teraflops(self.flops)} TFLOP: about {duration(self.seconds)}, an estimate"
            )
        return tuple(lines)


def plan_run(job: Job, *, budget: int | None = None, time_it: bool = True) -> Plan:
    """Find the fastest way to do a job that fits the device.

    Args:
        job: What is to be done.
        budget: Bytes of the device that may be used, of those that are free; None takes them all.
        time_it: Whether to try the device's speed, which takes a fraction of a second.

    Raises:
        InputError: It does not fit, in any way; the message names the nearest setting that does.
    """
    free = job.device.free_bytes
    limit = free if budget is None else min(budget, free)
    best = _find(job, limit)
    if best is None:
        raise InputError(_refusal(job, limit))
    flops = count_work(job, best)
    host_bytes, file_bytes = count_host(job)
    rate = measure_rate(job.device.name, job.dtype) if time_it else None
    return Plan(
        job=job,
        resources=best,
        budget=limit,
        parts=count_memory(job, best),
        host_bytes=host_bytes,
        file_bytes=file_bytes,
        flops=flops,
        seconds=flops / rate if rate else None,
    )


def gigabytes(n_bytes: float) -> str:
    """Write bytes as GB of 10^9."""
    return f"{n_bytes / 1e9:.1f}"


def megabytes(n_bytes: float) -> str:
    """Write bytes as MB of 10^6."""
    return f"{n_bytes / 1e6:.1f}"


def _teraflops(flops: int) -> str:
    return f"{flops / 1e12:,.0f}" if flops > 1e13 else f"{flops / 1e12:.2g}"


def duration(seconds: float) -> str:
    """Write a time as a person says it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def _ways(job: Job) -> Iterator[Resources]:
    """List the ways to share out the work, from the fastest to the smallest."""
    yield Resources()
    moves = job.device.kind != "cpu"
    n_decodings = len(COMPAT_RUNS) if job.chosen.compat else len(RUNS)
    for decoding in range(1 if job.chosen.compat else n_decodings):
        for branches in (3, 2, 1):
            yield Resources(branch_batch=branches, decoding=decoding, offload=moves)
        yield Resources(branch_batch=1, cache_bytes=0, decoding=decoding, offload=moves)


def _fits(job: Job, resources: Resources, limit: int) -> bool:
    parts = (count_decoding, count_looking, count_denoising)  # what takes seconds comes last
    return all(part(job, resources).total <= limit for part in parts)


def _find(job: Job, limit: int) -> Resources | None:
    return next((way for way in _ways(job) if _fits(job, way, limit)), None)


def _refusal(job: Job, limit: int) -> str:
    *_, least = _ways(job)
    width, height = job.size
    need = max(part.total for part in count_memory(job, least))
    told = (
        f"{width}x{height} px in {job.dtype} needs at least {gigabytes(need)} GB of "
        f"{job.device.model} and may use {gigabytes(limit)} GB; "
    )
    others = []
    if job.dtype == "float32" and job.device.kind != "cpu":
        halved = replace(job, dtype="float16")
        if _find(halved, limit):
            others.append("--dtype fp16")
    short = _largest_short_side(job, least, limit)
    if short:
        others.append(f"--min-resolution {short}")
    if need <= job.device.free_bytes:
        others.append(f"--memory-budget {gigabytes(need + 1e8)}GB")
    others.append("--engine mesh")
    return told + "take " + " or ".join(others)


def _largest_short_side(job: Job, least: Resources, limit: int) -> int | None:
    """Find the largest short side that fits, px, beginning where memory per pixel says."""
    short, long = min(job.size), max(job.size)
    parts = count_memory(job, least)
    fixed = max(part.weights for part in parts)
    fixed += min(part.reserve - int(GAPS * part.held) for part in parts)
    per_area = max(part.total - fixed for part in parts)
    guess = short * (max(limit - fixed, 0) / per_area) ** 0.5
    start = min(short - STEP_PX, (int(guess) // STEP_PX + 1) * STEP_PX)
    for side in range(start, MIN_SIDE_PX - 1, -STEP_PX):
        other = max(side, round(long * side / short / STEP_PX) * STEP_PX)
        size = (side, other) if job.size[0] <= job.size[1] else (other, side)
        if _fits(replace(job, size=size), least, limit):
            return side
    return None
