import tracemalloc

import cv2
import numpy as np
import pytest

from opensonic.media.footage import probe
from opensonic.metrics.evaluation import Moment
from opensonic.metrics.report.strips import BEFORE, LENGTH, StripReader, choose_view, spread


@pytest.fixture(scope="module")
def reader():
    return StripReader()


def numbers_of(strip):
    """The numbers of the pictures, as their brightness tells them."""
    images = [cv2.imdecode(np.frombuffer(still.jpeg, np.uint8), 1) for still in strip.stills]
    return [(float(image.mean()) - 20) / 2 for image in images]


@pytest.mark.parametrize("number", [0, 1, 40, 77, 108, 109])
def test_a_strip_shows_the_pictures_around_its_moment(reader, numbered, number):
    footage = probe(numbered())
    time_s = (number + 0.5) / 25
    strip = reader.read(footage, time_s, "picture")
    first = max(0, number - BEFORE)
    want = list(range(first, min(first + LENGTH, 110)))
    assert numbers_of(strip) == pytest.approx(want, abs=0.7)
    assert [still.time_s for still in strip.stills] == pytest.approx(
        [(place + 0.5) / 25 for place in want]
    )
    assert want[strip.here] == number
    assert strip.view == "picture"


def test_there_is_no_strip_behind_the_end(reader, numbered):
    assert reader.read(probe(numbered()), 60.0, "picture") is None


def test_a_mouth_is_shown_where_lips_are_wrong(reader, example_image, tmp_path):
    import av

    path = tmp_path / "face.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 256
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for _ in range(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(example_image, "rgb24")))
        container.mux(stream.encode(None))
    strip = reader.read(probe(path), 0.1, "mouth")
    assert strip.view == "mouth"
    image = cv2.imdecode(np.frombuffer(strip.stills[0].jpeg, np.uint8), 1)
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    found = cv2.matchTemplate(example_image[:, :, ::-1].copy(), small, cv2.TM_CCOEFF_NORMED)
    assert strip.size[1] < strip.size[0]
    assert found.max() < 0.99  # it is enlarged: only a part of the face
    face, later = reader.faces(probe(path), [0.2, 0.3, 9.0])
    assert face.jpeg != strip.stills[0].jpeg
    assert (face.time_s, later.time_s) == pytest.approx((0.22, 0.3), abs=0.021)


def test_memory_does_not_grow_with_the_video(reader, numbered):
    size, n_frames = (320, 240), 700
    footage = probe(numbered(n_frames=n_frames, size=size))
    reader.read(footage, 1.0, "picture")
    tracemalloc.start()
    reader.read(footage, 27.0, "picture")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * LENGTH * size[0] * size[1] * 3


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("open_in_silence", "mouth"),
        ("missed_closure", "mouth"),
        ("lag", "mouth"),
        ("jump", "face"),
        ("lost_face", "face"),
        ("long_blink", "eyes"),
        ("frozen", "picture"),
    ],
)
def test_each_kind_of_moment_shows_what_is_wrong(name, view):
    assert choose_view(name) == view


def test_moments_of_one_kind_lie_apart():
    moments = [Moment(time_s, "x", 1.0, time_s, "lag") for time_s in (1.0, 1.5, 4.0, 8.0)]
    moments.insert(1, Moment(1.2, "y", 1.0, 1.2, "jump"))
    assert [one.time_s for one in spread(moments, 3, 1.5)] == [1.0, 1.2, 4.0]
