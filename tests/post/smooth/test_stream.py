import itertools
from fractions import Fraction

import numpy as np
import pytest
from tests.post.smooth.moving import error, moving_video

from opensonic.channels import CHANNELS
from opensonic.post.smooth.stream import LOOKAHEAD, smooth_chunks, smooth_frames
from opensonic.values import N_LANDMARKS, Chunk, Motion

PLACE = 22


@pytest.fixture(scope="module")
def video():
    return moving_video()


def _harmed(video, kind):
    harmed = video.copy()
    if kind == "dropped":
        harmed[PLACE] = video[PLACE - 1]
    elif kind == "early":
        harmed[PLACE] = video[PLACE + 1]
    elif kind == "shifted":
        harmed[PLACE] = np.roll(video[PLACE], (3, 4), (0, 1))
    elif kind == "wrong time":
        harmed[PLACE] = video[PLACE - 9]
    elif kind == "light":
        harmed[PLACE] = np.clip(video[PLACE] * 1.07, 0, 255).astype(np.uint8)
    return harmed


def _new(smoothed):
    return [number for number, each in enumerate(smoothed) if each.is_new]


def test_a_smooth_video_keeps_every_byte(video):
    smoothed = list(smooth_frames(video))
    assert _new(smoothed) == []
    assert np.array_equal(np.stack([each.frame for each in smoothed]), video)


@pytest.mark.parametrize("kind", ["dropped", "shifted", "wrong time", "light"])
def test_a_fault_is_found_and_mended(video, kind):
    harmed = _harmed(video, kind)
    smoothed = list(smooth_frames(harmed))
    assert len(smoothed) == len(video)
    assert _new(smoothed) == [PLACE]
    assert error(smoothed[PLACE].frame, video[PLACE]) < 0.6 * error(harmed[PLACE], video[PLACE])
    for number in range(len(video)):
        if number != PLACE:
            assert np.array_equal(smoothed[number].frame, harmed[number])


def test_a_frame_shown_too_early_is_noticed(video):
    assert _new(smooth_frames(_harmed(video, "early"))) in ([PLACE], [PLACE + 1])


def test_a_doubled_frame_is_found_where_nothing_is_missing(video):
    harmed = np.concatenate([video[:PLACE], video[PLACE - 1 : -1]])
    smoothed = list(smooth_frames(harmed))
    assert _new(smoothed) == [PLACE]
    assert not np.array_equal(smoothed[PLACE].frame, harmed[PLACE - 1])


def test_two_faults_are_both_found(video):
    harmed = _harmed(video, "shifted")
    harmed[PLACE + 12] = video[PLACE + 11]
    assert _new(smooth_frames(harmed)) == [PLACE, PLACE + 12]


def test_a_rhythm_of_repeated_frames_is_left(video):
    assert _new(smooth_frames(np.repeat(video[:24], 2, axis=0))) == []


def test_a_cut_is_left(video):
    other = 255 - video[::-1]
    assert _new(smooth_frames(np.concatenate([video[:24], other[:24]]))) == []


def test_a_flash_is_left(video):
    flash = video.copy()
    flash[PLACE] = np.clip(flash[PLACE].astype(int) + 90, 0, 255)
    assert _new(smooth_frames(flash)) == []


def test_a_quick_small_movement_is_left(video):
    """A mouth closes for one frame: a small part changes, the rest goes on."""
    speaking = video.copy()
    speaking[PLACE, 50:60, 58:74] //= 3
    assert _new(smooth_frames(speaking)) == []


def test_a_shaking_camera_is_left(video):
    shifts = np.random.default_rng(3).integers(-2, 3, (len(video), 2))
    shaken = np.stack([np.roll(f, tuple(s), (0, 1)) for f, s in zip(video, shifts, strict=True)])
    assert _new(smooth_frames(shaken)) == []


@pytest.mark.parametrize("n_frames", [0, 1, 2, 3, 9, 12])
def test_short_videos_come_back(video, n_frames):
    smoothed = list(smooth_frames(video[:n_frames]))
    assert [each.is_new for each in smoothed] == [False] * n_frames


def test_a_tiny_and_a_still_video_come_back():
    tiny = np.random.default_rng(0).integers(0, 255, (30, 6, 10, 3)).astype(np.uint8)
    assert len(list(smooth_frames(tiny))) == 30
    still = np.repeat(moving_video(1), 30, axis=0)
    assert _new(smooth_frames(still)) == []


def test_few_frames_wait(video):
    taken = itertools.count()

    def frames():
        for number, frame in enumerate(itertools.chain(video, video)):
            assert number == next(taken)
            yield frame

    stream = smooth_frames(frames())
    for _ in range(30):
        next(stream)
    assert next(taken) <= 30 + LOOKAHEAD


def _chunks(video, size):
    """Chunks whose memory is used again, as an engine's is; landmarks say the frame's number."""
    memory = np.empty((size, *video.shape[1:]), np.uint8)
    for start in range(0, len(video), size):
        n = min(size, len(video) - start)
        memory[:n] = video[start : start + n]
        numbers = np.arange(start, start + n, dtype=np.float32)
        landmarks = np.broadcast_to(numbers[:, None, None], (n, N_LANDMARKS, 3)).copy()
        values = np.broadcast_to(numbers[:, None], (n, len(CHANNELS))).copy()
        yield Chunk(memory[:n], Motion(values, Fraction(25)), landmarks)
        memory[:] = 0


@pytest.mark.parametrize("size", [1, 7, 48])
def test_chunks_keep_what_is_known_of_their_frames(video, size):
    harmed, told = _harmed(video, "shifted"), []
    out = list(smooth_chunks(_chunks(harmed, size), told=told.append))
    frames = np.concatenate([chunk.frames for chunk in out])
    assert told == [PLACE]
    assert len(frames) == len(video)
    same = [np.array_equal(a, b) for a, b in zip(frames, harmed, strict=True)]
    assert [number for number, each in enumerate(same) if not each] == [PLACE]
    for part in ("landmarks", "motion"):
        known = [getattr(chunk, part) for chunk in out]
        rows = np.concatenate([k.values if part == "motion" else k[:, 0] for k in known])
        assert rows[:, 0].tolist() == list(range(len(video)))


def test_what_is_known_of_a_new_frame_is_the_mean_of_its_neighbours(video):
    def odd():
        for chunk in _chunks(_harmed(video, "shifted"), 48):
            chunk.landmarks[PLACE] += 50
            chunk.motion.values[PLACE] += 50
            yield chunk

    out = list(smooth_chunks(odd()))
    landmarks = np.concatenate([chunk.landmarks for chunk in out])
    assert landmarks[PLACE, 0, 0] == PLACE
    motion = np.concatenate([chunk.motion.values for chunk in out])
    assert motion[PLACE, 0] == PLACE


def test_chunks_without_knowledge_stay_without(video):
    out = list(smooth_chunks([Chunk(video[:20]), Chunk(video[20:])]))
    assert all(chunk.motion is None and chunk.landmarks is None for chunk in out)


def test_another_interpolator_is_taken(video):
    def middle(first, second, share):
        assert first.shape == second.shape == (1, *video.shape[1:])
        assert share == Fraction(1, 2)
        return np.full_like(first, 7)

    smoothed = list(smooth_frames(_harmed(video, "shifted"), middle))
    assert (smoothed[PLACE].frame == 7).all()
