"""Real inputs, small: the bundled example, sounds made here, and ../shared where it is there."""

from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared():
    """The folder of pictures and recordings beside the checkout; not part of the product."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not there: real portraits and recordings are not tested")
    return SHARED


@pytest.fixture(scope="session")
def example_image():
    """(256, 256, 3) uint8 RGB: the upper square of the bundled portrait."""
    image = cv2.imread(str(files("opensonic") / "examples/portrait.png"))
    side = min(image.shape[:2])
    small = cv2.resize(image[:side, :side], (256, 256), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[:, :, ::-1])


@pytest.fixture(scope="session")
def example_portrait(example_image):
    """The bundled portrait with its face, ready for an engine."""
    from opensonic.face.portrait import prepare_portrait
    from opensonic.settings import Settings

    return prepare_portrait(example_image, "example", Settings()).portrait


@pytest.fixture(scope="session")
def example_speech():
    """Path of the bundled recording."""
    return str(files("opensonic") / "examples/speech.flac")


@pytest.fixture(scope="session")
def talk(tmp_path_factory, example_image, example_speech):
    """Path of a video of 5 s, drawn by our own engine: the bundled portrait speaks."""
    import opensonic

    path = tmp_path_factory.mktemp("talk") / "talk.mp4"
    opensonic.animate(example_image, example_speech, duration=5, engine="mesh").save(path)
    return path


@pytest.fixture(scope="session")
def talking_video(example_image, example_speech, tmp_path_factory):
    """Path of four seconds of the bundled portrait and recording, 256 px, 25 pictures a second."""
    import opensonic

    path = tmp_path_factory.mktemp("talking") / "talk.mp4"
    opensonic.animate(example_image, example_speech, engine="mesh", duration=4).save(path)
    return path


@pytest.fixture(autouse=True)
def no_models(monkeypatch, tmp_path_factory):
    """A machine without models of its user's: what `auto` takes does not depend on the machine."""
    nowhere = str(tmp_path_factory.getbasetemp() / "nowhere")
    for name in ("OPENSONIC_MODELS", "XDG_DATA_HOME", "LOCALAPPDATA", "HF_HUB_CACHE"):
        monkeypatch.setenv(name, nowhere)


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """A folder with a Sonic model of tiny random weights; skips where the extra is missing."""
    for package in ("torch", "diffusers", "transformers", "safetensors"):
        pytest.importorskip(package, reason="the Sonic model needs the extra opensonic[sonic]")
    from tests.tiny_sonic import write_tiny_models

    return write_tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def make_speech():
    """Make a streamed speech value and a note of how far it was read: see `_make_speech`."""
    return _make_speech


def _make_speech(seconds, rate=16_000, level=0.3):
    """Make a speech value of noise bursts, read as a stream, that counts how far it was read."""
    from opensonic.values import Speech

    n_samples = round(Fraction(seconds) * rate)
    read = {"seconds": 0.0}

    def blocks(wanted):
        left, block = round(Fraction(n_samples, rate) * wanted), 1600
        generator = np.random.default_rng(0)
        start = 0
        while left:
            n = min(block, left)
            loud = (np.arange(start, start + n) // (wanted // 4)) % 2
            yield (level * loud * generator.uniform(-1, 1, n)).astype(np.float32)
            left, start = left - n, start + n
            read["seconds"] = start / wanted

    speech = Speech(
        name="made",
        sample_rate=rate,
        layout="mono",
        n_samples=n_samples,
        peak=level,
        sound=lambda: (block[None] for block in blocks(rate)),
        blocks=blocks,
    )
    return speech, read
