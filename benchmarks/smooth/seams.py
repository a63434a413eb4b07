"""Faults in a clip of 12.5 frames per second, mended before it is doubled or after.

`python -m benchmarks.smooth.seams --clips DIR`: every second frame of videos of 25 frames per
second stands for what the sonic engine decodes. Faults are planted in it as a seam between windows
or runs of the decoder may leave them. Then it is doubled by flow, with mending before or after, and
held against the unharmed clip, doubled. Of each fault three frames of the video are looked at: the
frame itself and those that are made beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from benchmarks.smooth.harms import Frames, plant
from benchmarks.smooth.measures import psnr
from benchmarks.smooth.sources import read_clips

from opensonic.media.threads import OneThread
from opensonic.post.interpolate.flow import FlowBetween
from opensonic.post.smooth.stream import smooth_frames

KINDS = ("shifted", "light", "texture", "wrong time", "dropped")
"""Faults that are planted."""
SEEDS = (1, 2)


@dataclass
class Found:
    """What one order of mending and doubling found.

    Attributes:
        found: Faults that it found.
        false: Frames of unharmed places that it made anew.
        psnr_db: Mean PSNR of the three frames at each fault, dB.
    """

    found: int = 0
    false: int = 0
    psnr_db: list[float] = field(default_factory=list)


def double(frames: Frames) -> Frames:
    """Put a frame made by flow between each two: (T, H, W, 3) to (2T - 1, H, W, 3)."""
    between, out = FlowBetween(), [frames[0]]
    for first, second in pairwise(frames):
        out += [between(first[None], second[None], Fraction(1, 2))[0], second]
    return np.stack(out)


def mend(frames: Frames) -> tuple[Frames, list[int]]:
    """Mend a clip, and give the numbers of the frames that were made anew."""
    done = list(smooth_frames(frames))
    return np.stack([each.frame for each in done]), [
        k for k, each in enumerate(done) if each.is_new
    ]


def measure(frames: Frames, kind: str) -> Iterator[tuple[str, Found, int]]:
    """Plant faults of a kind in a clip, mend them in both orders, and give what came of it.

    Yields:
        The order's name, what it found, and how many faults count.
    """
    truth = double(frames)
    for seed in SEEDS:
        harmed = plant(frames, kind, seed)
        left = double(harmed.frames)
        first, early = mend(harmed.frames)
        after, late = mend(left)
        hits = {"before": [2 * k for k in early], "after": late, "not": []}
        videos = {"before": double(first), "after": after, "not": left}
        near = {k: range(2 * k - 1, 2 * k + 2) for k in harmed.places}
        for name, video in videos.items():
            result = Found(false=sum(all(n not in r for r in near.values()) for n in hits[name]))
            for place in harmed.counting:
                result.found += any(n in near[place] for n in hits[name])
                off = [psnr(video[k], truth[k]) for k in near[place]]
                result.psnr_db.append(float(np.mean(off)))
            yield name, result, len(harmed.counting)


def main() -> None:
    """Measure every clip of a folder and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, help="folder with videos of 25 fps")
    clips = [source.frames[::2] for source in read_clips(parser.parse_args().clips)]
    with OneThread():
        for kind in KINDS:
            sums = {name: Found() for name in ("not", "after", "before")}
            planted = 0
            for frames in clips:
                for name, result, count in measure(frames, kind):
                    planted += count if name == "not" else 0
                    sums[name].found += result.found
                    sums[name].false += result.false
                    sums[name].psnr_db += result.psnr_db
            for name, each in sums.items():
                print(
                    f"{kind:10} mended {name:6}: {each.found:3} of {planted:3} found, "
                    f"{each.false} false, {np.median(each.psnr_db):.1f} dB"
                )
        changed = [(len(mend(each)[1]), len(mend(double(each))[1])) for each in clips]
    print("unharmed, made anew before and after doubling:", *np.sum(changed, axis=0))


if __name__ == "__main__":
    main()
