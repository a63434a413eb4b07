import os
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import pytest

from opensonic.media.threads import OneThread, give_way


@pytest.fixture(autouse=True)
def two_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    yield
    cv2.setNumThreads(before)


def test_one_thread_inside_and_as_before_behind():
    with OneThread():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == 2


def test_the_last_to_leave_restores():
    first, second = OneThread(), OneThread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert cv2.getNumThreads() == 1
    second.__exit__(None, None, None)
    assert cv2.getNumThreads() == 2


def test_an_error_restores_too():
    with pytest.raises(KeyError), OneThread():
        raise KeyError
    assert cv2.getNumThreads() == 2


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_only_the_thread_that_gives_way_comes_later():
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with ThreadPoolExecutor(1, initializer=give_way) as worker:
        inside = worker.submit(os.getpriority, os.PRIO_PROCESS, 0).result()
    assert inside == min(before + 10, 19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
