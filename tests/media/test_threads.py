import cv2
import pytest

from opensonic.media.threads import OneThread


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
