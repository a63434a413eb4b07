import json
import os
import re
import signal
import subprocess
import sys
import time
import wave

import numpy as np
import pytest
from PIL import Image

from opensonic.engines.base import PLAIN_RUN, Engine
from opensonic.engines.registry import BUILDERS
from opensonic.errors import WeightsError
from opensonic.settings import describe


def test_help_lists_every_setting_with_its_range_and_no_default_of_its_own(run):
    code, out, _ = run("animate", "--help")
    assert code == 0
    for option in describe():
        assert "--" + option.name.replace("_", "-") in out
    assert "128 to 2048" in out
    assert "default 25" in out
    assert "(preview, standard, publish, news, kids)" in out
    assert out.count("<bool>") <= 1  # --help's own, by some versions of typer
    assert "agrees" in out  # responsible use


def test_version(run):
    code, out, _ = run("--version")
    assert code == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", out)


def test_animate_writes_the_video_and_json(run, portrait, example_speech, tmp_path):
    target = tmp_path / "talk.mp4"
    code, out, _ = run(
        "animate", portrait, example_speech, "-o", target, "--json",
        "--min-resolution", "128", "--duration", "1", "--no-crop", "--seed", "3",
    )  # fmt: skip
    result = json.loads(out)
    assert code == 0
    assert result["output"] == str(target)
    assert target.stat().st_size == result["bytes"]
    assert (result["frames"], result["fps"], result["seed"]) == (25, "25", 3)
    assert (result["width"], result["height"], result["engine"]) == (128, 128, "mesh")


def test_animate_speaks_to_a_person(run, portrait, example_speech, tmp_path):
    target = tmp_path / "talk.mp4"
    code, out, err = run(
        "animate", portrait, example_speech, "-o", target, "--duration", "0.2",
        "--engine", "still", "--expand-ratio", "0.5",
    )  # fmt: skip
    assert code == 0
    assert out == ""
    assert "engine: still (as asked)" in err
    assert "warning: expand_ratio 0.5 is outside 0.15 to 0.2" in err
    assert "0.20 s, 256x256, 5 frames" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["missing.jpg", "{speech}"], 2, "missing.jpg"),
        (["{portrait}", "missing.wav"], 2, "missing.wav"),
        (["{portrait}", "{portrait}"], 2, "portrait.png"),
        (["{speech}", "{speech}"], 2, "speech.flac"),
        (["{blank}", "{speech}"], 2, "no face found"),
        (["{portrait}", "{speech}", "--fps", "0"], 2, "fps: 0 is outside the accepted range"),
        (["{portrait}", "{speech}", "--engine", "magic"], 2, "expected one of auto, mesh"),
        (["{portrait}", "{speech}", "--duration", "999"], 2, "999"),
        (["{portrait}", "{speech}", "-o", "no/such/folder.mp4"], 4, "folder"),
        (["{portrait}", "{speech}", "-o", "talk.txt"], 4, ".mp4"),
    ],
)
def test_bad_input_gets_one_line_and_an_exit_code(
    run, portrait, example_speech, tmp_path, monkeypatch, words, code, message
):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(tmp_path / "blank.png")
    before = sorted(tmp_path.iterdir())
    places = {"portrait": portrait, "speech": example_speech, "blank": tmp_path / "blank.png"}
    found, out, err = run("animate", *(word.format(**places) for word in words))
    assert found == code
    assert out == ""
    assert message in err
    assert err.startswith("opensonic: ")
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_an_error_is_machine_readable_too(run):
    code, out, _ = run("animate", "missing.jpg", "missing.wav", "--json")
    result = json.loads(out)
    assert code == result["exit_code"] == 2
    assert "missing" in result["error"]


def test_one_frame_is_no_plural(run, portrait, example_speech, tmp_path):
    words = ("--engine", "still", "--duration", "0.01", "-o", tmp_path / "t.mp4")
    assert "256x256, 1 frame, made" in run("animate", portrait, example_speech, *words)[2]


def test_names_are_printed_as_they_are(run, portrait, tmp_path):
    target = tmp_path / "a :smile: [red] \u65e5.mp4"
    sound = tmp_path / "s.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(1600))
    words = ("animate", portrait, sound, "-o", target, "--engine", "still")
    _, _, err = run(*words)
    assert f"{target}: 0.12 s" in err
    _, out, _ = run(*words, "--json")
    assert out.isascii()  # so that no terminal or pipe, whatever its encoding, can refuse it
    assert json.loads(out)["output"] == str(target)


def test_usage_errors_exit_with_2(run):
    assert run("animate")[0] == 2
    assert run("animate", "a", "b", "--no-such-flag")[0] == 2
    assert run("dance")[0] == 2


def test_a_bug_exits_with_1_and_a_traceback(portrait, example_speech, tmp_path):
    code = (
        "import sys, opensonic, opensonic.cli\n"
        "def broken(*a, **k): raise RuntimeError('planted')\n"
        "opensonic.animate = broken\n"
        f"sys.argv = ['opensonic', 'animate', {str(portrait)!r}, {example_speech!r}]\n"
        "opensonic.cli.main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert result.returncode == 1
    assert "RuntimeError: planted" in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a child")
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "opensonic: interrupted; no half-written file was left behind\n"),
        (signal.SIGTERM, 143, ""),
    ],
)
def test_a_stop_leaves_nothing_behind(portrait, example_speech, tmp_path, number, code, said):
    folder = tmp_path / "out"
    folder.mkdir()
    command = [sys.executable, "-m", "opensonic", "animate", str(portrait), example_speech]
    command += ["-o", str(folder / "talk.mp4"), "--min-resolution", "1024", "--quiet"]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background job ignores Ctrl-C, and its children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    for _ in range(600):
        if any(folder.iterdir()) or process.poll() is not None:
            break
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, said)
    assert list(folder.iterdir()) == []


def test_demo_makes_a_playable_video(run, tmp_path):
    import av

    target = tmp_path / "demo.mp4"
    code, _, err = run("demo", "-o", target, "--quiet")
    assert code == 0, err
    with av.open(str(target)) as file:
        assert {stream.type for stream in file.streams} == {"audio", "video"}
        assert file.streams.video[0].frames > 50


def test_doctor_is_content(run):
    code, out, _ = run("doctor", "--json")
    result = json.loads(out)
    assert code == 0, result
    assert {"engine mesh", "encoder libx264"} <= {check["name"] for check in result["checks"]}
    assert run("doctor")[0] == 0


def test_doctor_finds_an_engine_that_cannot_draw(run, monkeypatch):
    class Broken(Engine):
        name = "mesh"

        def animate(self, portrait, source, settings, run=PLAIN_RUN):
            raise WeightsError("planted")

    monkeypatch.setitem(BUILDERS, "mesh", lambda settings: Broken())
    code, out, _ = run("doctor", "--json")
    found = {check["name"]: check for check in json.loads(out)["checks"]}
    assert code == 3
    assert found["engine mesh"] == {"name": "engine mesh", "ok": False, "found": "planted"}
    assert found["engine still"]["ok"]
    assert found["engine sonic"]["ok"]  # it is optional
