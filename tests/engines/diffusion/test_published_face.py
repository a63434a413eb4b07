from dataclasses import replace

import numpy as np
import pytest
import torch

import opensonic
from opensonic.engines.diffusion import engine, rendition
from opensonic.engines.diffusion.published_face import find_detector, with_published_face
from opensonic.errors import WeightsError
from opensonic.face.portrait import prepare_portrait
from opensonic.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


class _Detector(torch.nn.Module):
    """Finds one face of 104x52 px in the middle of (208, 104) of the network's picture, or none."""

    def __init__(self, score: float):
        super().__init__()
        self.score = score

    def forward(self, values: torch.Tensor, grids: list[torch.Tensor]) -> torch.Tensor:
        rows = torch.zeros(1, 2, 16)
        rows[0, 0, :4] = torch.tensor([208.0, 104.0, 104.0, 52.0])
        rows[0, 0, 4] = self.score
        rows[0, 0, 15] = self.score
        return rows


@pytest.fixture
def folder(tmp_path, monkeypatch):
    torch.jit.script(_Detector(0.9)).save(str(tmp_path / "yoloface_v5m.pt"))
    monkeypatch.setenv("OPENSONIC_MODELS", str(tmp_path))
    return tmp_path


@pytest.fixture
def portrait(example_image):
    return prepare_portrait(
        example_image, "p", Settings(min_resolution=128), keep_original=True
    ).portrait


def _expected(image):
    height, width = image.shape[:2]
    scale = 416 / min(height, width)
    across = width / (int(width * scale + 31) // 32 * 32)
    down = height / (int(height * scale + 31) // 32 * 32)
    return [156 * across, 78 * down, 260 * across, 130 * down]


def test_the_published_detector_gives_the_box_and_only_the_box(folder, portrait):
    found = with_published_face(portrait, folder / "yoloface_v5m.pt")
    whole = portrait.original
    np.testing.assert_allclose(found.original.face.box, _expected(whole.image), rtol=1e-5)
    assert found.original.face.landmarks is whole.face.landmarks
    assert found.image is portrait.image
    alone = with_published_face(replace(portrait, original=None), folder / "yoloface_v5m.pt")
    np.testing.assert_allclose(alone.face.box, _expected(portrait.image), rtol=1e-5)


def test_where_it_finds_no_face_ours_stays(folder, portrait):
    torch.jit.script(_Detector(0.1)).save(str(folder / "none.pt"))
    assert with_published_face(portrait, folder / "none.pt") is portrait


def test_a_file_that_is_no_detector_is_told(tmp_path, portrait):
    path = tmp_path / "yoloface_v5m.pt"
    path.write_bytes(b"something else")
    with pytest.raises(WeightsError, match="not the published face detector"):
        with_published_face(portrait, path)


def test_it_is_asked_in_compat_only_and_for_no_face_chosen_by_hand(folder):
    assert find_detector(Settings(compat=True)) == folder / "yoloface_v5m.pt"
    assert find_detector(Settings()) is None
    assert find_detector(Settings(compat=True, face="0")) is None
    (folder / "yoloface_v5m.pt").unlink()
    assert find_detector(Settings(compat=True)) is None


def test_the_engine_draws_around_that_face_and_says_so(
    folder, example_image, make_speech, tiny_models, monkeypatch
):
    seen = []

    class Watched(rendition.Rendition):
        def frames(self):
            seen.append(self.portrait)
            return iter(())

    monkeypatch.setattr(engine, "Rendition", Watched)
    speech, _ = make_speech("0.5")
    chosen = {"min_resolution": 128, "device": "cpu", "models_dir": str(tiny_models)}
    video = opensonic.animate(example_image, speech, engine="sonic", compat=True, **chosen)
    assert any("the published detector finds the face" in note for note in video.notes)
    list(video)
    whole = seen[0].original or seen[0]
    np.testing.assert_allclose(whole.face.box, _expected(whole.image), rtol=1e-5)
    (folder / "yoloface_v5m.pt").unlink()
    video = opensonic.animate(example_image, speech, engine="sonic", compat=True, **chosen)
    assert any("OpenSonic's own detector" in note for note in video.notes)
