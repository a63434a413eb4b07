import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs opensonic[train]")
pytest.importorskip("onnx", reason="export needs opensonic[train]")
pytest.importorskip("scipy", reason="training needs opensonic[train]")

from opensonic.errors import EncodeError, InputError, WeightsError  # noqa: E402
from opensonic.media.audio import read_speech  # noqa: E402
from opensonic.speech import hear  # noqa: E402
from opensonic.speech.network import open_network  # noqa: E402
from opensonic.train.speech.adapt import AdaptationPlan, adapt_lips  # noqa: E402
from opensonic.train.speech.export import export_network  # noqa: E402
from opensonic.train.speech.model import ExportedNetwork, SpeechNetwork  # noqa: E402
from opensonic.train.speech.shipped import read_network  # noqa: E402
from opensonic.train.speech.survey import survey_folder  # noqa: E402
from opensonic.train.speech.tracks import RealClip  # noqa: E402
from opensonic.train.speech.trial import hold_out, measure_agreement, measure_kept  # noqa: E402
from opensonic.weights import weights_path  # noqa: E402


@pytest.fixture(scope="module")
def shipped():
    return read_network(weights_path("speech"))


def make_clip(name, speaker="s", seed=0, rows=300):
    """A clip whose mouth opens the opposite way of what any network expects."""
    rng = np.random.default_rng(seed)
    aperture = np.clip(np.sin(np.arange(rows) / 9 + seed), 0, 1).astype(np.float32)
    mel = rng.normal(-8, 0.3, (rows, 64)) + 8 * (1 - aperture[:, None])
    return RealClip(name, speaker, mel.astype(np.float16), aperture, -0.3 * aperture)


def test_the_shipped_network_is_read_back_exactly(shipped):
    rows = torch.randn(1, 300, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = ExportedNetwork(shipped)(rows).numpy()
    (expected,) = open_network().run(None, {"rows": rows.numpy()})
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_networks_of_any_width_are_read_back(tmp_path):
    torch.manual_seed(0)
    network = SpeechNetwork()
    torch.save(network.state_dict(), tmp_path / "w.pt")
    export_network(tmp_path / "w.pt", tmp_path / "w.onnx")
    again = read_network(tmp_path / "w.onnx").state_dict()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(again[name], value, atol=1e-3, rtol=1e-3)


def test_files_of_other_networks_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="can train further"):
        read_network(weights_path("face_mesh_fine"))
    with pytest.raises(WeightsError, match="cannot be read"):
        read_network(tmp_path / "none.onnx")


def test_two_steps_on_our_own_video_give_lips_that_work(talks, tmp_path):
    survey = survey_folder(talks, tmp_path / "work")
    out = tmp_path / "my-lips.onnx"
    seen = []
    plan = AdaptationPlan(steps=2, real=2, din=1, min_s=1, even_if_worse=True)
    outcome = adapt_lips(survey.clips, out, tmp_path / "work", plan, seen.append)
    assert outcome.held_out_kind == "parts"
    assert outcome.before.aperture > 0.5
    assert outcome.phones_kept > 0.8
    assert max(outcome.din_gap) < 0.1
    assert [(report.done, report.total) for report in seen] == [(1, 2), (2, 2)] * 2
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["my-lips.onnx"]
    assert {path.suffix for path in (tmp_path / "work").iterdir()} == {".npz", ".mel"}
    speech = read_speech(talks / "talk.mp4")
    ours, mine = (
        np.concatenate([part.mouth for part in hear(speech, 25, 75, lips)]) for lips in (None, out)
    )
    assert mine.shape == ours.shape
    assert np.isfinite(mine).all()
    assert np.abs(mine - ours).max() > 0
    assert np.corrcoef(mine[:, 0], ours[:, 0])[0, 1] > 0.8
    again = read_network(out)
    assert isinstance(again, SpeechNetwork)


def test_it_learns_what_the_tracks_show_and_says_so(shipped, tmp_path):
    clips = [make_clip(f"c{k}", f"s{k}", k) for k in range(3)]
    plan = AdaptationPlan(steps=8, real=2, din=1, min_s=1, learning_rate=1e-3)
    outcome = adapt_lips(clips, tmp_path / "x.onnx", tmp_path, plan)
    assert outcome.held_out_kind == "speakers"
    assert len(outcome.held_out) == 1
    assert outcome.after.aperture > outcome.before.aperture + 0.1
    assert measure_agreement(shipped, clips).aperture < outcome.after.aperture


def test_nothing_is_written_where_it_does_not_get_better(tmp_path):
    clips = [make_clip(f"c{k}", f"s{k}", k) for k in range(3)]
    plan = AdaptationPlan(steps=1, real=1, din=1, min_s=1, learning_rate=0)
    with pytest.raises(InputError, match="did not get better"):
        adapt_lips(clips, tmp_path / "x.onnx", tmp_path, plan)
    assert not (tmp_path / "x.onnx").exists()


def test_too_little_footage_is_refused(tmp_path):
    with pytest.raises(InputError, match="3 s of the footage can be used"):
        adapt_lips([make_clip("a")], tmp_path / "x.onnx", tmp_path)


def test_a_target_that_cannot_be_written_is_one_error(tmp_path):
    clips = [make_clip(f"c{k}", f"s{k}", k) for k in range(2)]
    plan = AdaptationPlan(steps=1, real=1, din=1, min_s=1, even_if_worse=True)
    (tmp_path / "x.onnx").mkdir()
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(EncodeError, match=r"x\.onnx: could not be written"):
        adapt_lips(clips, tmp_path / "x.onnx", work, plan)
    assert not any(work.iterdir())
    with pytest.raises(EncodeError, match=r"gone.adapted\.onnx: could not be written"):
        adapt_lips(clips, tmp_path / "y.onnx", tmp_path / "gone", plan)


def test_speakers_are_kept_aside_whole_else_files_else_parts():
    many = [make_clip(f"f{k}", f"s{k // 2}") for k in range(10)]
    kind, names, kept = hold_out(many, 0)
    assert kind == "speakers"
    assert names == sorted({clip.speaker for clip in kept})
    assert len(kept) == 2
    assert hold_out(many, 0)[1] == names
    files = [make_clip(f"f{k // 2}") for k in range(10)]
    kind, names, kept = hold_out(files, 0)
    assert (kind, len(names), len(kept)) == ("files", 1, 2)
    parts = [make_clip("f", seed=k) for k in range(10)]
    kind, names, kept = hold_out(parts, 0)
    assert (kind, names) == ("parts", ["the end of f"])
    assert kept == parts[-2:]


def test_what_is_kept_is_measured(shipped):
    clips = [make_clip("a")]
    assert measure_kept(shipped, shipped, clips) == (1.0, 1.0)
    torch.manual_seed(0)
    fresh = SpeechNetwork().eval()
    assert measure_kept(shipped, fresh, clips)[0] < 0.9
