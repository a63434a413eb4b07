"""Draw docs/images/demo.jpg, which the README shows, from real runs (needs scikit-image)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from skimage import data

import opensonic
from opensonic.channels import INDEX, inner_lip_gap

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "demo.jpg"
WIDTH, HEIGHT = 256, 288


def main() -> None:
    """Take telling frames of two videos and lay them out in two rows."""
    speech = str(files("opensonic") / "examples/speech.flac")
    drawn = opensonic.animate(str(files("opensonic") / "examples/portrait.png"), speech)
    photo = opensonic.animate(
        data.astronaut(), speech, crop=True, expand_ratio=0.45, min_resolution=512
    )
    rows = [
        np.hstack([_fit(frame) for frame in _telling_frames(video)]) for video in (drawn, photo)
    ]
    cv2.imwrite(str(PICTURE), np.vstack(rows)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def _telling_frames(video: opensonic.Video) -> list[np.ndarray]:
    motion = np.concatenate([c.motion.values for c in video if c.motion is not None])
    gap = inner_lip_gap(motion)
    blinks = motion[:, INDEX["blink_left"]]
    awake = blinks < 0.1
    wanted = sorted(
        {
            0,
            int(np.argmax(gap * awake)),
            int(np.argmax(motion[:, INDEX["lip_pucker"]] * (gap > 0.02) * awake)),
            int(np.argmax(motion[:, INDEX["lip_stretch"]] * (gap > 0.05) * awake)),
            int(np.argmax(blinks)),
        }
    )
    frames, start = {}, 0
    for chunk in video:
        for index in wanted:
            if start <= index < start + len(chunk.frames):
                frames[index] = chunk.frames[index - start].copy()
        start += len(chunk.frames)
    return [frames[index] for index in wanted]


def _fit(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    scale = max(WIDTH / width, HEIGHT / height)
    size = (round(width * scale), round(height * scale))
    resized = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    x, y = (size[0] - WIDTH) // 2, (size[1] - HEIGHT) // 3
    return resized[y : y + HEIGHT, x : x + WIDTH]


if __name__ == "__main__":
    main()
