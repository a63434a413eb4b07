"""Shortcuts that save work and change numbers: off unless asked for.

Fewer steps with a solver of second order (DPM-Solver++(2M), Lu et al., arXiv 2211.01095), which
uses the clean latents that the step before foretold; and guidance only where it matters
(Kynkaanniemi et al., arXiv 2404.07724): late in the run the branch that is told nothing is left
out, as if the picture's branch had said the same.

And deep features are kept from one step to the next (Ma et al., arXiv 2312.00858): a window stays
for two steps, of which the second runs only the first and the last block of the network. They
belong to one window and are let go with it; frames that two windows share meet after both steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Shortcuts:
    """What is saved.

    Attributes:
        steps_share: Share of the steps that were asked for that are run.
        second_order: Whether the solver looks back one step.
        leave_out_from: Share of the run after which the branch that is told nothing is left out;
            1 never leaves it out.
        stay: Steps that a window takes in a row; deep features of the first serve the others.
    """

    steps_share: float = 1.0
    second_order: bool = False
    leave_out_from: float = 1.0
    stay: int = 1

    def count_steps(self, n_steps: int) -> int:
        """Count the steps to run where `n_steps` are asked for."""
        return max(1, round(self.steps_share * n_steps))

    def leaves_out(self, step: int, n_steps: int) -> bool:
        """Say whether a step, from 0, leaves out the branch that is told nothing."""
        return step >= self.leave_out_from * n_steps


EXACT = Shortcuts()
SHORTCUTS = {
    "exact": EXACT,
    "fast": Shortcuts(steps_share=0.6, second_order=True),
    "faster": Shortcuts(steps_share=0.4, second_order=True, leave_out_from=0.5, stay=2),
}
"""By the words of the `speed` setting."""


def foretell_clean(
    prediction: torch.Tensor, latents: torch.Tensor, sigma: torch.Tensor
) -> torch.Tensor:
    """Give the clean latents, float32, that a prediction of v means at noise level `sigma`."""
    shrunk = latents.float() / (sigma**2 + 1)
    return prediction.float() * (-sigma / (sigma**2 + 1) ** 0.5) + shrunk


def second_order_step(
    latents: torch.Tensor,
    clean: torch.Tensor,
    before: torch.Tensor,
    sigmas: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """Go to the next noise level with the clean latents of this step and the one before.

    Args:
        latents: Noisy, any shape.
        clean: What this step foretells, same shape.
        before: What the step before foretold, same shape.
        sigmas: () levels of the step before, of this one and of the next; all but the last above 0.

    Returns:
        Latents of the same shape and dtype; at level 0 the clean ones.
    """
    past, now, following = sigmas
    if following == 0:
        return clean.to(latents.dtype)
    stride, last_stride = (now / following).log(), (past / now).log()
    share = stride / (2 * last_stride)
    target = clean + share * (clean - before.float())
    ratio = following / now
    return (ratio * latents.float() + (1 - ratio) * target).to(latents.dtype)
