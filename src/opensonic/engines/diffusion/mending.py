"""Jumps mended in decoded frames, before others are made between them.

At the model's 12.5 frames per second a frame that jumps stands alone. Between it and its neighbours
nothing is made yet that carries half of the jump, so it is found more often and nothing of it
stays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import count

import torch

from opensonic.engines.diffusion.between import ByteBetween, to_unit_tensor
from opensonic.engines.diffusion.decode import to_bytes
from opensonic.post.interpolate.stream import BetweenPairs
from opensonic.post.smooth.stream import Smoothed, Smoother


def mend_frames(
    chunks: Iterator[torch.Tensor], between: BetweenPairs, jumped: Callable[[int], None]
) -> Iterator[torch.Tensor]:
    """Make frames anew that jump; all others pass as they are, on the host.

    Args:
        chunks: (n, 3, H, W) float32, 0 to 1, consecutive frames.
        between: Makes frames between two.
        jumped: Told the number of each frame that was made anew, from 0.

    Yields:
        The same number of frames in tensors like those that came, up to
        `opensonic.post.smooth.stream.LOOKAHEAD` frames later.
    """
    smoother, numbers = Smoother(ByteBetween(between)), count()
    waiting: deque[torch.Tensor] = deque()

    def pick(smoothed: Smoothed) -> torch.Tensor:
        number, frame = next(numbers), waiting.popleft()
        if not smoothed.is_new:
            return frame
        jumped(number)
        return to_unit_tensor(smoothed.frame[None])

    for chunk in chunks:
        waiting.extend(chunk.cpu().split(1))
        images = to_bytes(chunk).numpy()
        if done := [pick(each) for image in images for each in smoother.feed(image)]:
            yield torch.cat(done)
    if done := [pick(each) for each in smoother.finish()]:
        yield torch.cat(done)
