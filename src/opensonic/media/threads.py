"""OpenCV's threads, kept quiet while an encoder needs the cores.

OpenCV's idle threads spin for a while after each call; with small pictures they do nothing else,
and that on the core on which the encoder works.
"""

from __future__ import annotations

from threading import Lock
from types import TracebackType

import cv2


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
