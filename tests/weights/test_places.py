"""Where files are looked for, and which hit wins."""

import os
from pathlib import Path

import pytest

from opensonic.errors import InputError
from opensonic.weights import places
from opensonic.weights.places import data_folder, find_file, hub_cache, pull_folder
from opensonic.weights.records import MEASURING, MODEL_FILES, PULLED, REQUIRED, RIFE, SONIC_NETWORKS


def lay(path, contents=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)
    return path


def lay_in_cache(cache, repository, remote, revision="r1"):
    root = cache / f"models--{repository.replace('/', '--')}"
    return lay(root / "snapshots" / revision / remote)


def test_records_are_complete():
    assert set(REQUIRED) < set(SONIC_NETWORKS) <= set(PULLED) <= set(MODEL_FILES)
    assert set(SONIC_NETWORKS) - set(REQUIRED) == {RIFE}
    assert len({file.place for file in MODEL_FILES.values()}) == len(MODEL_FILES)
    for file in MODEL_FILES.values():
        assert file.licence.name and file.licence.who and file.licence.url.startswith("https://")
        assert file.url.startswith("https://huggingface.co/")
        assert all(name in MODEL_FILES for name in file.instead)
    assert not set(MEASURING) & {*REQUIRED, *PULLED}  # a video is made without them
    assert all(MODEL_FILES[name].purpose == "evaluate" for name in MEASURING)
    assert MODEL_FILES["unet"].place == "Sonic/unet.pth"
    assert MODEL_FILES["flownet"].place == "RIFE/flownet.pkl"
    assert MODEL_FILES["vae"].place.startswith("stable-video-diffusion-img2vid-xt/vae/")
    assert MODEL_FILES["whisper"].place == "whisper-tiny/model.safetensors"


@pytest.mark.parametrize("inner", ["", "checkpoints"])
def test_the_originals_layout(home, tmp_path, inner):
    folder = tmp_path / "Sonic"
    for name in PULLED:
        lay(folder / inner / MODEL_FILES[name].place)
    for name in PULLED:
        found = find_file(name, folder)
        assert found.path == folder / inner / MODEL_FILES[name].place
        assert found.layout == "plain"


@pytest.mark.parametrize("inner", ["", "models"])
def test_comfyuis_layout_with_a_single_file(home, tmp_path, inner):
    folder = tmp_path / "ComfyUI"
    for place in (
        "sonic/unet.pth",
        "sonic/audio2token.pth",
        "sonic/audio2bucket.pth",
        "sonic/RIFE/flownet.pkl",
        "sonic/whisper-tiny/config.json",
        "sonic/whisper-tiny/model.safetensors",
        "sonic/whisper-tiny/preprocessor_config.json",
        "checkpoints/svd_xt_1_1.safetensors",
    ):
        lay(folder / inner / place)
    found = {name: find_file(name, folder) for name in PULLED}
    assert all(found.values())
    assert found["unet"].layout == "ComfyUI"
    assert found["vae"].path.name == found["image_encoder"].path.name == "svd_xt_1_1.safetensors"
    assert found["vae"].is_single
    assert not found["unet"].is_single
    assert found["unet"].is_pickle


def test_the_full_precision_files_do_too(home, tmp_path):
    lay(tmp_path / "stable-video-diffusion-img2vid-xt/vae/diffusion_pytorch_model.safetensors")
    assert find_file("vae", tmp_path).path.name == "diffusion_pytorch_model.safetensors"


def test_a_network_of_its_own_wins_over_a_single_file(home, tmp_path):
    lay(tmp_path / "svd_xt.safetensors")
    own = lay(tmp_path / MODEL_FILES["vae"].place)
    assert find_file("vae", tmp_path).path == own
    assert find_file("image_encoder", tmp_path).path.name == "svd_xt.safetensors"


def test_a_copy_stands_for_a_pickle_that_was_deleted(home, tmp_path):
    copy = lay(tmp_path / "Sonic/unet.safetensors")
    found = find_file("unet", tmp_path)
    assert found.path == copy
    assert not found.is_pickle
    lay(tmp_path / "Sonic/unet.pth")
    assert find_file("unet", tmp_path).is_pickle


def test_folders_are_looked_through_in_order(home, tmp_path, monkeypatch):
    place = MODEL_FILES["whisper"].place
    cache = lay_in_cache(home / "hf" / "hub", "openai/whisper-tiny", "model.safetensors")
    assert find_file("whisper").path == cache
    assert find_file("whisper").layout == "Hugging Face cache"
    assert not find_file("whisper").is_ours
    data = lay(data_folder() / "models" / place)
    assert find_file("whisper").path == data
    second, first = lay(tmp_path / "b" / place), tmp_path / "a" / place
    monkeypatch.setenv("OPENSONIC_MODELS", os.pathsep.join([str(tmp_path / "a"), f"{tmp_path}/b"]))
    assert find_file("whisper").path == second
    lay(first)
    assert find_file("whisper").path == first
    named = lay(tmp_path / "c" / place)
    assert find_file("whisper", tmp_path / "c").path == named
    assert find_file("whisper", tmp_path / "empty").path == first


def test_files_are_fetched_into_the_first_folder(home, tmp_path, monkeypatch):
    assert pull_folder() == data_folder() / "models"
    monkeypatch.setenv("OPENSONIC_MODELS", f"{tmp_path}/a{os.pathsep}{tmp_path}/b")
    assert pull_folder() == tmp_path / "a"
    assert pull_folder(tmp_path / "c") == tmp_path / "c"


def test_the_cache_is_where_hugging_face_has_it(home, tmp_path, monkeypatch):
    assert hub_cache() == home / "hf" / "hub"
    monkeypatch.delenv("HF_HOME")
    assert hub_cache() == home / "cache" / "huggingface" / "hub"
    monkeypatch.setenv("HUGGINGFACE_HUB_CACHE", str(tmp_path / "old"))
    assert hub_cache() == tmp_path / "old"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "new"))
    assert hub_cache() == tmp_path / "new"


def test_the_cache_is_found_as_its_own_library_finds_it(home):
    constants = pytest.importorskip("huggingface_hub.constants")
    assert Path(constants.HF_HOME).name == "huggingface" or "HF_HOME" in os.environ
    assert Path(constants.HF_HUB_CACHE).name == hub_cache().name


def test_the_main_branchs_snapshot_comes_first_then_the_newest(home):
    cache = home / "hf" / "hub"
    old = lay_in_cache(cache, "openai/whisper-tiny", "model.safetensors", "old")
    new = lay_in_cache(cache, "openai/whisper-tiny", "model.safetensors", "new")
    os.utime(old.parent, (1, 1))
    assert find_file("whisper").path == new
    (old.parents[2] / "refs").mkdir()
    (old.parents[2] / "refs" / "main").write_text("old")
    assert find_file("whisper").path == old


def test_an_unknown_name_lists_the_known_ones(home):
    with pytest.raises(InputError, match=r"no model file is called 'x'; known: unet, "):
        find_file("x")


@pytest.mark.parametrize(
    ("platform", "data", "cache"),
    [
        ("linux", "data/opensonic", "cache/opensonic"),
        ("darwin", "Library/Application Support/opensonic", "Library/Caches/opensonic"),
        ("win32", "local/opensonic", "local/opensonic/cache"),
    ],
)
def test_user_folders_are_those_of_the_platform(home, monkeypatch, platform, data, cache):
    monkeypatch.setattr(places.sys, "platform", platform)
    assert data_folder() == home / data
    assert places.cache_folder() == home / cache
