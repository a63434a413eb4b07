import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs opensonic[train]")
pytest.importorskip("onnx", reason="export needs opensonic[train]")
pytest.importorskip("scipy", reason="training needs opensonic[train]")

from opensonic.speech.network import CONTEXT  # noqa: E402
from opensonic.speech.phones import PHONE_INDEX  # noqa: E402
from opensonic.train.speech.__main__ import main  # noqa: E402
from opensonic.train.speech.augment import degrade, make_noise  # noqa: E402
from opensonic.train.speech.export import export_network, load_network  # noqa: E402
from opensonic.train.speech.finetune import FinetuningPlan, correlate, draw_din, finetune  # noqa: E402
from opensonic.train.speech.model import SpeechNetwork  # noqa: E402
from opensonic.train.speech.pretrain import TrainingPlan, pretrain  # noqa: E402
from opensonic.train.speech.shapes import align_clips, fit_shapes  # noqa: E402
from opensonic.train.speech.targets import SHAPES  # noqa: E402
from opensonic.train.speech.tracks import RealClip, measure_lips, read_tracks  # noqa: E402


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A folder with a small file of training rows: two sounds that sound different."""
    folder = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(0)
    phones = np.repeat(rng.choice([0, 6, 19], 300), 10).astype(np.int8)
    mel = rng.normal(0, 0.5, (3000, 64))
    mel[phones == 6, :20] += 6
    mel[phones == 19, 40:] += 6
    mouth = np.zeros((3000, 6), np.float16)
    mouth[phones == 6, 0] = 1
    mouth[phones == 19, 4] = 1
    np.savez(folder / "rows_0.npz", mel=mel.astype(np.float16), mouth=mouth, phones=phones)
    return folder


@pytest.fixture(scope="module")
def weights(rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("weights") / "pretrained.pt"
    pretrain(rows, out, TrainingPlan(steps=30, batch=4))
    return out


def test_pretraining_learns(rows, weights):
    network = load_network(weights)
    data = np.load(rows / "rows_0.npz")
    sound = torch.from_numpy(np.maximum((data["mel"][:600].astype(np.float32) - 3) / 2.5, -4))
    with torch.no_grad():
        phones, _ = network(sound[None])
    right = (phones[0].argmax(-1).numpy() == data["phones"][:600]).mean()
    assert right > 0.5


def test_the_view_is_as_wide_as_the_run_time_thinks():
    torch.manual_seed(0)
    network = SpeechNetwork().eval()
    sound = torch.randn(1, 2 * CONTEXT + 102, 64)
    other = sound.clone()
    other[:, 0], other[:, -1] = 5, 5
    with torch.no_grad():
        a, b = network(sound)[1][0], network(other)[1][0]
    inner = slice(CONTEXT, -CONTEXT)
    assert torch.equal(a[inner], b[inner])
    assert not torch.equal(a[:5], b[:5])


def test_export_agrees_and_is_small(weights, tmp_path):
    out = tmp_path / "speech.onnx"
    digest = export_network(weights, out)
    assert len(digest) == 64
    assert out.stat().st_size < 8_000_000


def test_the_command_line_runs_a_step(weights, tmp_path):
    (tmp_path / "pretrained.pt").write_bytes(weights.read_bytes())
    main(["export", "--work", str(tmp_path)])
    assert (tmp_path / "speech.onnx").is_file()


def make_clip(name, seed=0):
    rng = np.random.default_rng(seed)
    aperture = np.clip(np.sin(np.arange(300) / 9 + seed), 0, 1).astype(np.float32)
    mel = rng.normal(-8, 0.3, (300, 64)) + 8 * aperture[:, None]
    return RealClip(name, "s", mel.astype(np.float16), aperture, -0.3 * aperture)


def test_shapes_are_fitted_to_the_lips(weights, tmp_path):
    words = tmp_path / "words.json"
    words.write_text('{"a": [[0, 0.5, "sil"], [0.5, 1.0, "r"], [1.0, 3.0, "sil"]]}')
    clip = make_clip("a")
    clip.aperture[:] = 0
    clip.aperture[50:100] = 0.9
    clips = [clip, make_clip("no transcript")]
    table = fit_shapes(align_clips(load_network(weights), clips, words))
    aa, sil = PHONE_INDEX["aa"], PHONE_INDEX["sil"]
    assert table.shapes[aa, 0] > 0.5
    assert table.shapes[sil, 0] < 0.2
    assert abs(table.lead_s) <= 0.02


def test_finetuning_follows_the_tracks(rows, weights, tmp_path, monkeypatch):
    clips = [make_clip(f"c{seed}", seed) for seed in range(104)]
    monkeypatch.setattr("opensonic.train.speech.finetune.read_tracks", lambda _: iter(clips))
    (tmp_path / "words.json").write_text('{"c0": [[0, 3, "sil"]]}')
    out = tmp_path / "tuned.pt"
    finetune(weights, tmp_path, rows, out, FinetuningPlan(steps=3, real=2, synthetic=2))
    before, after = torch.load(weights, weights_only=True), torch.load(out, weights_only=True)
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_lips_are_measured_in_eye_distances():
    index = np.array([13, 14, 81, 178, 311, 402, 61, 291, 33, 263])
    points = np.zeros((2, 10, 3), np.float32)
    points[:, 1, 1] = points[:, 3, 1] = points[:, 5, 1] = 20
    points[:, 7, 0] = 55
    points[:, 9] = [60, 0, 80]
    gap, width = measure_lips(points, index)
    np.testing.assert_allclose(gap, 0.2)
    np.testing.assert_allclose(width, 0.55)


def test_without_a_transcript_the_table_is_the_hand_made_one():
    np.testing.assert_array_equal(fit_shapes([]).shapes, SHAPES)


def test_correlation():
    a, b = torch.randn(3, 50), torch.randn(3, 50)
    expected = [np.corrcoef(x, y)[0, 1] for x, y in zip(a.numpy(), b.numpy(), strict=True)]
    np.testing.assert_allclose(correlate(a, b), expected, atol=1e-4)


def test_noise_has_unit_power_and_the_degraded_keeps_its_length():
    rng = np.random.default_rng(0)
    speech = rng.integers(-9000, 9000, 40_000).astype(np.int16)
    for _ in range(12):
        assert abs(np.mean(make_noise(rng, 8001, speech) ** 2) - 1) < 1e-3
        spoilt = degrade(rng, speech[:8001].astype(np.float32), speech, 10.0)
        assert spoilt.shape == (8001,)
        assert spoilt.dtype == np.float32
        assert np.abs(spoilt).max() <= 1


def test_din_is_labelled_as_rest():
    rows, mouth, phones = draw_din(np.random.default_rng(0), 8)
    assert rows.shape == (8, 300, 64)
    assert rows.dtype == torch.float32
    assert torch.isfinite(rows).all()
    assert rows.std() > 0.1
    assert mouth.abs().max() == 0
    assert phones.max() == 0


def test_grid_tracks(shared):
    folder = shared / "speech" / "grid"
    if not (folder / "tracks.npz").is_file():
        pytest.skip("../shared/speech/grid is not there")
    clip = next(read_tracks(folder))
    assert clip.mel.shape == (len(clip.aperture), 64)
    assert 0.25 < np.quantile(clip.aperture, 0.95) < 1.2
    assert np.quantile(clip.aperture, 0.2) == 0
