"""How fast and how large: `python benchmarks/speed.py [--seconds 30] [--sizes 384 512 768 1024]`.

For each size, in one run and side by side: making the whole video (portrait already analysed), and
the floor, which is encoding as many ready frames with the same encoder settings and sound. Both run
in processes of their own, one after the other, so that peak memory is theirs alone (the floor's
includes the ready frames). Process start and the time to the first frame are measured apart, and
`--long-minutes 30` compares the memory of a short and a long sound.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # at run time opensonic is imported late, to time it
    from opensonic import Chunk, Speech, Video

Samples = npt.NDArray[np.float32]
BENCHMARK_CRF = 18
READY_FRAMES = 50


def main() -> None:
    """Run all measurements and print them as tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--sizes", type=int, nargs="+", default=[384, 512, 768, 1024])
    parser.add_argument("--portrait", default=str(files("opensonic") / "examples/portrait.png"))
    parser.add_argument("--long-minutes", type=float, default=0, help="memory of a long sound, too")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task:
        print(json.dumps(TASKS[args.task](args)))
        return
    print(f"{args.seconds:g} s of sound, 25 frames/s, x264 veryfast crf {BENCHMARK_CRF}\n")
    print("| short side | frames/s | x real time | floor frames/s | time / floor | peak MiB |")
    print("|---|---|---|---|---|---|")
    for size in args.sizes:
        full, floor = (_child(task, args, size) for task in ("full", "floor"))
        rate, floor_rate = (r["frames"] / r["seconds"] for r in (full, floor))
        print(
            f"| {size} | {rate:.0f} | {rate / 25:.1f} | {floor_rate:.0f} | {floor_rate / rate:.2f} "
            f"| {full['peak_mib']:.0f} |",
            flush=True,
        )
    _print_start(args)
    if args.long_minutes:
        _print_memory(args)


def _print_start(args: argparse.Namespace) -> None:
    print("\n| from process start | seconds |\n|---|---|")
    for name, code in (("import opensonic", "import opensonic"), ("opensonic --help", None)):
        command = (
            [sys.executable, "-c", code] if code else [sys.executable, "-m", "opensonic", "-h"]
        )
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print(f"| {name} | {time.perf_counter() - started:.2f} |")
    for size in args.sizes:
        started = time.perf_counter()
        _child("first", args, size)
        print(f"| first frame, {size} px | {time.perf_counter() - started:.2f} |", flush=True)


def _print_memory(args: argparse.Namespace) -> None:
    print("\n| sound | peak MiB at 512 px |\n|---|---|")
    for seconds in (10.0, args.long_minutes * 60):
        args.seconds = seconds
        print(f"| {seconds:g} s | {_child('full', args, 512)['peak_mib']:.0f} |", flush=True)


def _child(task: str, args: argparse.Namespace, size: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--task", task, "--size", str(size)]
    command += ["--seconds", str(args.seconds), "--portrait", args.portrait]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(result.stdout))


def _video(args: argparse.Namespace) -> Video:
    import opensonic

    return opensonic.animate(
        args.portrait, _sound(args.seconds), min_resolution=args.size, engine="mesh"
    )


def _sound(seconds: float) -> Speech:
    """Repeat the bundled speech up to the asked length, as a stream."""
    from dataclasses import replace

    from opensonic.media.audio import read_speech

    speech = read_speech(str(files("opensonic") / "examples/speech.flac"))
    n_samples = round(seconds * speech.sample_rate)

    def repeat(start: Callable[[], Iterator[Samples]], n: int) -> Iterator[Samples]:
        left = n
        while left:
            for block in start():
                part = block[..., :left]
                left -= part.shape[-1]
                yield part
                if not left:
                    return

    return replace(
        speech,
        n_samples=n_samples,
        sound=lambda: repeat(speech.sound, n_samples),
        blocks=lambda rate: repeat(lambda: speech.blocks(rate), round(seconds * rate)),
    )


def _encode(video: Video, chunks: Iterator[Chunk], folder: str) -> None:
    from opensonic.media.video import encode_video

    encode_video(
        chunks,
        Path(folder) / "out.mp4",
        fps=Fraction(25),
        size=video.size,
        n_frames=video.n_frames,
        speech=video.speech,
        label="metadata",
        crf=BENCHMARK_CRF,
    )


def _run_full(args: argparse.Namespace) -> dict[str, float]:
    video = _video(args)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        chunks = video.engine.animate(video.portrait, video.speech, video.settings)
        _encode(video, chunks, folder)
        return _result(video.n_frames, started)


def _run_floor(args: argparse.Namespace) -> dict[str, float]:
    from opensonic.values import Chunk

    video = _video(args)
    ready: list[np.ndarray] = []
    for chunk in video:
        ready.append(chunk.frames.copy())
        if sum(map(len, ready)) >= READY_FRAMES:
            break
    there_and_back = ready + [frames[::-1] for frames in reversed(ready)]

    def chunks() -> Iterator[Chunk]:
        left = video.n_frames
        for frames in itertools.cycle(there_and_back):
            yield Chunk(frames[:left])
            left -= min(left, len(frames))
            if not left:
                return

    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        _encode(video, chunks(), folder)
        return _result(video.n_frames, started)


def _run_first(args: argparse.Namespace) -> dict[str, float]:
    started = time.perf_counter()
    next(iter(_video(args)))
    return _result(1, started)


def _result(frames: int, started: float) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"frames": frames, "seconds": time.perf_counter() - started, "peak_mib": peak}


TASKS = {"full": _run_full, "floor": _run_floor, "first": _run_first}

if __name__ == "__main__":
    main()
