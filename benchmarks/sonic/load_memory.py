"""Memory to load a full-size UNet: `python -m benchmarks.sonic.load_memory [--folder DIR]`.

Writes a random checkpoint of the published names and shapes in float16 (3.2 GB) to a temporary
folder, loads it strictly in a process of its own, reads every weight once, and prints the largest
resident memory over the size of the file. Pages of the file that the system maps count too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path


def write_checkpoint(path: Path) -> None:
    """Write random weights of the full-size UNet in float16."""
    import torch
    from safetensors.torch import save_file

    from opensonic.engines.diffusion.dimensions import UNetSizes
    from opensonic.engines.diffusion.unet import SonicUNet

    with torch.device("meta"):
        shapes = {key: each.shape for key, each in SonicUNet(UNetSizes()).state_dict().items()}
    filled = {key: torch.empty(shape, dtype=torch.float16) for key, shape in shapes.items()}
    for each in filled.values():
        each.random_(-8, 8).mul_(2**-8)
    save_file(filled, path)


def measure_load(path: str, answer: multiprocessing.SimpleQueue[tuple[int, int, float]]) -> None:
    """Load a checkpoint strictly and report memory before and after, kB, and seconds."""
    import torch

    from opensonic.engines.diffusion.dimensions import UNetSizes
    from opensonic.engines.diffusion.model import load_network
    from opensonic.engines.diffusion.unet import SonicUNet

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    with torch.device("meta"):
        unet = SonicUNet(UNetSizes())
    load_network(unet, Path(path), name="unet", dtype=torch.float16)
    for weight in unet.parameters():
        weight.view(-1)[::1024].sum()  # touches every page
    seconds = time.monotonic() - started
    answer.put((before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, seconds))


def main() -> None:
    """Write, load and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where 3.2 GB may be written for a moment")
    folder = parser.parse_args().folder
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "unet.safetensors"
        writer = context.Process(target=write_checkpoint, args=(path,))
        writer.start()
        writer.join()
        answer: multiprocessing.SimpleQueue[tuple[int, int, float]] = context.SimpleQueue()
        reader = context.Process(target=measure_load, args=(str(path), answer))
        reader.start()
        before, after, seconds = answer.get()
        reader.join()
        size = path.stat().st_size
    print(f"file {size / 1e9:.2f} GB, {seconds:.1f} s to build, load and touch")
    print(f"process before loading {before * 1024 / 1e9:.2f} GB (PyTorch and diffusers imported)")
    print(f"peak {after * 1024 / 1e9:.2f} GB = {after * 1024 / size:.2f} of the file's size")


if __name__ == "__main__":
    main()
