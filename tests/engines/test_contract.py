"""What every engine must do, run against every engine."""

from dataclasses import replace
from fractions import Fraction
from functools import partial

import cv2
import numpy as np
import pytest

from opensonic.channels import CHANNELS
from opensonic.clock import frame_count
from opensonic.engines.registry import BUILDERS, build_engine
from opensonic.errors import InputError, SettingsError
from opensonic.settings import Settings
from opensonic.values import Motion, Performance, Portrait


@pytest.fixture(params=BUILDERS)
def engine(request):
    if request.param != "sonic":
        return build_engine(request.param)[0]
    models = request.getfixturevalue("tiny_models")
    request.getfixturevalue("monkeypatch").setenv("OPENSONIC_MODELS", str(models))
    return build_engine("sonic", Settings(device="cpu"))[0]


@pytest.fixture
def portrait(engine, example_portrait):
    """The bundled portrait, smaller where an engine draws slowly."""
    if engine.name != "sonic":
        return example_portrait
    face, scale = example_portrait.face, 66 / len(example_portrait.image)
    small = cv2.resize(example_portrait.image, (66, 66), interpolation=cv2.INTER_AREA)
    return Portrait(small, replace(face, box=face.box * np.float32(scale)))


@pytest.fixture
def choose(engine):
    """Make settings, with as few steps as there can be."""
    return partial(Settings, inference_steps=1) if engine.name == "sonic" else Settings


@pytest.fixture
def mover(engine):
    """An engine that follows motion."""
    if not engine.follows_motion:
        pytest.skip(f"the {engine.name} engine follows no motion, and says so")
    return engine


@pytest.mark.parametrize(
    ("seconds", "fps"), [("0.0001", "25"), ("1", "25"), ("2.51", "30000/1001"), ("0.7", "60")]
)
def test_yields_as_many_frames_as_cover_the_sound(
    engine, portrait, choose, seconds, fps, make_speech
):
    settings = choose(fps=Fraction(fps))
    speech, _ = make_speech(seconds)
    chunks = [c.frames.shape for c in engine.animate(portrait, speech, settings)]
    assert sum(shape[0] for shape in chunks) == frame_count(speech.duration, settings.fps)
    assert engine.count_frames(speech, settings) == frame_count(speech.duration, settings.fps)
    assert {shape[1:] for shape in chunks} == {portrait.image.shape}


def test_the_same_seed_gives_the_same_frames(engine, portrait, choose, make_speech):
    speech, _ = make_speech(0.8)
    first, second = (
        [c.frames.copy() for c in engine.animate(portrait, speech, choose(seed=7))]
        for _ in range(2)
    )
    assert np.array_equal(np.concatenate(first), np.concatenate(second))


def test_what_the_engine_knows_fits_its_frames(engine, portrait, choose, make_speech):
    speech, _ = make_speech(1)
    for chunk in engine.animate(portrait, speech, choose()):
        n = len(chunk.frames)
        assert chunk.landmarks is None or chunk.landmarks.shape == (n, 478, 3)
        assert chunk.motion is None or len(chunk.motion.values) == n


def test_reads_the_sound_as_it_goes_and_stops_early(engine, example_portrait, make_speech):
    if engine.name == "sonic":
        pytest.skip("sonic hears the whole recording before it draws its first frame")
    speech, read = make_speech(600)
    frames = engine.animate(example_portrait, speech, Settings())
    next(frames)
    frames.close()
    assert read["seconds"] < 20


def test_animates_a_motion_as_long_as_it_is(mover, example_portrait):
    motion = Motion(np.zeros((11, len(CHANNELS)), np.float32), Fraction(25))
    chunks = mover.animate(example_portrait, motion, Settings())
    assert sum(len(chunk.frames) for chunk in chunks) == 11


def test_animates_motion_that_streams(mover, example_portrait):
    rows = np.zeros((11, len(CHANNELS)), np.float32)
    rows[:, CHANNELS.index("jaw_open")] = np.linspace(0, 0.5, 11)
    parts = [Motion(rows[:3], Fraction(25)), Motion(rows[3:], Fraction(25))]
    stream = Performance(Fraction(25), 11, lambda: iter(parts))
    whole = Motion(rows, Fraction(25))
    streamed, at_once = (
        np.concatenate(
            [c.frames.copy() for c in mover.animate(example_portrait, source, Settings())]
        )
        for source in (stream, whole)
    )
    assert len(streamed) == 11
    assert np.array_equal(streamed, at_once)


def test_mesh_engine_obeys_its_seed_and_scales(example_portrait, make_speech):
    engine = build_engine("mesh")[0]
    speech, _ = make_speech(4)

    def motion(**changes):
        settings = replace(Settings(), **changes)
        chunks = engine.animate(example_portrait, speech, settings)
        return np.concatenate([chunk.motion.values for chunk in chunks])

    assert not np.array_equal(motion(seed=1), motion(seed=2))
    at_rest = motion(motion_scale=0.0)
    assert np.all(at_rest[:, CHANNELS.index("blink_left") :] == 0)


def test_an_engine_that_follows_no_motion_says_so(engine, portrait, choose):
    if engine.follows_motion:
        pytest.skip(f"the {engine.name} engine follows motion")
    motion = Motion(np.zeros((11, len(CHANNELS)), np.float32), Fraction(25))
    for ask in (engine.check, engine.animate):
        with pytest.raises(InputError, match="motion"):
            ask(portrait, motion, choose())
    with pytest.raises(InputError, match="--engine mesh"):
        build_engine(engine.name, choose(device="cpu"), with_motion=True)


def test_auto_takes_an_engine_and_says_why(monkeypatch, tmp_path):
    for name in ("OPENSONIC_MODELS", "XDG_DATA_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    engine, reason = build_engine("auto")
    assert engine.name == "mesh"
    assert "weights are missing" in reason


def test_an_unknown_engine_is_refused():
    with pytest.raises(SettingsError, match="mesh"):
        build_engine("magic")
