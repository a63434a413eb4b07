"""Two cores, shared by what draws and what encodes.

OpenCV's idle threads spin for a while after each call; with small pictures they do nothing else,
and that on the core on which the encoder works. The encoder in turn waits for frames, and must not
keep the thread that draws them from running.
"""

from __future__ import annotations

import os
import sys
from threading import Lock, get_native_id
from types import TracebackType

import cv2

_LATER = 10


def give_way() -> None:
    """Let others go first from now on, in this thread and those that it starts (Linux only)."""
    if sys.platform == "linux":
        usual = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, get_native_id(), min(usual + _LATER, 19))


class OneThread:
    """A context in which OpenCV uses one thread; many may be entered at once, in any order.

    Its number of threads belongs to the process: the last context that is left restores it.
    """

    _lock = Lock()
    _n_entered = 0
    _n_threads = 1

    def __enter__(self) -> None:
        with OneThread._lock:
            if OneThread._n_entered == 0:
                OneThread._n_threads = cv2.getNumThreads()
                cv2.setNumThreads(1)
            OneThread._n_entered += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with OneThread._lock:
            OneThread._n_entered -= 1
            if OneThread._n_entered == 0:
                cv2.setNumThreads(OneThread._n_threads)
