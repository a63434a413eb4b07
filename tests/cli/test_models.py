"""`opensonic models` in this process, against a hub on this machine."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from tests.model_hub import write_tensors

from opensonic.weights.places import data_folder
from opensonic.weights.records import MODEL_FILES, PULLED, REQUIRED, RIFE, SONIC_NETWORKS


def test_list_tells_use_licence_and_place(run, home, tmp_path):
    path = write_tensors(tmp_path / MODEL_FILES["whisper"].place)
    code, out, err = run("models", "list", "--models-dir", tmp_path)
    assert code == 0
    for name in MODEL_FILES:
        assert name in out
    for word in ("CC BY-NC-SA 4.0", "MIT", "missing", "not needed"):
        assert word in out
    assert "opensonic models pull" in err
    code, out, _ = run("models", "list", "--models-dir", tmp_path, "--json")
    files = {file["name"]: file for file in json.loads(out)["files"]}
    assert set(files) == set(MODEL_FILES)
    assert files["whisper"]["path"] == str(path)
    assert files["unet"]["path"] is None
    assert files["unet"]["licence"] == "CC BY-NC-SA 4.0"
    assert {name for name, file in files.items() if file["needed"]} == set(REQUIRED)


def test_pull_shows_licences_fetches_and_verify_agrees(run, published, home):
    code, out, err = run("models", "pull", "--accept-licenses", "--json")
    assert code == 0
    assert err.index("CC BY-NC-SA 4.0") < err.index("fetched and checked")
    assert "who may use it: anybody for non-commercial use" in err
    fetched = json.loads(out)
    assert fetched["folder"] == str(data_folder() / "models")
    assert len(fetched["fetched"]) == len(PULLED)
    code, out, err = run("models", "pull")
    assert code == 0
    assert "Nothing to fetch" in err
    code, out, _ = run("models", "verify")
    assert code == 0
    assert out.count(" ok ") == len(SONIC_NETWORKS)
    assert out.replace("\n", " ").count("SHA-256") == len(SONIC_NETWORKS)
    code, out, _ = run("models", "path", "vae")
    assert code == 0
    assert out == f"{data_folder() / 'models' / MODEL_FILES['vae'].place}\n"


def test_what_needs_nothing_more_is_not_asked_for_more(run, tiny_models):
    code, out, err = run("models", "list", "--models-dir", tiny_models)
    assert code == 0
    assert "missing" not in out
    assert err == ""
    code, out, _ = run("models", "verify", "--models-dir", tiny_models, "--quick", "--json")
    assert code == 0
    checked = {file["checked"] for file in json.loads(out)["files"] if file["name"] != "flownet"}
    assert checked == {"is whole; names and shapes are checked when it is loaded"}


def test_without_rife_nothing_is_wrong_and_pull_is_named(run, tiny_models, tmp_path):
    folder = tmp_path / "models"
    shutil.copytree(tiny_models, folder, ignore=shutil.ignore_patterns("RIFE"))
    code, out, err = run("models", "list", "--models-dir", folder)
    assert code == 0
    assert "missing" not in out
    assert "opensonic models pull" in err
    code, out, _ = run("models", "verify", "--models-dir", folder, "--quick", "--json")
    assert code == 0
    assert [file["name"] for file in json.loads(out)["files"]] == list(REQUIRED)
    code, out, _ = run("models", "verify", RIFE, "--models-dir", folder, "--quick")
    assert code == 3
    code, _, err = run("models", "path", RIFE, "--models-dir", folder)
    assert code == 3
    assert "opensonic models pull flownet" in err


def test_pull_of_one_file_into_a_folder_of_ones_own(run, published, tmp_path):
    where = tmp_path / "mine"
    code, _, _ = run("models", "pull", "whisper", "--models-dir", where, "--accept-licenses")
    assert code == 0
    assert (where / MODEL_FILES["whisper"].place).is_file()
    assert len(published.asked) == 2  # the hub's redirect and the bytes


def test_without_agreement_nothing_is_fetched(run, published, monkeypatch):
    code, _, err = run("models", "pull")
    assert code == 2
    assert "--accept-licenses" in err.splitlines()[-1]
    assert "CC BY-NC-SA 4.0" in err
    assert published.asked == []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    code, _, err = run("models", "pull")
    assert code == 2
    assert "nothing was fetched" in err
    assert published.asked == []
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    code, _, _ = run("models", "pull", "whisper")
    assert code == 0


def test_ctrl_c_while_fetching_says_how_to_go_on(run, published, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("opensonic.weights.pull.fetch", stop)
    code, _, err = run("models", "pull", "whisper", "--accept-licenses")
    assert code == 130
    assert err.splitlines()[-1].endswith("the same command goes on with it")


@pytest.mark.parametrize(
    ("words", "expected", "told"),
    [
        (("pull", "nothing"), 2, "no model file is called 'nothing'; known: unet"),
        (("pull", "--mirror", "ftp://a"), 2, "ftp://a: expected an address"),
        (("verify", "nothing"), 2, "no model file is called"),
        (("path", "nothing"), 2, "no model file is called"),
        (("path", "unet"), 3, "unet is not on this machine; it is had at https://"),
    ],
)
def test_errors_are_one_line_with_the_right_code(run, home, words, expected, told):
    code, out, err = run("models", *words)
    assert (code, out) == (expected, "")
    assert told in err
    assert err.count("\n") == 1
    code, out, _ = run("models", *words, "--json")
    assert code == expected
    assert json.loads(out)["exit_code"] == expected


def test_a_gated_repository_says_how_to_get_in(run, published):
    published.token = "secret"
    code, _, err = run("models", "pull", "vae", "--accept-licenses")
    assert code == 3
    assert "HF_TOKEN" in err.splitlines()[-1]
    assert MODEL_FILES["vae"].page in err.splitlines()[-1]


def test_verify_names_what_is_missing_and_what_is_wrong(run, home, small, tmp_path):
    write_tensors(tmp_path / MODEL_FILES["whisper"].place, {"other": (2,)})
    code, out, err = run("models", "verify", "--models-dir", tmp_path, "--quick")
    assert code == 3
    assert out.count("missing") == len(REQUIRED) - 1
    assert "lacks a.weight" in out
    assert "6 of 6 cannot be used" in err
    code, out, _ = run("models", "verify", "whisper", "--models-dir", tmp_path, "--json")
    found = json.loads(out)
    assert (code, found["ok"]) == (3, False)
    assert "lacks a.weight" in found["files"][0]["problem"]


def test_verify_does_not_call_a_malicious_pickle_good(run, home, tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / MODEL_FILES["unet"].place
    path.parent.mkdir(parents=True)
    torch.save({"conv_in.bias": Path("x")}, path)
    for words in ((), ("--quick",)):
        code, out, _ = run("models", "verify", "unet", "--models-dir", tmp_path, *words)
        assert code == 3
        assert "could run a program" in " ".join(out.split())
    (tmp_path / MODEL_FILES["yoloface"].place).write_bytes(b"PK\x03\x04")
    code, out, _ = run("models", "verify", "yoloface", "--models-dir", tmp_path)
    assert code == 0
    assert " unread " in out
    assert " ok " not in out


def test_files_that_measure_are_fetched_by_name(run, home, tmp_path):
    code, out, err = run("models", "verify", "syncnet", "i3d", "--models-dir", tmp_path)
    assert code == 3
    assert err.endswith("Fetch them with: opensonic models pull syncnet i3d\n")
    code, out, _ = run("models", "list", "--models-dir", tmp_path, "--json")
    files = {file["name"]: file for file in json.loads(out)["files"]}
    assert files["syncnet"]["for"] == "evaluate" and not files["syncnet"]["needed"]
    assert files["unet"]["for"] == "sonic"


def test_path_without_a_name_is_the_folder_that_pull_fills(run, home, tmp_path):
    assert run("models", "path")[1] == f"{data_folder() / 'models'}\n"
    assert run("models", "path", "--models-dir", tmp_path)[1] == f"{tmp_path}\n"


def test_help_comes_without_pytorch_and_names_every_command(run):
    code, out, _ = run("models", "--help")
    assert code == 0
    for word in ("list", "pull", "verify", "path"):
        assert word in out
