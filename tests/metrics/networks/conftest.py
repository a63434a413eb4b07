"""Files of weights, made once."""

import pytest


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A folder with a tiny file for every network but the faces'."""
    for package in ("torch", "torchmetrics", "safetensors"):
        pytest.importorskip(package, reason="these measures need the extra opensonic[evaluate]")
    from tests.metrics.networks import tiny

    folder = tmp_path_factory.mktemp("measuring")
    for name in ("syncnet", "inception", "alexnet", "lpips"):
        tiny.write(folder / f"{name}.safetensors", getattr(tiny, f"tiny_{name}")())
    tiny.write_i3d(folder / "i3d.pt")
    return folder


@pytest.fixture(scope="session")
def embedder_file(tmp_path_factory):
    """An ONNX network for faces, and the same that scales pixels by itself."""
    pytest.importorskip("onnx", reason="the test writes an ONNX file; needs opensonic[train]")
    from tests.metrics.networks import tiny

    folder = tmp_path_factory.mktemp("faces")
    plain = tiny.write_embedder(folder / "plain.onnx")
    return plain, tiny.write_embedder(folder / "raw.onnx", raw=True)
