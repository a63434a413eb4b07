from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import opensonic
from opensonic.engines.mesh.engine import MeshEngine
from opensonic.media.audio import cut_speech, read_speech
from opensonic.motion.track import sample_track, track_of
from opensonic.post.interpolate.flow import FlowBetween
from opensonic.post.sync import align, retime
from opensonic.post.sync.align import Alignment, align_chunks
from opensonic.post.sync.heard import hear_lips
from opensonic.post.sync.lag import Sync, measure_sync
from opensonic.post.sync.lips import LipTrack, lip_features
from opensonic.post.sync.watch import measure_video
from opensonic.values import Chunk, Motion, Performance

FPS = Fraction(25)


class Unknowing(MeshEngine):
    """Draws motion as the mesh engine does, and tells nothing of it; its lips may be late."""

    name = "unknowing"
    in_step = False
    tells_landmarks = False

    def animate(self, *given, **named):
        for chunk in super().animate(*given, **named):
            yield Chunk(chunk.frames, None, chunk.landmarks if self.tells_landmarks else None)


@pytest.fixture(scope="module")
def video(example_image, example_speech):
    speech = cut_speech(read_speech(example_speech), Fraction(5))
    return opensonic.animate(example_image, speech, min_resolution=192, engine="mesh")


@pytest.fixture(scope="module")
def lagging(video):
    """Make the video with lips that come early, so that the sound lies `lag_s` late."""
    heard = opensonic.hear_motion(video.speech, fps=100)
    track = track_of(Motion(np.concatenate([part.values for part in heard.parts()]), heard.fps))

    def make(lag_s, *, knows=False, **settings):
        values = sample_track(
            replace(track, starts=track.starts - lag_s, times=track.times - lag_s), FPS, 125
        )
        engine = Unknowing()
        engine.tells_landmarks = knows
        return replace(
            video,
            engine=engine,
            performance=Performance(FPS, 125, lambda: iter([Motion(values, FPS)])),
            settings=replace(video.settings, **settings),
        )

    return make


def lag_of(chunks, speech):
    """Lag of chunks whose landmarks are known, s."""
    features = [lip_features(points) for chunk in chunks for points in chunk.landmarks]
    n = len(features)
    track = LipTrack(
        (np.arange(n) + 0.5) / 25, np.stack(features), np.ones(n, bool), np.zeros(n, np.int32)
    )
    return measure_sync(track, hear_lips(speech), max_lag_s=0.3).lag_s


@pytest.mark.parametrize("lag_s", [0.05, -0.05])
def test_a_planted_lag_is_gone_from_the_saved_video(lagging, tmp_path, lag_s):
    faulty = lagging(lag_s)
    saved = faulty.save(tmp_path / "aligned.mp4")
    assert saved.n_frames == 125
    when = "after" if lag_s > 0 else "before"
    assert f"ms {when} the lips: the frames were moved by" in saved.notes[0]
    assert saved.warnings == ()
    assert abs(measure_video(tmp_path / "aligned.mp4").sync.lag_s) <= 0.01


@pytest.mark.parametrize("lag_s", [0.03, -0.044])
def test_landmarks_that_an_engine_tells_are_not_looked_for(lagging, monkeypatch, lag_s):
    monkeypatch.setattr("opensonic.face.tracker.FaceTracker.look", None)
    told = lagging(lag_s, knows=True)
    chunks = list(told)
    assert sum(len(chunk.frames) for chunk in chunks) == 125
    assert abs(lag_of(chunks, told.speech)) <= 0.01


def test_what_is_in_step_passes_as_it_is(lagging):
    plain = [chunk.frames for chunk in lagging(0.0, knows=True, align_lips=False)]
    aligned = [chunk.frames for chunk in lagging(0.0, knows=True)]
    np.testing.assert_array_equal(np.concatenate(plain), np.concatenate(aligned))


def test_a_large_lag_is_a_fault_and_stays(lagging, tmp_path):
    faulty = lagging(0.14, knows=True)
    saved = faulty.save(tmp_path / "late.mp4")
    (warning,) = saved.warnings
    assert "ms after the lips; up to 50 ms is corrected" in warning
    frames = np.concatenate([chunk.frames for chunk in faulty])
    untouched = next(faulty.engine.animate(faulty.portrait, faulty.performance, faulty.settings))
    np.testing.assert_array_equal(frames[: len(untouched.frames)], untouched.frames)


def blank(n, side=32):
    for start in range(0, n, 8):
        yield Chunk(np.full((min(8, n - start), side, side, 3), start % 250, np.uint8))


@pytest.mark.parametrize("n_frames", [1, 2, 9, 260])
def test_frames_without_a_face_pass_untouched(video, n_frames):
    told = Alignment()
    made = align_chunks(blank(n_frames), video.speech, fps=25.0, n_frames=n_frames, told=told)
    frames = np.concatenate([chunk.frames for chunk in made])
    np.testing.assert_array_equal(
        frames, np.concatenate([chunk.frames for chunk in blank(n_frames)])
    )
    assert told.notes == ("lips and sound do not tell of a lag: nothing was moved",)
    assert told.warnings == ()


def test_few_frames_wait_and_the_engine_is_closed(video, monkeypatch):
    monkeypatch.setattr(align, "LOOKAHEAD_BYTES", 20 * 32 * 32 * 3)
    given = {"n": 0, "closed": False}

    def chunks():
        try:
            for chunk in blank(1000):
                given["n"] += len(chunk.frames)
                yield chunk
        finally:
            given["closed"] = True

    stream = align_chunks(chunks(), video.speech, fps=25.0, n_frames=1000, told=Alignment())
    for number, _ in enumerate(stream):
        assert given["n"] - number < 20 + 8 + 8
        if number == 500:
            break
    stream.close()
    assert given["closed"]


def test_a_lag_that_comes_later_is_followed_slowly(video, monkeypatch):
    monkeypatch.setattr(align, "LOOKAHEAD_S", 1.0)
    measures = iter([Sync(0.0, 0.1, 0.2), *[Sync(0.04, 0.001, 0.99)] * 99])
    monkeypatch.setattr(
        "opensonic.post.sync.running.RunningLag.measure", lambda self: next(measures)
    )
    told, delays = Alignment(), []
    for _ in align_chunks(blank(400), video.speech, fps=25.0, n_frames=400, told=told):
        delays.append(told.delay_s)
    assert delays[0] == 0
    assert max(np.diff(delays)) <= 0.01 / 25 + 1e-9
    assert delays[-1] == pytest.approx(0.04)


def test_compat_and_the_mesh_engine_are_left_alone(lagging, video):
    frames = iter(())
    assert video._finished(frames, Alignment()) is frames
    assert lagging(0.05, align_lips=False)._finished(frames, Alignment()) is frames
    assert lagging(0.05, compat=True)._finished(frames, Alignment()) is frames


def test_flow_is_set_up_once_and_the_mouth_is_put_where_it_belongs(lagging, monkeypatch):
    built, placed = [], []

    class Counted(FlowBetween):
        def __init__(self):
            built.append(self)
            super().__init__()

    monkeypatch.setattr("opensonic.video.FlowBetween", Counted)
    monkeypatch.setattr(retime, "place_mouth", lambda *given: placed.append(given[-1]))
    assert sum(len(chunk.frames) for chunk in lagging(0.05, knows=True)) == 125
    assert len(built) == 1
    assert len(placed) > 60
    assert set(placed) <= {share / 16 for share in range(1, 16)}
