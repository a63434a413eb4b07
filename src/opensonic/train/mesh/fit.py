"""Train one network of the face mesh on one CPU core.

    python -m opensonic.train.mesh.fit --faces DIR --network fine --minutes 55 --out fine.pt

The learning rate follows the share of the time that is used up, so a run ends when it is told to.
Only rows of the train split and of the source classes A and C are read for training.
"""

import argparse
import copy
import logging
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from opensonic.face.crop import crop_image, map_points
from opensonic.face.topology import EYE_CORNERS, FLIP
from opensonic.train.mesh.augment import jitter_matrix, repaint_border, spoil_picture
from opensonic.train.mesh.faces import TRAIN_SPLIT, VALIDATION_SPLIT, FaceRows, read_faces
from opensonic.train.mesh.network import PointNetwork
from opensonic.train.mesh.tasks import TASKS, Task

log = logging.getLogger(__name__)

BATCH = 32
PEAK_RATE = 2e-3
WEIGHT_DECAY = 0.03
WARM_UP = 0.03
EMA_DECAY = 0.998
DEPTH_WEIGHT = 0.2
CHECK_EVERY_S = 240.0


def sample_weights(faces: FaceRows) -> NDArray[np.float64]:
    """Return how often each row is drawn: closed eyes, open mouths and turned heads more often."""
    weights = np.ones(len(faces))
    weights[faces.eye_open.min(axis=1) < 0.15] += 1.0
    weights[faces.mouth_open > 0.3] += 0.5
    weights[np.abs(faces.yaw) > 30] += 0.7
    weights /= weights.sum()
    return weights


def make_sample(
    rng: Generator, faces: FaceRows, row: int, task: Task, *, spoil: bool
) -> tuple[NDArray[np.uint8], NDArray[np.float32], float]:
    """Cut one crop with its true points.

    Args:
        rng: Source of chance.
        faces: Rows to draw from.
        row: Which row.
        task: The network's task.
        spoil: Whether to repaint, mirror and degrade (training) or only to miss the mark.

    Returns:
        Crop (S, S, 3) uint8, points (P, 3) float32 in sides with the origin in the middle, and
        the crop's side in distances of the outer eye corners.
    """
    landmarks, image, size = faces.landmarks[row], faces.images[row], task.shape.size
    mirror = bool(rng.random() < 0.5)
    frame = task.frame(landmarks, mirror)
    matrix, side = jitter_matrix(rng, frame, task.jitter, size, mirror=mirror)
    if spoil and rng.random() < 0.5:
        image = repaint_border(rng, image, faces.valid[row])
    crop = crop_image(image, matrix, size)
    if spoil:
        crop = spoil_picture(rng, crop)
    chosen = landmarks[FLIP[task.points] if mirror else task.points]
    depth = chosen[:, 2] if len(chosen) == len(landmarks) else chosen[:, 2] - chosen[:, 2].mean()
    flat = map_points(chosen[:, :2], matrix) / size - 0.5
    points = np.column_stack([flat, depth / side]).astype(np.float32)
    right, left = landmarks[list(EYE_CORNERS)]
    return crop, points, side / float(np.linalg.norm(left - right))


def make_batch(
    rng: Generator, faces: FaceRows, rows: NDArray[np.int64], task: Task, *, spoil: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Stack samples: crops (B, S, S, 3) uint8, points (B, P, 3), sides (B,) in eye distances."""
    samples = [make_sample(rng, faces, int(row), task, spoil=spoil) for row in rows]
    crops, points, sides = zip(*samples, strict=True)
    return (
        torch.from_numpy(np.stack(crops)),
        torch.from_numpy(np.stack(points)),
        torch.tensor(sides, dtype=torch.float32),
    )


def point_loss(found: Tensor, true: Tensor, sides: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean distance of the points in eye distances, plus a share of depth."""
    offset = (found - true) * sides[:, None, None]
    flat = (offset[..., :2].square().sum(-1) + 1e-6).sqrt()
    return ((flat + DEPTH_WEIGHT * offset[..., 2].abs()) * weights).mean()


def learning_rate(share: float) -> float:
    """Return the rate at a share (0 to 1) of the time: a short rise, then half a cosine."""
    if share < WARM_UP:
        return PEAK_RATE * (share / WARM_UP + 0.02)
    return PEAK_RATE * (0.5 + 0.5 * math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP))) + 1e-6


def measure(network: PointNetwork, faces: FaceRows, task: Task) -> float:
    """Return the mean flat error in % of the eye distance over crops that miss the mark."""
    rng = np.random.default_rng(0)
    errors = []
    network.eval()
    with torch.inference_mode():
        for start in range(0, len(faces), 64):
            rows = np.arange(start, min(start + 64, len(faces)))
            crops, points, sides = make_batch(rng, faces, rows, task, spoil=False)
            gaps = (network(crops) - points)[..., :2].norm(dim=-1) * sides[:, None]
            errors.append(gaps.mean(dim=1))
    return 100 * float(torch.cat(errors).mean())


def fit_network(faces: FaceRows, checks: FaceRows, task: Task, args: argparse.Namespace) -> None:
    """Train until the time is used up; writes the averaged weights, and now and then before."""
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    network = PointNetwork(task.shape)
    shapes = [
        make_sample(rng, faces, int(row), task, spoil=False)[1]
        for row in rng.integers(0, len(faces), 2500)
    ]
    network.start_from_shapes(np.stack(shapes))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )
    weights = torch.from_numpy(task.weights)
    odds = sample_weights(faces)
    started = checked = time.monotonic()
    budget_s = args.minutes * 60
    step, recent = 0, 0.0
    while (elapsed := time.monotonic() - started) < budget_s:
        optimizer.param_groups[0]["lr"] = learning_rate(elapsed / budget_s)
        rows = rng.choice(len(faces), BATCH, p=odds)
        crops, points, sides = make_batch(rng, faces, rows, task, spoil=True)
        network.train()
        loss = point_loss(_forward(network, crops), points, sides, weights)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        recent += (float(loss.detach()) - recent) / min(step, 200)
        _follow(average, network, min(EMA_DECAY, step / (step + 10)))
        if time.monotonic() - checked > CHECK_EVERY_S:
            checked = time.monotonic()
            torch.save(average.state_dict(), args.out)
            log.info(
                "%.1f min, step %d, loss %.4f, validation %.2f %%",
                *(elapsed / 60, step, recent, measure(average, checks, task)),
            )
    torch.save(average.state_dict(), args.out)
    error = measure(average, checks, task)
    log.info("done: %d steps, loss %.4f, validation %.2f %%", step, recent, error)


def _forward(network: PointNetwork, crops: Tensor) -> Tensor:
    """Run the trunk in bfloat16 and the head, where its rounding would show, in float32."""
    pixels = crops.permute(0, 3, 1, 2).float() / 127.5 - 1.0
    with torch.autocast("cpu", torch.bfloat16):
        features = network.trunk(pixels)
    return network.read_points(features.float())


@torch.no_grad()
def _follow(average: PointNetwork, network: PointNetwork, decay: float) -> None:
    """Move the averaged weights towards the present ones."""
    for old, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - decay)


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="folder of labelled faces")
    parser.add_argument("--network", choices=TASKS, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True, help="file for the weights (.pt)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    faces = read_faces(args.faces, TRAIN_SPLIT)
    checks = read_faces(args.faces, VALIDATION_SPLIT)
    log.info("%s: %d rows to train, %d to check", args.network, len(faces), len(checks))
    fit_network(faces, checks, TASKS[args.network], args)


if __name__ == "__main__":
    main()
