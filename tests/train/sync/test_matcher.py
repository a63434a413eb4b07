import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("scipy")

import onnxruntime as ort  # noqa: E402

from opensonic.errors import InputError  # noqa: E402
from opensonic.post.sync.lips import FEATURES, N_FEATURES  # noqa: E402
from opensonic.post.sync.match import N_EVIDENCE, N_INPUTS  # noqa: E402
from opensonic.train.sync.augment import sample_lips, vary_lips  # noqa: E402
from opensonic.train.sync.export import export_matcher  # noqa: E402
from opensonic.train.sync.fit import FitPlan, fit  # noqa: E402
from opensonic.train.sync.mouths import invent_lips, learn_law  # noqa: E402
from opensonic.train.sync.network import blank_matcher  # noqa: E402
from opensonic.train.sync.rows import degrade_mel, make_speech_rows, make_track_rows  # noqa: E402

GAP = FEATURES.index("gap")


def tracks(rng, n_clips):
    """Features of people whose lips open and stretch; everything follows that."""
    steps = np.cumsum(rng.normal(0, 0.02, (n_clips, 75, 3)), 1)
    return (
        steps @ rng.normal(0, 1, (3, N_FEATURES)) + rng.normal(0, 0.01, (n_clips, 75, N_FEATURES))
    ).astype(np.float32)


@pytest.fixture
def work(tmp_path):
    rng = np.random.default_rng(0)
    n = 106
    np.savez(
        tmp_path / "tracks.npz",
        features=tracks(rng, n),
        heard=rng.random((2, n, 300, N_INPUTS)).astype(np.float16),
        speaker=np.array(["one"] * n),
        whole=np.ones(n, bool),
    )
    np.savez(
        tmp_path / "speech.npz",
        heard=rng.random((44, 700, N_INPUTS)).astype(np.float16),
        phones=np.repeat(rng.integers(0, 40, (44, 70)), 10, 1).astype(np.int8),
    )
    return tmp_path


def test_training_moves_weights_and_its_export_runs(work):
    fit(work, FitPlan(steps=3, batch=4, invented=12))
    before, after = blank_matcher().state_dict(), torch.load(work / "matcher.pt", weights_only=True)
    assert before.keys() == after.keys()
    export_matcher(work / "matcher.pt", work)
    for name, n_columns in (("sync_lips", N_FEATURES), ("sync_sound", N_INPUTS)):
        session = ort.InferenceSession(
            (work / f"{name}.onnx").read_bytes(), providers=["CPUExecutionProvider"]
        )
        (end,) = session.get_inputs()
        (evidence,) = session.run(None, {end.name: np.zeros((1, 84, n_columns), np.float32)})
        assert evidence.shape == (42, N_EVIDENCE)


def test_seen_evidence_forgives_size_and_posture():
    torch.manual_seed(0)
    branch = blank_matcher().lips.eval()
    lips = torch.cumsum(torch.randn(1, 300, N_FEATURES), 1)
    with torch.no_grad():
        plain, other = branch(lips), branch(40 * lips + 100)
    assert torch.allclose(plain, other, atol=0.1 * float(plain.abs().max()))


def test_invented_people_close_their_lips_for_m_and_open_them_for_aa():
    rng = np.random.default_rng(1)
    law = learn_law(tracks(rng, 20))
    from opensonic.speech.phones import PHONE_INDEX

    labels = np.full(120, PHONE_INDEX["aa"], np.int8)
    labels[50:62] = PHONE_INDEX["m"]
    gaps = np.mean([invent_lips(rng, labels, law)[:, GAP] for _ in range(30)], 0)
    assert gaps[56] < gaps[20] - 0.03
    assert gaps[56] < gaps[100] - 0.03


def test_variation_keeps_the_lips_recognisable():
    rng = np.random.default_rng(2)
    features = tracks(rng, 1)[0].astype(np.float64)
    spread = features.std(0) + 1e-3
    r = [
        np.corrcoef(vary_lips(rng, features, spread)[:, GAP], features[:, GAP])[0, 1]
        for _ in range(20)
    ]
    assert np.median(r) > 0.6
    time_s = np.arange(75) / 25
    np.testing.assert_allclose(
        np.median([sample_lips(rng, features, time_s, time_s) for _ in range(9)], 0),
        features,
        atol=1e-4,
    )


def test_degraded_sound_has_the_same_length_and_is_finite():
    rng = np.random.default_rng(3)
    mel = rng.normal(-8, 2, (200, 64))
    for _ in range(10):
        rows = degrade_mel(rng, mel, mel[::-1])
        assert rows.shape == mel.shape and np.isfinite(rows).all()


def test_missing_folders_are_told(tmp_path):
    with pytest.raises(InputError, match=r"tracks\.npz"):
        make_track_rows(tmp_path, [], tmp_path / "out.npz", 1)
    with pytest.raises(InputError, match="rows_"):
        make_speech_rows(tmp_path, [], tmp_path / "out.npz", 1)
