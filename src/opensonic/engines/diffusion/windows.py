"""Which frames are denoised together: time-aware position shift fusion.

Sonic (arXiv 2411.16331), section 3.4: a long clip is denoised in windows that start elsewhere at
each step, so that no frame is always at a border. As published (`compat`), windows wrap around: the
last frames and the first are denoised as neighbours, and a short clip fills a window several times.

By default they do not. Starts are the multiples of the stride, moved back by the step's shift
(modulo the stride). A window that would reach beyond the clip is moved inside it as a whole, and
one that then equals its neighbour is left out. So every frame is covered at every step, each window
holds consecutive frames, and a clip shorter than a window is one window of its own length. Frames
that two windows share get the mean of both. Against wrapping, a step costs at most one window more.
"""

from __future__ import annotations


def plan_windows(
    n_frames: int, step: int, *, length: int, overlap: int, shift: int, compat: bool
) -> list[tuple[int, ...]]:
    """List the windows of one step.

    Args:
        n_frames: Frames of the clip.
        step: Number of the step, from 0.
        length: Frames of a window.
        overlap: Frames that neighbouring windows share; less than `length`.
        shift: Frames by which windows move from step to step.
        compat: Whether windows wrap around the end of the clip.

    Returns:
        The frames of each window, in order.
    """
    stride = length - overlap
    if compat:
        starts = range(-step * shift, n_frames - step * shift, stride)
        return [tuple((start + i) % n_frames for i in range(length)) for start in starts]
    if n_frames <= length:
        return [tuple(range(n_frames))]
    last = n_frames - length
    offset = step * shift % stride
    moved = (min(max(start, 0), last) for start in range(-offset, n_frames, stride))
    return [tuple(range(start, start + length)) for start in dict.fromkeys(moved)]
