"""Where sampling stands: the latents of the clip, and the frames that are half done.

All frames' latents stay on the host, from a size on in a file (see `clip_store`); so that a run can
stop and go on anywhere, the state can be written and read, and no randomness is left in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from opensonic.engines.diffusion.clip_store import hold_clip
from opensonic.engines.diffusion.conditions import Conditions, SamplerSettings
from opensonic.errors import InputError
from opensonic.weights.headers import write_header

IMAGE_LATENT_SCALE = 0.18215
"""The picture's latents times this are what noise is added to."""
_DTYPES = {
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float32: "F32",
    torch.int64: "I64",
}
"""As safetensors writes them."""
_FRAMES_AT_ONCE = 64
"""Frames that are written or read together."""


@dataclass(eq=False)
class SamplerState:
    """Where sampling stands: all that is needed to go on.

    Attributes:
        latents: (F, 4, h, w) on the host.
        step: Number of the step at work, from 0.
        window: Number of the next window in that step.
        sums: Frames that some but not all windows of this step have done: the sum of the results.
        counts: Number of results in each sum.
        foretold: (F, 4, h, w) clean latents that a solver of second order looks back to; None
            without one.
        fresh: Those of this step, of the frames in `sums`.
    """

    latents: torch.Tensor
    step: int = 0
    window: int = 0
    sums: dict[int, torch.Tensor] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    foretold: torch.Tensor | None = None
    fresh: dict[int, torch.Tensor] = field(default_factory=dict)

    def close_frames(self, frames: set[int]) -> None:
        """Write frames back that no later window of this step reads or writes."""
        for frame in frames:
            self.latents[frame] = self.sums.pop(frame) / self.counts.pop(frame)
            if self.foretold is not None:
                self.foretold[frame] = self.fresh.pop(frame)

    def save(self, path: Path, notes: Mapping[str, str] | None = None) -> None:
        """Write the state to a safetensors file, replacing it in one move.

        A few frames at a time: no second clip is in memory.

        Args:
            path: The file; its folder exists.
            notes: Text by key that the file shall carry.
        """
        tensors = self._tensors()
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                told = [(k, _DTYPES[each.dtype], tuple(each.shape)) for k, each in tensors.items()]
                write_header(file, told, notes or {})
                for each in tensors.values():
                    for rows in each.split(_FRAMES_AT_ONCE):
                        file.write(rows.flatten().view(torch.uint8).numpy())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _tensors(self) -> dict[str, torch.Tensor]:
        frames = sorted(self.sums)
        none = self.latents[:0]
        tensors = {
            "latents": self.latents,
            "position": torch.tensor([self.step, self.window]),
            "frames": torch.tensor(frames, dtype=torch.int64),
            "counts": torch.tensor([self.counts[f] for f in frames], dtype=torch.int64),
            "sums": torch.stack([self.sums[f] for f in frames]) if frames else none,
        }
        if self.foretold is not None:
            tensors["foretold"] = self.foretold
            tensors["fresh"] = torch.stack([self.fresh[f] for f in frames]) if frames else none
        return tensors

    @classmethod
    def load(cls, path: Path) -> SamplerState:
        """Read a state that `save` wrote.

        Raises:
            InputError: The file cannot be read or is not such a state.
        """
        try:
            with safe_open(path, "pt") as file:
                step, window = file.get_tensor("position").tolist()
                frames = file.get_tensor("frames").tolist()
                sums = file.get_tensor("sums").unbind()
                counts = file.get_tensor("counts").tolist()
                state = cls(_read_clip(file, "latents"), step, window)
                state.sums = dict(zip(frames, sums, strict=True))
                state.counts = dict(zip(frames, counts, strict=True))
                if "foretold" in file.keys():  # noqa: SIM118
                    state.foretold = _read_clip(file, "foretold")
                    fresh = file.get_tensor("fresh").unbind()
                    state.fresh = dict(zip(frames, fresh, strict=True))
                return state
        except Exception as error:  # safetensors' errors have no common base
            raise InputError(
                f"{path}: not the state of an interrupted run ({error}); start the run anew"
            ) from error


def read_step(path: Path) -> int:
    """Say at which step a written state is; 0 for a file that is none, which `load` tells of."""
    try:
        with safe_open(path, "pt") as file:
            return int(file.get_tensor("position")[0])
    except (OSError, SafetensorError):
        return 0


def _read_clip(file: Any, name: str) -> torch.Tensor:  # noqa: ANN401 - safetensors tells no type
    """Read a tensor as long as the clip, some frames at a time."""
    stored = file.get_slice(name)
    n_frames, *shape = stored.get_shape()
    clip = hold_clip((n_frames, *shape), stored[:0].dtype)
    for start in range(0, n_frames, _FRAMES_AT_ONCE):
        clip[start : start + _FRAMES_AT_ONCE] = stored[start : start + _FRAMES_AT_ONCE]
    return clip


def start_state(
    conditions: Conditions, noise: Iterable[torch.Tensor], settings: SamplerSettings
) -> SamplerState:
    """Begin: the picture's latents in every frame, with noise of the first level on them.

    Args:
        conditions: Their image latents are the start.
        noise: (4, h, w) of unit variance for each frame; taken one by one.
        settings: Say the first level.
    """
    still = (conditions.image_latents[0] * IMAGE_LATENT_SCALE).cpu()
    level = settings.sigmas()[0]
    shape = conditions.audio.n_frames, *still.shape
    latents = hold_clip(shape, still.dtype)
    for frame, drawn in zip(latents, noise, strict=True):
        frame.copy_(still + drawn.to("cpu", still.dtype) * level)
    second_order = settings.shortcuts.second_order
    return SamplerState(latents, foretold=hold_clip(shape, still.dtype) if second_order else None)
