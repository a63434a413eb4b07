import numpy as np
import pytest

from opensonic.media.audio import read_speech
from opensonic.post.sync.certainty import judge
from opensonic.post.sync.heard import N_COLUMNS, HeardLips, hear_lips, hear_parts
from opensonic.post.sync.lag import SyncWindow, _fit_drift, _search_drift, measure_sync
from opensonic.post.sync.lips import FEATURES, N_FEATURES, LipTrack, features_of
from opensonic.post.sync.match import LAG_RATE, Blocks, evidence_heard
from opensonic.speech.articulation import GAP, JAW_HEIGHT, PUCKER, SHUT, STRETCH, trace_curves
from opensonic.speech.network import N_HEARD
from opensonic.values import N_LANDMARKS


@pytest.fixture(scope="module")
def speech(example_speech):
    return read_speech(example_speech)


@pytest.fixture(scope="module")
def heard(speech):
    return hear_lips(speech)


def talk(heard, delay_s=0.0, fps=25, noise=0.003, seconds=None):
    """Lips that say what is heard; above 0 they come early, so that the sound is late."""
    curves = trace_curves(heard.rows[:, :N_HEARD].astype(np.float32))
    gap = curves[:, GAP] * (1 - curves[:, SHUT])
    width = 0.10 * curves[:, STRETCH] - 0.08 * curves[:, PUCKER]
    length_s = seconds or len(gap) / 100
    time_s = (np.arange(int(length_s * fps)) + 0.5) / fps
    gap, width, jaw = (
        np.interp(time_s + delay_s, (np.arange(len(gap)) + 0.5) / 100, curve)
        for curve in (gap, width, curves[:, JAW_HEIGHT])
    )
    features = np.zeros((len(time_s), N_FEATURES))
    shares = {
        "gap": gap,
        "width": width + 0.5,
        "inner_area": 0.35 * gap,
        "outer_area": 0.1 + 0.3 * gap + 0.1 * width,
        "lower_inner_y": -0.7 - 0.8 * gap,
        "upper_inner_y": -0.64 + 0.15 * gap,
        "lower_outer_y": -0.8 - 0.8 * gap,
        "chin_y": -1.2 - 0.3 * gap - 0.02 * jaw,
        "lower_z": 0.2 - 0.3 * gap - 0.2 * width,
    }
    for name, curve in shares.items():
        features[:, FEATURES.index(name)] = curve
    features += np.random.default_rng(0).normal(0, noise, features.shape)
    n = len(time_s)
    return LipTrack(time_s, features.astype(np.float32), np.ones(n, bool), np.zeros(n, np.int32))


def test_speech_is_heard_in_rows_of_10_ms(speech, heard):
    assert heard.rows.shape == (-(-speech.duration * 100 // 1), N_COLUMNS)
    parts = np.concatenate(list(hear_parts(speech)))
    np.testing.assert_allclose(parts, heard.rows, atol=0.02)


def test_evidence_does_not_depend_on_the_length_of_the_sound(heard):
    whole = evidence_heard(heard)
    assert len(whole) == -(-len(heard.rows) // 2)
    long = evidence_heard(HeardLips(np.tile(heard.rows, (9, 1))))
    np.testing.assert_allclose(long[50 : len(whole) - 50], whole[50:-50], atol=1e-2)


@pytest.mark.parametrize(("lag_s", "fps"), [(0.0, 25), (0.13, 25), (-0.2, 30), (0.055, 60)])
def test_a_planted_lag_is_found(heard, lag_s, fps):
    own = measure_sync(talk(heard, fps=fps), heard)
    found = measure_sync(talk(heard, lag_s, fps=fps), heard)
    assert own.clear and abs(own.lag_s) < 0.03
    assert found.clear
    assert found.lag_s - own.lag_s == pytest.approx(lag_s, abs=0.01)
    assert found.error_s < 0.03


def test_wrong_sound_silence_and_still_lips_are_not_clear(heard):
    lips = talk(heard)
    backwards = measure_sync(lips, HeardLips(heard.rows[::-1].copy()))
    assert not backwards.clear
    quiet = np.zeros_like(heard.rows)
    quiet[:, 0], quiet[:, N_HEARD:] = 1, -4
    assert measure_sync(lips, HeardLips(quiet)).confidence < 0.5
    still = talk(HeardLips(quiet), noise=0.001)
    assert measure_sync(still, heard).confidence < 0.6


def test_nothing_seen_or_heard_is_no_lag(heard):
    lips = talk(heard)
    unseen = LipTrack(lips.time_s, lips.features, ~lips.seen, lips.shot)
    assert measure_sync(unseen, heard).confidence == 0
    nothing = np.empty((0, N_COLUMNS), np.float16)
    assert measure_sync(lips, HeardLips(nothing)).confidence == 0
    few = LipTrack(*(part[:5] for part in (lips.time_s, lips.features, lips.seen, lips.shot)))
    assert measure_sync(few, heard).confidence == 0


def test_cuts_and_gaps_do_not_matter(heard):
    lips = talk(heard, 0.08)
    shot = (lips.time_s > 2.2).astype(np.int32)
    seen = (lips.time_s < 1.0) | (lips.time_s > 1.3)
    features = np.where(seen[:, None], lips.features, np.nan)
    found = measure_sync(LipTrack(lips.time_s, features, seen, shot), heard)
    assert found.clear
    assert found.lag_s == pytest.approx(measure_sync(lips, heard).lag_s, abs=0.02)


def peaks(lags_s, height=60.0, reach_s=2.0, seed=0):
    """Seconds of video, each of which fits best at its own lag."""
    rng = np.random.default_rng(seed)
    reach = round(reach_s * LAG_RATE)
    places = np.arange(-reach, reach + 1) / LAG_RATE
    sums = rng.normal(0, 8, (len(lags_s), len(places)))
    kernel = np.exp(-0.5 * (np.arange(-8, 9) / 4) ** 2)
    sums = np.apply_along_axis(np.convolve, 1, sums, kernel, "same")
    sums += height * np.exp(-0.5 * ((places - np.array(lags_s)[:, None]) / 0.04) ** 2)
    start_s = np.arange(len(lags_s), dtype=np.float64)
    return Blocks(start_s, sums, np.ones_like(sums), reach)


def test_drift_is_found_and_none_is_made_up():
    lags_s = 0.1 + 0.002 * (np.arange(120) - 60)
    assert _search_drift(peaks(lags_s), 1.0) == pytest.approx(0.002, abs=3e-4)
    assert _search_drift(peaks(np.full(120, 0.1)), 1.0) == 0


def test_slope_is_told_with_its_error(heard):
    windows = tuple(
        SyncWindow(4.0 * n, 4.0 * n + 8, 0.05 + 0.002 * 4 * n + 0.004 * (-1) ** n, 0.95)
        for n in range(20)
    )
    slope, error = _fit_drift(windows)
    assert slope == pytest.approx(2.0, abs=0.1)
    assert 0 < error < 0.2
    assert _fit_drift(windows[:2]) == (0.0, 0.0)


def test_a_wide_search_wants_more_evidence():
    blocks = peaks([0.0] * 4, height=60.0)
    sums, counts = blocks.sums.sum(0), blocks.counts.sum(0)
    usual = judge(sums, counts, 1.0).confidence
    moved = np.roll(sums, round(0.8 * LAG_RATE))
    assert judge(moved, counts, 1.0).confidence < usual


@pytest.mark.parametrize(
    ("name", "true_s"),
    [("grid_id2_man_6s", -0.04), ("grid_woman_3s", 0), ("ls1_woman_10s", 0), ("ls2_man_20s", 0)],
)
def test_real_people(shared, name, true_s):
    with np.load(shared / "clips/tracks.npz") as data:
        points, index, seen = data[name], data["index"], data[f"{name}_ok"].astype(bool)
    landmarks = np.zeros((len(points), N_LANDMARKS, 3), np.float32)
    landmarks[:, index] = points
    features = np.zeros((len(points), N_FEATURES), np.float32)
    features[seen] = features_of(landmarks[seen])
    time_s = (np.arange(len(points)) + 0.5) / 25
    cut = name.startswith("grid_id2") & (time_s > 2.98)
    heard = hear_lips(read_speech(shared / f"clips/{name}.mp4"))
    own = measure_sync(LipTrack(time_s, features, seen, cut.astype(np.int32)), heard)
    assert own.clear and abs(own.lag_s - true_s) <= 0.06
    for lag_s in (-0.2, 0.1):
        late = LipTrack(time_s - lag_s, features, seen, cut.astype(np.int32))
        assert measure_sync(late, heard).lag_s - own.lag_s == pytest.approx(lag_s, abs=0.015)
