from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import opensonic
from opensonic.channels import CHANNELS, INDEX
from opensonic.media.audio import cut_speech, read_speech
from opensonic.motion.track import Track, build_track, sample_track, track_of
from opensonic.post.sync.given import align_track, measure_track
from opensonic.values import Motion


@pytest.fixture(scope="module")
def speech(example_speech):
    return cut_speech(read_speech(example_speech), Fraction(5))


@pytest.fixture(scope="module")
def track(speech):
    """The motion that is heard in the speech."""
    heard = opensonic.hear_motion(speech, fps=60)
    return track_of(Motion(np.concatenate([part.values for part in heard.parts()]), heard.fps))


def moved(track, by_s):
    return replace(
        track, starts=track.starts + by_s, times=track.times + by_s, end_s=track.end_s + by_s
    )


@pytest.mark.parametrize("lag_s", [0.0, 0.05, -0.05, 0.017, 0.21, -0.3])
def test_the_lag_is_found_with_its_sign(track, speech, lag_s):
    found = measure_track(moved(track, -lag_s), speech)
    assert found.clear
    assert found.lag_s == pytest.approx(lag_s, abs=0.003)


@pytest.mark.parametrize("lag_s", [0.05, -0.05, 0.023])
def test_a_small_lag_is_taken_away_and_told(track, speech, lag_s):
    aligned = align_track(moved(track, -lag_s), speech)
    np.testing.assert_allclose(aligned.times, track.times, atol=0.003)
    assert aligned.end_s == pytest.approx(track.end_s, abs=0.003)
    told = f"comes {abs(round(1000 * lag_s))} ms {'after' if lag_s > 0 else 'before'} its lips"
    assert told in aligned.notes[-1]
    assert aligned.warnings == ()
    frames = sample_track(aligned, Fraction(25), 125)
    np.testing.assert_allclose(frames, sample_track(track, Fraction(25), 125), atol=0.12)


def test_motion_in_step_is_left_as_it_is(track, speech):
    late = moved(track, 0.004)
    assert align_track(late, speech) is late


def test_a_large_lag_is_a_fault_and_stays(track, speech):
    late = moved(track, 0.12)
    aligned = align_track(late, speech)
    np.testing.assert_array_equal(aligned.times, late.times)
    (warning,) = aligned.warnings
    assert "comes 120 ms before its lips" in warning
    assert "--no-align-lips" in warning


def test_motion_of_something_else_tells_no_lag(track, speech):
    other = replace(track, values=track.values[::-1].copy())
    aligned = align_track(other, speech)
    np.testing.assert_array_equal(aligned.times, track.times)
    assert "do not tell of a lag" in aligned.notes[-1]


def test_still_short_and_mouthless_motion_tells_nothing(track, speech):
    known = np.zeros(len(CHANNELS), bool)
    known[INDEX["head_yaw"]] = True
    starts = np.arange(100) / 25
    head = build_track("head", starts, np.zeros((100, len(CHANNELS)), np.float32), known)
    assert align_track(head, speech) is head
    still = replace(track, values=np.zeros_like(track.values))
    short = Track("short", track.starts[:30], track.times[:30], track.values[:30], track.known,
                  track.fps, 0.5)  # fmt: skip
    for each in (still, short):
        assert not measure_track(each, speech).clear


def test_animate_takes_the_lag_of_a_motion_away_unless_told_not_to(example_image, track, speech):
    late = Motion(sample_track(moved(track, -0.04), Fraction(60), 300), Fraction(60))

    def values(**options):
        video = opensonic.animate(
            example_image, speech, motion=late, min_resolution=128, fps=25, **options
        )
        return np.concatenate([part.values for part in video.performance.parts()]), video

    aligned, video = values()
    as_given, _ = values(align_lips=False)
    wanted = sample_track(track, Fraction(25), 125)
    jaw = INDEX["jaw_open"]
    off = [
        float(np.abs(np.array(rows)[:, jaw] - wanted[:, jaw]).mean())
        for rows in (aligned, as_given)
    ]
    assert off[0] < 0.25 * off[1]
    assert any("40 ms after its lips: moved" in note for note in video.notes)
