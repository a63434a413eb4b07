"""Numbers that are none (NaN, infinite) are told at once, before hours go into a black video."""

from __future__ import annotations

import torch

from opensonic.errors import InputError


def require_finite(values: torch.Tensor, source: str, dtype: torch.dtype) -> None:
    """Make sure that a network gave numbers.

    Args:
        values: Any shape, floating point; no copy of it is made.
        source: What gave them, for the message.
        dtype: Numbers that it computes with.

    Raises:
        InputError: It gave something else.
    """
    if values.is_meta or values.sum(dtype=torch.float32).isfinite():  # a rehearsal has no values
        return
    advice = "the weights are damaged: take others"
    if dtype == torch.float16:
        advice = (
            f"float16 ends at 65504: choose --dtype bf16 or fp32; if that does not help, {advice}"
        )
    raise InputError(f"{source} gave values that are no numbers; expected finite ones; {advice}")
