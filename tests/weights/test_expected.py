"""The tables of names and shapes against the published ones."""

import json
from math import prod
from pathlib import Path

import pytest

from opensonic.weights import expected, expected_measuring, expected_unet
from opensonic.weights.records import MODEL_FILES

KEYS = Path(__file__).resolve().parents[3] / "shared/sonic/keys"
TABLES = {
    "official_unet": expected_unet.unet,
    "official_audio2token": expected.audio2token,
    "official_audio2bucket": expected.audio2bucket,
    "official_rife": expected.rife,
    "extra_vae": expected.vae,
    "extra_clip_vision": expected.clip_vision,
    "extra_whisper_tiny_encoder": expected.whisper_encoder,
}


def test_counts_are_the_published_ones():
    def count(table):
        return len(table), sum(prod(shape) for shape in table.values())

    assert count(expected_unet.unet()) == (1492, 1_575_741_162)
    assert count(expected.vae()) == (374, 97_742_847)
    assert count(expected.clip_vision()) == (520, 632_076_800)
    assert count(expected.whisper_encoder()) == (67, 8_208_384)
    assert count(expected.audio2token()) == (8, 54_300_672)
    assert count(expected.audio2bucket()) == (6, 21_762_050)
    assert count(expected.rife())[1] == 2_277_600


def test_networks_that_measure_have_the_size_of_their_published_files():
    def n_bytes(table):
        return 4 * sum(prod(shape) for shape in table.values())

    assert 54.55e6 < n_bytes(expected_measuring.syncnet()) < 54.65e6  # the file has 54.6 MB
    classes = 1008 * 2049 * 4  # of Inception's last layer, which FID leaves out
    published = MODEL_FILES["inception"].size
    assert 0 < published - classes - n_bytes(expected_measuring.inception()) < 0.002 * published
    assert 0 < MODEL_FILES["lpips"].size - n_bytes(expected_measuring.lpips()) < 1500


@pytest.mark.parametrize("name", TABLES)
def test_names_and_shapes_are_the_published_ones(name):
    path = KEYS / f"{name}_keys.json"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    published = json.loads(path.read_text())["tensors"]
    prefix = "model.encoder." if "whisper" in name else ""
    wanted = {prefix + key: tuple(value["shape"]) for key, value in published.items()}
    if "rife" in name:  # the teacher's block is in the file, but inference does not use it
        wanted = {key: shape for key, shape in wanted.items() if not key.startswith("block_tea")}
    assert TABLES[name]() == wanted
