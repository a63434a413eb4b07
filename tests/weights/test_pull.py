"""From nothing to a folder that is whole, and what is said when it is not."""

import hashlib
from pathlib import Path

import pytest
from tests.model_hub import SHAPES, write_tensors

from opensonic.errors import InputError, WeightsError
from opensonic.weights.check import check_contents, check_file, require_files
from opensonic.weights.ledger import NAME, read_ledger
from opensonic.weights.model_file import HUB
from opensonic.weights.networks import network_files
from opensonic.weights.pull import missing_files, pull_file, read_token, sources
from opensonic.weights.records import MODEL_FILES, PULLED, REQUIRED, RIFE, SONIC_NETWORKS


def test_everything_is_fetched_checked_noted_and_made_ready(published, home):
    assert [f.name for f in missing_files()] == list(PULLED)
    with pytest.raises(WeightsError, match=r"6 files of the Sonic model are missing"):
        require_files()
    steps, told = [], []
    for file in missing_files():
        pull_file(file, progress=steps.append, say=told.append)
    assert told == []
    assert {step.stage for step in steps} == set(PULLED)
    assert missing_files() == []
    folder = home / "data" / "opensonic" / "models"
    notes = read_ledger(folder)
    assert set(notes) == {MODEL_FILES[name].place for name in PULLED}
    assert all(note.revision == "c0ffee" for note in notes.values())
    for name in PULLED:
        verdict = check_contents(check_file(name))
        assert verdict.good
        assert "SHA-256 is right" in verdict.checked
    ready = network_files(say=told.append)
    assert set(ready) == set(SONIC_NETWORKS)
    assert all(path.suffix == ".safetensors" for path in ready.values())
    assert len(told) == 4  # four pickles were copied
    assert network_files(say=told.append) == ready
    assert len(told) == 4
    assert check_file("flownet").checked == "names and shapes of its copy"


def test_a_folder_that_is_none_is_told_first(tmp_path):
    with pytest.raises(WeightsError, match=r"^\S*typo is no folder\. 6 files of the Sonic model"):
        require_files(tmp_path / "typo")


def test_a_mirror_is_asked_first_and_the_hub_helps_out(published, other_hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    file = MODEL_FILES["whisper"]
    told = []
    pull_file(file, tmp_path / "in", [other_hub.url + "/"], say=told.append)
    assert len(other_hub.asked) == 1
    assert "404" in told[0] and "next server" in told[0]
    assert "Authorization" not in other_hub.asked[0][1]
    assert published.asked[0][1]["Authorization"] == "Bearer secret"


def test_the_noted_revision_is_asked_for_again(published, tmp_path):
    file = MODEL_FILES["whisper"]
    pull_file(file, tmp_path)
    (tmp_path / file.place).unlink()
    pull_file(file, tmp_path)
    asked = [path for path, _ in published.asked if not path.startswith("/bytes")]
    assert [path.split("/")[4] for path in asked] == ["main", "c0ffee"]


def test_a_file_that_changed_on_the_hub_is_not_taken_unasked(published, tmp_path):
    file = MODEL_FILES["whisper"]
    pull_file(file, tmp_path)
    (tmp_path / file.place).unlink()
    url = f"{file.repository}/resolve/c0ffee/{file.remote}"
    published.put(url, write_tensors(tmp_path / "other", dtype="F16").read_bytes())
    with pytest.raises(WeightsError, match="another one and is not fetched"):
        pull_file(file, tmp_path)


def test_the_wrong_network_is_refused_after_it_came(published, tmp_path):
    file = MODEL_FILES["whisper"]
    wrong = write_tensors(tmp_path / "x", {"c": (1,)}).read_bytes()
    published.put(f"{file.repository}/resolve/main/{file.remote}", wrong)
    with pytest.raises(WeightsError, match=r"what came lacks a\.weight and \d more.*deleted"):
        pull_file(file, tmp_path / "in")
    assert not (tmp_path / "in" / file.place).exists()
    assert read_ledger(tmp_path / "in") == {}  # so that the right one is not refused later


def test_a_pickle_that_could_run_a_program_is_not_kept(published, tmp_path):
    torch = pytest.importorskip("torch")
    file = MODEL_FILES["unet"]
    torch.save({"a": Path("x")}, tmp_path / "evil")
    for revision in ("main", "c0ffee"):
        path = f"{file.repository}/resolve/{revision}/{file.remote}"
        published.put(path, (tmp_path / "evil").read_bytes())
    with pytest.raises(WeightsError, match=r"what came .*could run a program.*it was deleted"):
        pull_file(file, tmp_path / "in")
    assert not (tmp_path / "in" / file.place).exists()
    (tmp_path / "evil").rename(tmp_path / "in" / file.place)
    assert file in missing_files(["unet"], tmp_path / "in")


def test_a_wrong_file_that_was_not_fetched_is_not_overwritten(published, tmp_path):
    file = MODEL_FILES["whisper"]
    own = write_tensors(tmp_path / file.place, {"mine": (1,)})
    before = own.read_bytes()
    with pytest.raises(WeightsError, match="not overwritten; move it away"):
        pull_file(file, tmp_path)
    assert own.read_bytes() == before


def test_a_fetched_file_that_was_damaged_is_fetched_again(published, tmp_path):
    file = MODEL_FILES["whisper"]
    path = pull_file(file, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert "cut off or damaged" in check_file("whisper", tmp_path).problem
    assert missing_files(["whisper"], tmp_path) == [file]
    assert pull_file(file, tmp_path).read_bytes() == whole


def test_one_flipped_bit_is_found_by_reading_the_whole_file(published, tmp_path):
    path = pull_file(MODEL_FILES["whisper"], tmp_path)
    contents = bytearray(path.read_bytes())
    contents[-1] ^= 1
    path.write_bytes(contents)
    verdict = check_file("whisper", tmp_path)
    assert verdict.good
    read = []
    verdict = check_contents(verdict, read.append)
    assert not verdict.good
    assert "SHA-256" in verdict.problem and "delete it" in verdict.problem
    assert sum(read) == len(contents)


def test_what_nobody_noted_has_no_known_hash(home, small, tmp_path):
    write_tensors(tmp_path / MODEL_FILES["whisper"].place)
    verdict = check_contents(check_file("whisper", tmp_path))
    assert verdict.good
    assert "nobody noted its SHA-256" in verdict.checked


def test_the_notes_of_hugging_face_are_believed(home, small, tmp_path):
    path = write_tensors(tmp_path / "x/checkpoints" / MODEL_FILES["whisper"].place)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    notes = path.parent / ".cache/huggingface/download"
    notes.mkdir(parents=True)
    note = notes / "model.safetensors.metadata"
    note.write_text(f"c0ffee\n{sha256}\n1712656091.1\n")
    verdict = check_contents(check_file("whisper", tmp_path / "x"))
    assert verdict.good and "SHA-256 is right" in verdict.checked
    note.write_text(f"c0ffee\n{'0' * 64}\n1712656091.1\n")
    assert not check_contents(check_file("whisper", tmp_path / "x")).good
    note.write_text("c0ffee")
    assert "nobody noted" in check_contents(check_file("whisper", tmp_path / "x")).checked


def test_the_names_of_the_caches_blobs_are_their_hashes(home, small):
    root = home / "hf/hub/models--openai--whisper-tiny"
    blob = write_tensors(root / "blobs" / "made")
    right = blob.with_name(hashlib.sha256(blob.read_bytes()).hexdigest())
    snapshot = root / "snapshots/c0ffee/model.safetensors"
    snapshot.parent.mkdir(parents=True)
    for name, good in ((right, True), (blob.with_name("f" * 64), False)):
        blob = blob.rename(name)
        snapshot.unlink(missing_ok=True)
        try:
            snapshot.symlink_to(name)
        except OSError:
            pytest.skip("this system makes no links")
        assert check_contents(check_file("whisper")).good is good


def test_a_pull_into_checkpoints_is_known_from_the_folder_above(published, tmp_path):
    pull_file(MODEL_FILES["whisper"], tmp_path / "checkpoints")
    verdict = check_contents(check_file("whisper", tmp_path))
    assert "SHA-256 is right" in verdict.checked


def test_nothing_is_fetched_offline(published, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="HF_HUB_OFFLINE"):
        pull_file(MODEL_FILES["whisper"], tmp_path)


def test_the_error_names_every_file_its_source_and_its_licence(home, small, tmp_path):
    write_tensors(tmp_path / MODEL_FILES["vae"].place, {"other": (2,)})
    with pytest.raises(WeightsError) as error:
        require_files(tmp_path)
    told = str(error.value)
    assert told.startswith(f"{len(REQUIRED) - 1} files of the Sonic model are missing: ")
    for name in set(REQUIRED) - {"vae"}:
        assert MODEL_FILES[name].url in told
        assert MODEL_FILES[name].place in told
    assert "CC BY-NC-SA 4.0" in told and "Stability AI" in told and "MIT" in told
    assert "flownet" not in told
    assert "1 file is wrong" in told and "lacks a.weight" in told
    assert "opensonic models pull" in told and "--models-dir" in told
    assert error.value.exit_code == 3


@pytest.mark.parametrize(
    ("shapes", "dtype", "told"),
    [
        ({"a.weight": (2, 3)}, "F32", "lacks b"),
        ({"a.weight": (3, 2), "b": (1,)}, "F32", r"has a.weight as (3, 2) instead of (2, 3)"),
        ({**SHAPES, "c": (1,)}, "F32", "holds c, which does not belong there"),
        (SHAPES, "I32", "has a.weight as I32 instead of numbers with a fraction and 1 more"),
    ],
)
def test_a_file_of_another_network_is_named_from_its_header(
    home, small, tmp_path, shapes, dtype, told
):
    write_tensors(tmp_path / MODEL_FILES["vae"].place, shapes, dtype)
    assert told in check_file("vae", tmp_path).problem


def test_parts_that_are_not_needed_may_be_there(home, small, tmp_path):
    write_tensors(
        tmp_path / MODEL_FILES["whisper"].place, {**SHAPES, "model.decoder.x": (1,)}, "F16"
    )
    assert check_file("whisper", tmp_path).good


def test_a_network_of_other_sizes_is_left_to_whoever_loads_it(home, small, tmp_path):
    write_tensors(tmp_path / "Sonic/unet.safetensors", {"a.weight": (1,)}, notes={"sizes": "{}"})
    assert check_file("unet", tmp_path).good


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        (b"", "no safetensors file"),
        (b"<html>Not found</html>", "no safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
        (b"\xff" * 8 + b"{}", "no safetensors file"),
        (b"\x02\0\0\0\0\0\0\0[]", "no safetensors file"),
        (b"\x05\0\0\0\0\0\0\0{\"a\":", "header is damaged"),
        (b"\x09\0\0\0\0\0\0\0{\"a\": {}}", "header is damaged"),
        (b"\x08\0\0\0\0\0\0\0{\"a\": 1}", "header is damaged"),
    ],
)  # fmt: skip
def test_what_is_no_safetensors_file_is_refused(home, small, tmp_path, contents, told):
    path = tmp_path / MODEL_FILES["vae"].place
    path.parent.mkdir(parents=True)
    path.write_bytes(contents)
    assert told in check_file("vae", tmp_path).problem


@pytest.mark.parametrize(
    ("name", "contents", "told"),
    [
        ("unet", b"<html>", "no PyTorch file (it begins with b'<html>'"),
        ("unet", b"", "no PyTorch file"),
        ("unet", b"version https://git-lfs", "Git LFS pointer"),
        ("unet", b"PK\x03\x04...", ""),
        ("yoloface", b"no", "no PyTorch file"),
        ("vae_config", b"[1]", "no JSON settings file"),
        ("vae_config", b"\xff", "no JSON settings file"),
        ("vae_config", b"{}", ""),
    ],
)
def test_other_files_are_looked_at_too(home, tmp_path, name, contents, told):
    path = tmp_path / MODEL_FILES[name].place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)
    problem = check_file(name, tmp_path).problem
    assert told in problem if told else problem == ""


def test_the_model_can_do_without_rife_but_not_with_a_wrong_one(home, small, tmp_path):
    for name in REQUIRED:
        write_tensors((tmp_path / MODEL_FILES[name].place).with_suffix(".safetensors"))
    assert set(require_files(tmp_path)) == set(network_files(tmp_path)) == set(REQUIRED)
    with pytest.raises(WeightsError, match=r"^1 file of the Sonic model is missing: RIFE/flownet"):
        require_files(tmp_path, (*REQUIRED, RIFE))
    path = (tmp_path / MODEL_FILES[RIFE].place).with_suffix(".safetensors")
    write_tensors(path)
    assert network_files(tmp_path)[RIFE] == path
    write_tensors(path, {"other": (2,)})
    with pytest.raises(WeightsError, match=r"1 file is wrong: .*flownet\.safetensors lacks"):
        require_files(tmp_path)


def test_a_pickle_of_another_network_is_named_when_it_is_copied(home, small, tmp_path):
    torch = pytest.importorskip("torch")
    for name in REQUIRED:
        file = MODEL_FILES[name]
        path = tmp_path / file.place
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.is_pickle:
            torch.save({n: torch.ones(s) for n, s in SHAPES.items()}, path)
        else:
            write_tensors(path)
    torch.save({"other": torch.ones(1)}, tmp_path / MODEL_FILES["unet"].place)
    with pytest.raises(WeightsError, match=r"unet\.pth: lacks a\.weight.*fetch it again from http"):
        network_files(tmp_path)


def test_a_damaged_note_says_what_to_do(home, tmp_path):
    for text in ("{", "[]", '{"files": {"a": {}}}', '{"files": 1}'):
        (tmp_path / NAME).write_text(text)
        with pytest.raises(WeightsError, match="is damaged; delete it"):
            read_ledger(tmp_path)


def test_the_token_is_read_where_hugging_face_keeps_it(home, tmp_path, monkeypatch):
    assert read_token() is None
    (home / "hf").mkdir(parents=True)
    (home / "hf" / "token").write_text("from file\n")
    assert read_token() == "from file"
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    assert read_token() is None
    monkeypatch.setenv("HF_TOKEN", " direct ")
    assert read_token() == "direct"


def test_the_token_is_not_sent_unencrypted_nor_to_mirrors(home, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert [s.token for s in sources(["https://mirror"])] == [None, "secret"]
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example")
    assert [s.token for s in sources()] == [None]
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example/")
    assert [(s.url, s.token) for s in sources()] == [("https://hub.example", "secret")]
    assert "secret" not in repr(sources())


@pytest.mark.parametrize("mirror", ["mirror.example", "file:///a", ""])
def test_a_mirror_must_be_an_address(home, mirror):
    with pytest.raises(InputError, match="https://"):
        sources([mirror])


def test_the_hub_is_the_default(home):
    assert [s.url for s in sources()] == [HUB]
    assert sources()[0].token is None
