"""Cost of `align_lips` in the pipeline: `python -m benchmarks.finishing [--sizes 512 1024]`.

Ready frames of a talking face, with lips that come 30 ms early, run through `align_chunks` as they
would from an engine; the sound is repeated with them, so that any length stays in step with itself.
Each figure comes from a process of its own. The ratio is real time over the time that the step
takes: above 2 it is no brake on two cores, whatever the engine.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from opensonic import Chunk, Speech

FPS = 25
LOOP_S = 5
LAG_S = 0.03
KINDS = {
    "in_step": "in step: watched, nothing moved",
    "moved": "30 ms late: watched and moved",
    "known": "30 ms late, landmarks known: moved",
}


def main() -> None:
    """Run all measurements and print them as a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--seconds", type=int, nargs="+", default=[20, 80])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(**json.loads(args.child))))
        return
    print("| short side | what | length | x real time | CPU ms per frame | peak MiB | moved by |")
    print("|---|---|---|---|---|---|---|")
    for size in args.sizes:
        for kind, words in KINDS.items():
            for seconds in args.seconds:
                found = _child(size=size, kind=kind, seconds=seconds)
                print(
                    f"| {size} | {words} | {seconds} s | {seconds / found['wall_s']:.1f} "
                    f"| {1000 * found['cpu_s'] / (seconds * FPS):.1f} | {found['peak_mib']:.0f} "
                    f"| {1000 * found['delay_s']:+.0f} ms |",
                    flush=True,
                )


def _child(**task: Any) -> dict[str, float]:  # noqa: ANN401 - any argument
    words = [sys.executable, "-m", "benchmarks.finishing", "--child", json.dumps(task)]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def measure(size: int, kind: str, seconds: int) -> dict[str, float]:
    """Send frames through the alignment and take the time.

    Args:
        size: Side of the frames, px.
        kind: Word of `KINDS`.
        seconds: Length, a multiple of `LOOP_S`.
    """
    from opensonic.post.sync.align import Alignment, align_chunks

    loop, speech = _talk(size, 0.0 if kind == "in_step" else LAG_S, seconds)
    if kind != "known":
        loop = [replace(chunk, landmarks=None) for chunk in loop]
    told, n_frames = Alignment(), seconds * FPS

    def chunks() -> Iterator[Chunk]:
        for _ in range(seconds // LOOP_S):
            yield from loop

    wall, cpu, n = time.perf_counter(), time.process_time(), 0
    for chunk in align_chunks(chunks(), speech, fps=float(FPS), n_frames=n_frames, told=told):
        n += len(chunk.frames)
    assert n == n_frames
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "delay_s": told.delay_s,
    }


def _talk(size: int, lag_s: float, seconds: int) -> tuple[list[Chunk], Speech]:
    """Draw `LOOP_S` of the bundled portrait, its lips early, and repeat the sound beside it."""
    import opensonic
    from opensonic.media.audio import cut_speech, read_speech
    from opensonic.motion.track import sample_track, track_of
    from opensonic.values import Chunk, Motion

    once = cut_speech(
        read_speech(str(files("opensonic") / "examples/speech.flac")), Fraction(LOOP_S)
    )
    heard = opensonic.hear_motion(once, fps=100)
    track = track_of(Motion(np.concatenate([part.values for part in heard.parts()]), heard.fps))
    early = replace(track, starts=track.starts - lag_s, times=track.times - lag_s)
    motion = Motion(sample_track(early, Fraction(FPS), LOOP_S * FPS), Fraction(FPS))
    video = opensonic.animate(
        str(files("opensonic") / "examples/portrait.png"),
        once,
        motion=motion,
        engine="mesh",
        min_resolution=size,
        align_lips=False,
    )
    loop = [Chunk(c.frames, None, c.landmarks) for c in video]
    sound = np.concatenate(list(once.blocks(16_000)))
    return loop, read_speech((np.tile(sound, seconds // LOOP_S), 16_000))


if __name__ == "__main__":
    main()
