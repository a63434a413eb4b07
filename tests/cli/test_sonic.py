"""The sonic engine through the command line, with tiny random weights on the CPU."""

import json
import os
import signal
import subprocess
import sys
import time
import wave

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from opensonic.engines.diffusion import requirements

FAST = ("--engine", "sonic", "--device", "cpu", "--inference-steps", "2", "--min-resolution", "128")


@pytest.fixture
def models(tiny_models, monkeypatch):
    monkeypatch.setenv("OPENSONIC_MODELS", str(tiny_models))
    return tiny_models


@pytest.fixture
def sound(tmp_path):
    """Write 0.41 s of noise, or as much as asked for."""

    def write(seconds=0.41, level=9000):
        path = tmp_path / f"sound{seconds}.wav"
        samples = np.random.default_rng(0).normal(0, level, round(seconds * 16_000))
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(samples.clip(-32_000, 32_000).astype(np.int16).tobytes())
        return path

    return write


def _frames(path):
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


def test_makes_a_video_that_covers_the_sound(run, portrait, sound, models, tmp_path):
    target = tmp_path / "talk.mp4"
    code, out, err = run("animate", portrait, sound(), "-o", target, "--json", *FAST)
    assert code == 0, err
    told = json.loads(out)
    assert (told["engine"], told["frames"]) == ("sonic", 11)
    assert any(note.startswith("drawn at 128x128 in float32") for note in told["notes"])
    assert _frames(target).shape == (11, 128, 128, 3)
    assert {path.suffix for path in tmp_path.iterdir()} == {".mp4", ".wav", ".png"}


@pytest.mark.parametrize(("fps", "n_frames"), [("25", 9), ("12.5", 5)])
def test_compat_makes_as_many_frames_as_the_published_program(
    run, portrait, sound, models, tmp_path, fps, n_frames
):
    target = tmp_path / "talk.mp4"
    words = ("--compat", "--fps", fps, "--json", "-o", target)
    code, out, err = run("animate", portrait, sound(0.46), *words, *FAST)
    assert code == 0, err
    assert json.loads(out)["frames"] == len(_frames(target)) == n_frames


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a child")
def test_a_stopped_run_goes_on_and_gives_the_same_video(run, portrait, sound, models, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    words = ["animate", str(portrait), str(sound(0.5)), *FAST, "--seed", "5", "--resume"]
    words += ["--inference-steps", "10"]
    code = (
        "import sys, opensonic.cli\n"
        "from opensonic.engines.diffusion import resume\n"
        "resume.PAUSE_S = 0\n"
        f"sys.argv = {['opensonic', *words, '-o', str(folder / 'talk.mp4')]!r}\n"
        "opensonic.cli.main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background job ignores Ctrl-C, and its children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    kept = folder / "talk.mp4.resume"
    for _ in range(2000):
        if kept.exists() or process.poll() is not None:
            break
        time.sleep(0.03)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert f"what is finished is kept in {kept}" in err
    assert list(folder.iterdir()) == [kept]

    code, _, err = run(*words, "-o", folder / "talk.mp4", "--seed", "6")
    assert code == 2
    assert "work of another video: its settings differ; delete it" in err

    assert run(*words, "-o", folder / "talk.mp4")[0] == 0
    assert list(folder.iterdir()) == [folder / "talk.mp4"]
    assert run(*words, "-o", folder / "again.mp4")[0] == 0
    assert np.array_equal(_frames(folder / "talk.mp4"), _frames(folder / "again.mp4"))


def test_missing_files_are_named_with_source_and_licence(
    run, portrait, sound, models, monkeypatch, tmp_path
):
    monkeypatch.delenv("OPENSONIC_MODELS")
    (tmp_path / "none").mkdir()
    words = ("--models-dir", tmp_path / "none")
    code, _, err = run("animate", portrait, sound(), *FAST, *words)
    assert code == 3
    for told in (
        "6 files of the Sonic model are missing",
        "Sonic/unet.pth (https://huggingface.co/LeonJoe13/Sonic/",
        "CC BY-NC-SA 4.0",
        "opensonic models pull",
    ):
        assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("wrong", ["picture", "sound", "no picture", "no sound", "output"])
def test_cheap_errors_come_before_pytorch(portrait, sound, models, tmp_path, wrong):
    other = tmp_path / "notes.txt"
    other.write_text("neither a picture nor a sound")
    given = {"picture": portrait, "sound": sound(), "output": tmp_path / "talk.mp4"}
    given |= {"picture": {"picture": other}, "no picture": {"picture": tmp_path / "none.png"}}.get(
        wrong, {}
    )
    given |= {"sound": {"sound": other}, "no sound": {"sound": tmp_path / "none.wav"}}.get(
        wrong, {}
    )
    given |= {"output": tmp_path / "none/talk.mp4"} if wrong == "output" else {}
    words = ["animate", given["picture"], given["sound"], "-o", given["output"], *FAST]
    code = (
        "import sys, opensonic.cli\n"
        "sys.modules['torch'] = None\n"  # whoever imports it now fails otherwise
        f"sys.argv = {['opensonic', *map(str, words)]!r}\n"
        "opensonic.cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == (4 if wrong == "output" else 2)
    assert "torch" not in done.stderr
    named = {"picture": "notes.txt", "sound": "notes.txt", "output": "none"}.get(wrong, "none.")
    assert named in done.stderr


def test_a_damaged_file_is_named(run, portrait, sound, models, tmp_path):
    folder = tmp_path / "bad"
    for path in models.rglob("*.safetensors"):
        copy = folder / path.relative_to(models)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes()[: -100 if path.name == "unet.safetensors" else None])
    code, _, err = run("animate", portrait, sound(), *FAST, "--models-dir", folder)
    assert code == 3
    assert "unet.safetensors" in err
    assert "cut off" in err


def test_without_the_extra_it_says_what_to_install(
    run, portrait, sound, models, monkeypatch, tmp_path
):
    monkeypatch.setattr(requirements, "find_spec", lambda name: None)
    code, _, err = run("animate", portrait, sound(), *FAST)
    assert code == 2
    assert "needs torch, diffusers, transformers, safetensors" in err
    assert 'pip install "opensonic[sonic]"' in err
    target = tmp_path / "talk.mp4"
    code, out, _ = run("animate", portrait, sound(), "-o", target, "--json")
    assert code == 0
    told = json.loads(out)
    assert told["engine"] == "mesh"
    assert "torch" in told["engine_reason"]


def test_auto_wants_a_gpu(run, portrait, sound, models, tmp_path):
    import torch

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine has a GPU")
    _, out, _ = run("animate", portrait, sound(), "-o", tmp_path / "talk.mp4", "--json")
    assert "there is no GPU" in json.loads(out)["engine_reason"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--motion-in", "{sound}"), 2, "takes no motion file"),
        (("--motion-out", "{folder}/motion.csv"), 2, "--engine mesh"),
        (("--device", "cuda:7"), 2, "device 'cuda:7': this machine's PyTorch"),
        (("--device", "tpu"), 2, "device 'tpu': expected auto, cpu"),
        (("--dtype", "int8"), 2, "expected one of auto, fp16, bf16, fp32"),
        (("--inference-steps", "0"), 2, "inference_steps: 0 is outside the accepted range"),
        (("--compat", "--fps", "30"), 2, "in compat the video has 25 frames per second"),
        (("--compat",), 2, "at least 0.44 s"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    run, portrait, sound, models, tmp_path, words, code, message
):
    target = tmp_path / "talk.mp4"
    places = {"sound": sound(), "folder": tmp_path}
    words = [word.format(**places) for word in words]
    found, out, err = run("animate", portrait, sound(), "-o", target, *FAST, *words)
    assert (found, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1
    assert not target.exists()


def test_advice_and_settings_without_effect_are_told(run, portrait, sound, models, tmp_path):
    target = tmp_path / "talk.mp4"
    _, out, _ = run("animate", portrait, sound(0.05), "-o", target, "--json", *FAST)
    assert "below 10 frames are blurred" in json.loads(out)["warnings"][0]
    words = ("--engine", "mesh", "--inference-steps", "60")
    _, out, _ = run("animate", portrait, sound(0.05), "-o", target, "--json", *words)
    told = json.loads(out)
    assert "no effect with the mesh engine: inference_steps" in told["notes"]
    assert "above 50 nothing is gained" in told["warnings"][0]


def test_pictures_and_sounds_of_all_kinds(run, portrait, example_image, sound, models, tmp_path):
    turned = tmp_path / "turned.jpg"
    tall = example_image[:, 16:240]
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Image.fromarray(tall).transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif)
    clear = tmp_path / "clear.png"
    Image.fromarray(np.dstack([example_image, np.full((256, 256), 255, np.uint8)])).save(clear)
    two = tmp_path / "two.png"
    small = cv2.resize(example_image, (128, 128), interpolation=cv2.INTER_AREA)
    small = np.pad(small, ((0, 128), (0, 0), (0, 0)), mode="edge")
    Image.fromarray(np.hstack([example_image, small])).save(two)
    for picture, size, note in (
        (turned, (128, 146), "drawn at 128x128"),
        (clear, (128, 128), "drawn at 128x128"),
        (two, (192, 128), "2 faces found"),
    ):
        target = tmp_path / "talk.mp4"
        code, out, err = run(
            "animate", picture, sound(0.06, level=0), "-o", target, "--json", *FAST
        )
        assert code == 0, err
        told = json.loads(out)
        assert (told["width"], told["height"], told["frames"]) == (*size, 2)
        assert any(note in each for each in told["notes"])
        assert any("silent" in each for each in told["notes"])


def test_doctor_knows_the_sonic_engine(run, models):
    _, out, _ = run("doctor", "--json")
    found = {check["name"]: check for check in json.loads(out)["checks"]}
    assert found["engine sonic"]["ok"]
    assert "GPU" in found["engine sonic"]["found"]
