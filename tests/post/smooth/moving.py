"""A small video that moves: a textured plate sways before a still wall."""

import cv2
import numpy as np

HEIGHT, WIDTH = 96, 128


def _texture(seed, height, width):
    noise = np.random.default_rng(seed).uniform(30, 220, (height // 6, width // 6, 3))
    return cv2.resize(noise.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)


def moving_video(n_frames=48, times=None):
    """(T, 96, 128, 3) uint8: the plate's place is a smooth function of the frame's number."""
    wall, plate = _texture(1, HEIGHT, WIDTH), _texture(2, 60, 60)
    frames = []
    for t in np.arange(n_frames, dtype=float) if times is None else times:
        x, y = 34 + 26 * np.sin(t / 9), 18 + 7 * np.sin(t / 5 + 1)
        shift = np.float32([[1, 0, x], [0, 1, y]])
        mask = cv2.warpAffine(np.ones((60, 60), np.float32), shift, (WIDTH, HEIGHT))
        moved = cv2.warpAffine(plate, shift, (WIDTH, HEIGHT))
        frame = wall * (1 - mask[..., None]) + moved * mask[..., None]
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    return np.stack(frames)


def error(frame, truth):
    """Mean absolute difference of two frames."""
    return float(np.abs(frame.astype(np.float32) - truth).mean())
