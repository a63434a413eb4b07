"""Lips of the user's own: another network file in place of the package's."""

import numpy as np
import pytest

import opensonic
from opensonic.errors import WeightsError
from opensonic.settings import Settings
from opensonic.speech.network import open_network
from opensonic.weights import weights_path


def test_a_file_of_the_same_kind_takes_the_place_of_our_own(
    example_image, example_speech, tmp_path
):
    path = tmp_path / "my-lips.onnx"
    path.write_bytes(weights_path("speech").read_bytes())
    chosen = {"duration": "0.5", "min_resolution": 128}
    own, other = (
        next(iter(opensonic.animate(example_image, example_speech, **chosen, **more))).frames
        for more in ({}, {"lips": path})
    )
    np.testing.assert_array_equal(own, other)
    path.unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        opensonic.animate(example_image, example_speech, lips=path)


def test_it_is_the_file_that_is_heard_with(example_image, example_speech, tmp_path, monkeypatch):
    opened = []
    real = open_network
    monkeypatch.setattr(
        "opensonic.speech.network.open_network", lambda lips: opened.append(lips) or real(None)
    )
    path = tmp_path / "my-lips.onnx"
    path.write_bytes(weights_path("speech").read_bytes())
    video = opensonic.animate(example_image, example_speech, duration="0.2", lips=str(path))
    next(iter(video))
    assert opened == [path]
    assert Settings(lips="a/b.onnx").lips_path().name == "b.onnx"


@pytest.mark.parametrize("kind", ["foreign", "no onnx", "missing", "folder"])
def test_anything_else_is_refused_at_once(kind, example_image, example_speech, tmp_path):
    path = tmp_path / "x.onnx"
    if kind == "foreign":
        path = weights_path("face_detector")
    elif kind == "no onnx":
        path.write_bytes(b"not a network")
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(WeightsError, match=path.name) as caught:
        opensonic.animate(example_image, example_speech, lips=str(path))
    assert caught.value.exit_code == 3
