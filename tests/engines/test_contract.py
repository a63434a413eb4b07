"""What every engine must do, run against every engine."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from opensonic.channels import CHANNELS
from opensonic.clock import frame_count
from opensonic.engines.registry import BUILDERS, build_engine
from opensonic.errors import SettingsError
from opensonic.settings import Settings
from opensonic.values import Motion, Performance


@pytest.fixture(params=BUILDERS)
def engine(request):
    return build_engine(request.param)[0]


@pytest.mark.parametrize(
    ("seconds", "fps"), [("0.0001", "25"), ("1", "25"), ("2.51", "30000/1001"), ("0.7", "60")]
)
def test_yields_as_many_frames_as_cover_the_sound(
    engine, example_portrait, seconds, fps, make_speech
):
    settings = Settings(fps=Fraction(fps))
    speech, _ = make_speech(seconds)
    chunks = [c.frames.shape for c in engine.animate(example_portrait, speech, settings)]
    assert sum(shape[0] for shape in chunks) == frame_count(speech.duration, settings.fps)
    assert {shape[1:] for shape in chunks} == {example_portrait.image.shape}


def test_the_same_seed_gives_the_same_frames(engine, example_portrait, make_speech):
    speech, _ = make_speech(2)
    first, second = (
        [c.frames.copy() for c in engine.animate(example_portrait, speech, Settings(seed=7))]
        for _ in range(2)
    )
    assert np.array_equal(np.concatenate(first), np.concatenate(second))


def test_what_the_engine_knows_fits_its_frames(engine, example_portrait, make_speech):
    speech, _ = make_speech(1)
    for chunk in engine.animate(example_portrait, speech, Settings()):
        n = len(chunk.frames)
        assert chunk.landmarks is None or chunk.landmarks.shape == (n, 478, 3)
        assert chunk.motion is None or len(chunk.motion.values) == n


def test_reads_the_sound_as_it_goes_and_stops_early(engine, example_portrait, make_speech):
    speech, read = make_speech(600)
    frames = engine.animate(example_portrait, speech, Settings())
    next(frames)
    frames.close()
    assert read["seconds"] < 20


def test_animates_a_motion_as_long_as_it_is(engine, example_portrait):
    motion = Motion(np.zeros((11, len(CHANNELS)), np.float32), Fraction(25))
    chunks = engine.animate(example_portrait, motion, Settings())
    assert sum(len(chunk.frames) for chunk in chunks) == 11


def test_animates_motion_that_streams(engine, example_portrait):
    rows = np.zeros((11, len(CHANNELS)), np.float32)
    rows[:, CHANNELS.index("jaw_open")] = np.linspace(0, 0.5, 11)
    parts = [Motion(rows[:3], Fraction(25)), Motion(rows[3:], Fraction(25))]
    stream = Performance(Fraction(25), 11, lambda: iter(parts))
    whole = Motion(rows, Fraction(25))
    streamed, at_once = (
        np.concatenate(
            [c.frames.copy() for c in engine.animate(example_portrait, source, Settings())]
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


def test_auto_takes_an_engine_and_says_why():
    engine, reason = build_engine("auto")
    assert engine.name == "mesh"
    assert reason


def test_an_unknown_engine_is_refused():
    with pytest.raises(SettingsError, match="mesh"):
        build_engine("magic")
