"""Frames between decoded frames: by RIFE's network or, where its weights are not there, by flow.

Both take pairs of tensors of one frame each, and a share of the way from one to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from opensonic.engines.diffusion.decode import to_bytes
from opensonic.engines.diffusion.shortage import is_out_of_memory
from opensonic.post.interpolate.flow import FlowBetween
from opensonic.post.interpolate.ifnet import SIDE_MULTIPLE, IFNet
from opensonic.post.interpolate.stream import BetweenPairs, Pair

PAIRS = 4
"""Pairs that RIFE looks at together on a GPU; on a CPU nothing is gained."""

MakeRoom: TypeAlias = Callable[[RuntimeError], bool]
"""Frees memory of the device, if anything on it can be spared, and says whether it could."""
BuildIFNet: TypeAlias = Callable[[], IFNet]
"""Gives RIFE's network on the device."""

Frames = npt.NDArray[np.uint8]


def choose_between(
    build_ifnet: BuildIFNet | None, make_room: MakeRoom | None = None
) -> BetweenPairs:
    """Give what makes frames between decoded frames: RIFE, or optical flow without its network."""
    return ByFlow() if build_ifnet is None else ByRife(build_ifnet, make_room)


class ByRife:
    """Makes frames between frames by RIFE's network, which is built when the first is asked for.

    Where the device runs out of memory it takes one pair at a time, then asks for room, and at last
    goes on with the CPU: no frame is lost, and none is decoded again.

    Args:
        build_ifnet: Gives the network on the device.
        make_room: Frees memory of the device.
    """

    def __init__(self, build_ifnet: Callable[[], IFNet], make_room: MakeRoom | None = None) -> None:
        self._build, self._make_room = build_ifnet, make_room
        self._network: IFNet | None = None
        self._device = torch.device("cpu")
        self._together = PAIRS

    def __call__(self, pairs: list[Pair]) -> Iterator[torch.Tensor]:
        """Make the frame of each pair, (1, 3, H, W) float32, 0 to 1, as the two are.

        Raises:
            RuntimeError: The CPU, too, has not enough memory.
        """
        start = 0
        while start < len(pairs):
            made = self._try(pairs[start : start + self._together])
            if isinstance(made, RuntimeError):
                self._take_less(made)
                continue
            yield from made.split(1)
            start += len(made)

    def _try(self, pairs: list[Pair]) -> torch.Tensor | RuntimeError:
        """Make frames, or say that memory was short, without holding on to what was half done.

        Raises:
            RuntimeError: Something else went wrong.
        """
        try:
            return self._make(pairs)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return error.with_traceback(None)

    def _make(self, pairs: list[Pair]) -> torch.Tensor:
        if self._network is None:
            self._network = self._build()
            self._device = next(self._network.parameters()).device
            self._together = 1 if self._device.type == "cpu" else PAIRS
        some = pairs[: self._together]
        first = torch.cat([pair[0] for pair in some]).to(self._device)
        second = torch.cat([pair[1] for pair in some]).to(self._device)
        with torch.no_grad():
            made: torch.Tensor = self._network(first, second, [pair[2] for pair in some])
        return made

    def _take_less(self, error: RuntimeError) -> None:
        """Go on with less of the device's memory."""
        if self._together > 1:
            self._together = 1
        elif self._make_room is None or not self._make_room(error):
            if self._network is None or self._device.type == "cpu":
                raise error
            self._device = torch.device("cpu")
            self._network = self._network.to(self._device)


class ByFlow:
    """Makes frames between frames by dense optical flow, on the CPU and in bytes."""

    def __init__(self) -> None:
        self._between = FlowBetween()

    def __call__(self, pairs: list[Pair]) -> Iterator[torch.Tensor]:
        """Make the frame of each pair, (1, 3, H, W) float32, 0 to 1, as the two are."""
        for first, second, share in pairs:
            made = self._between(to_bytes(first).numpy(), to_bytes(second).numpy(), share)
            yield to_unit_tensor(made)


class ByteBetween:
    """Makes a frame between two; a `Between` for uint8 frames of any size.

    Args:
        between: Makes it of tensors.
    """

    def __init__(self, between: BetweenPairs) -> None:
        self._between = between

    def __call__(self, first: Frames, second: Frames, share: Fraction) -> Frames:
        """Make the frame at a share of the way: (1, H, W, 3) uint8 RGB, all three."""
        height, width = first.shape[1:3]
        made = next(self._between([(_padded(first), _padded(second), share)]))
        return np.ascontiguousarray(to_bytes(made).numpy()[:, :height, :width])


def to_unit_tensor(frames: Frames) -> torch.Tensor:
    """Turn (n, H, W, 3) uint8 into (n, 3, H, W) float32, 0 to 1, on the host."""
    return torch.from_numpy(frames.copy()).movedim(-1, 1) / 255


def _padded(frames: Frames) -> torch.Tensor:
    """Give a tensor of frames, whose sides are continued so that the network takes them."""
    height, width = frames.shape[1:3]
    pad = (0, -width % SIDE_MULTIPLE, 0, -height % SIDE_MULTIPLE)
    return F.pad(to_unit_tensor(frames), pad, mode="replicate")
