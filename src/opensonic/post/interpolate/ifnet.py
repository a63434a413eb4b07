"""RIFE's flow network: the frame between two frames.

RIFE (Huang et al., arXiv 2011.06294), version HDv3 with its published weights (MIT): three blocks
refine the flow from coarse to fine and a mask chooses between the two warped frames. The middle is
what the network was trained for; other times use the same flow, scaled, as if motion were even.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import nn

from opensonic.errors import InputError, WeightsError

SCALES = (4, 2, 1)
"""Each block works at one over this of the picture's size."""
SIDE_MULTIPLE = 16
"""Sides must divide by this: the coarsest block halves a quarter-size picture twice."""
WIDTH = 90
_PREFIX = "module."
_UNUSED = "block_tea."
"""The teacher of the training, which lies in the published file and is never run."""


def _conv(n_in: int, n_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, 1), nn.PReLU(n_out))


def _head(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(n_in, n_in // 2, 4, 2, 1),
        nn.PReLU(n_in // 2),
        nn.ConvTranspose2d(n_in // 2, n_out, 4, 2, 1),
    )


class FlowBlock(nn.Module):
    """One refinement: (B, 11, h, w) of warped frames, mask and flow to flow and mask."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(_conv(11, width // 2, 2), _conv(width // 2, width, 2))
        for i in range(4):
            group = nn.Sequential(_conv(width, width), _conv(width, width))
            self.add_module(f"convblock{i}", group)
        self.conv1 = _head(width, 4)
        self.conv2 = _head(width, 1)

    def forward(self, rows: torch.Tensor, flow: torch.Tensor, scale: int) -> torch.Tensor:
        """Refine.

        Args:
            rows: (B, 7, H, W) both warped frames and the mask.
            flow: (B, 4, H, W) px.
            scale: The block works at one over this.

        Returns:
            (B, 5, H, W): what to add to the flow, px, and to the mask.
        """
        size = [side // scale for side in rows.shape[2:]]
        small = torch.cat([_resize(rows, size), _resize(flow, size) / scale], dim=1)
        features = self.conv0(small)
        for i in range(4):
            features = self.get_submodule(f"convblock{i}")(features) + features
        flow_out = _resize(self.conv1(features), rows.shape[2:]) * scale
        return torch.cat([flow_out, _resize(self.conv2(features), rows.shape[2:])], dim=1)


def _resize(image: torch.Tensor, size: list[int] | torch.Size) -> torch.Tensor:
    return F.interpolate(image, size=list(size), mode="bilinear", align_corners=False)


def warp(image: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Fetch each pixel from where the flow points.

    Args:
        image: (B, C, H, W).
        flow: (B, 2, H, W) px, to the right and down.

    Returns:
        (B, C, H, W); beyond the picture its edge is repeated.
    """
    height, width = image.shape[2:]
    like = {"device": flow.device, "dtype": flow.dtype}
    x = torch.linspace(-1, 1, width, **like).view(1, 1, width)  # type: ignore[call-overload]
    y = torch.linspace(-1, 1, height, **like).view(1, height, 1)  # type: ignore[call-overload]
    grid = torch.stack(
        [x + flow[:, 0] / ((width - 1) / 2), y + flow[:, 1] / ((height - 1) / 2)], dim=-1
    )
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=True)


class IFNet(nn.Module):
    """Estimates the flow from the middle of two frames to each of them, and mixes them."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.block0 = FlowBlock(width)
        self.block1 = FlowBlock(width)
        self.block2 = FlowBlock(width)

    def flows(
        self, first: torch.Tensor, second: torch.Tensor
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Estimate the flow, block by block.

        Args:
            first: (B, 3, H, W), 0 to 1; sides divide by 16.
            second: The same.

        Returns:
            After each block: (B, 4, H, W) flow to the first frame and to the second, px;
            (B, 1, H, W) logit of the mask, high where the first frame is to be seen.

        Raises:
            InputError: A side does not divide by 16.
        """
        height, width = first.shape[2:]
        if height % SIDE_MULTIPLE or width % SIDE_MULTIPLE:
            raise InputError(
                f"frames are {width}x{height}; the flow network takes sides that divide by "
                f"{SIDE_MULTIPLE}"
            )
        flow = first.new_zeros(len(first), 4, height, width)
        mask = first.new_zeros(len(first), 1, height, width)
        found = []
        for block, scale in zip((self.block0, self.block1, self.block2), SCALES, strict=True):
            ahead, behind = warp(first, flow[:, :2]), warp(second, flow[:, 2:])
            forth = block(torch.cat([ahead, behind, mask], 1), flow, scale)
            back = block(torch.cat([behind, ahead, -mask], 1), _swap(flow), scale)
            flow = flow + (forth[:, :4] + _swap(back[:, :4])) / 2
            mask = mask + (forth[:, 4:] - back[:, 4:]) / 2
            found.append((flow, mask))
        return found

    def forward(
        self,
        first: torch.Tensor,
        second: torch.Tensor,
        share: Fraction | Sequence[Fraction] = Fraction(1, 2),
    ) -> torch.Tensor:
        """Make frames at a share of the way from one frame to the next.

        Args:
            first: (B, 3, H, W), 0 to 1; sides divide by 16.
            second: The same.
            share: 0 gives the first frame, 1 the second; of all pairs or of each.

        Returns:
            (B, 3, H, W), 0 to 1.
        """
        flow, mask = self.flows(first, second)[-1]
        shares = [share] * len(first) if isinstance(share, Fraction) else share
        if any(each != Fraction(1, 2) for each in shares):
            near = [min(max(float(each), 1e-6), 1 - 1e-6) for each in shares]
            t = flow.new_tensor(near).view(-1, 1, 1, 1)
            flow = torch.cat([flow[:, :2] * (2 * t), flow[:, 2:] * (2 - 2 * t)], dim=1)
            mask = mask + flow.new_tensor([math.log((1 - n) / n) for n in near]).view_as(t)
        return mix(first, second, flow, mask).clamp(0, 1)


def mix(
    first: torch.Tensor, second: torch.Tensor, flow: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Warp both frames and mix them by the mask's logit: (B, 3, H, W)."""
    weight = mask.sigmoid()
    return warp(first, flow[:, :2]) * weight + warp(second, flow[:, 2:]) * (1 - weight)


def _swap(flow: torch.Tensor) -> torch.Tensor:
    return torch.cat([flow[:, 2:], flow[:, :2]], dim=1)


def load_ifnet(state: Mapping[str, torch.Tensor]) -> IFNet:
    """Build the network from the tensors of a checkpoint.

    Args:
        state: As published, each name after `module.`, or without that; the teacher's are left out.

    Returns:
        The network in float32, in evaluation mode.

    Raises:
        WeightsError: The tensors are not those of this network.
    """
    bare = {name.removeprefix(_PREFIX): value for name, value in state.items()}
    if len(bare) != len(state):
        raise WeightsError("RIFE: the file has tensors twice, with and without 'module.'")
    used = {name: value for name, value in bare.items() if not name.startswith(_UNUSED)}
    width = used.get("block0.conv0.1.0.weight")
    with torch.device("meta"):
        network = IFNet(WIDTH if width is None else len(width))
    expected = network.state_dict()
    missing, extra = sorted(expected.keys() - used), sorted(used.keys() - expected)
    wrong = [name for name in expected if name in used and used[name].shape != expected[name].shape]
    if missing or extra or wrong:
        named = ", ".join([*missing, *extra, *wrong][:3])
        raise WeightsError(
            f"RIFE: {len(missing)} tensors are missing, {len(extra)} unknown and {len(wrong)} of "
            f"another shape ({named} ...); expected flownet.pkl of RIFE HDv3"
        )
    network.load_state_dict({k: v.float() for k, v in used.items()}, assign=True)
    return network.requires_grad_(False).eval()
