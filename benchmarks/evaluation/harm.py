"""Videos harmed on purpose, each in one respect, and videos rendered with one fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

import opensonic
from opensonic.channels import INDEX
from opensonic.media.audio import read_speech
from opensonic.media.footage import probe, read_pictures
from opensonic.media.video import encode_video
from opensonic.values import Chunk, Motion, Speech

Image = npt.NDArray[np.uint8]
Sound = npt.NDArray[np.float32]

_BLUR = 1 / 200
_NOISE = 8.0
_LIGHT = 0.06
_JUMP = 0.05
_OPEN_JAW = 0.35
_TINT = 24.0


def _blurred(image: Image, number: int, last: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), image.shape[0] * _BLUR), np.uint8)


def _noisy(image: Image, number: int, last: Image) -> Image:
    noise = np.random.default_rng(number).normal(0, _NOISE, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _flickering(image: Image, number: int, last: Image) -> Image:
    light = 1 + _LIGHT * np.random.default_rng(number).uniform(-1, 1)
    return np.clip(image * light, 0, 255).astype(np.uint8)


def _repeating(image: Image, number: int, last: Image) -> Image:
    return last if number % 4 == 3 else image


def _freezing(image: Image, number: int, last: Image) -> Image:
    return last if number > 60 else image


def _jumping(image: Image, number: int, last: Image) -> Image:
    moved = round(image.shape[1] * _JUMP)
    return np.roll(image, moved, axis=1) if number % 50 == 25 else image


def _tinting(image: Image, number: int, last: Image) -> Image:
    return np.clip(image + np.array([1, -1, 0]) * _TINT * number / 250, 0, 255).astype(np.uint8)


PICTURES: dict[str, Callable[[Image, int, Image], Image]] = {
    "blurred": _blurred,
    "noise": _noisy,
    "flickering light": _flickering,
    "every 4th picture repeated": _repeating,
    "stands still from 2.4 s on": _freezing,
    "a jump every 2 s": _jumping,
    "slowly turning red": _tinting,
}
"""What is done to pictures: each gets the picture, its number and the last one that was written."""
SHIFTS = {"sound 200 ms late": 0.2, "sound 200 ms early": -0.2}
"""What is done to the sound: seconds by which it comes later."""


def read_sound(path: Path) -> tuple[Sound, int]:
    """Give all samples of a file, (N, C), and their rate in Hz."""
    speech = read_speech(path)
    return np.concatenate(list(speech.sound()), axis=1).T, speech.sample_rate


def shift_sound(sound: Sound, rate: int, by_s: float) -> Sound:
    """Let a sound, (N, C), come later; what is missing is silence."""
    silence = np.zeros((round(abs(by_s) * rate), sound.shape[1]), np.float32)
    if by_s >= 0:
        return np.concatenate([silence, sound])[: len(sound)]
    return np.concatenate([sound[len(silence) :], silence])


def write_harmed(
    source: Path,
    target: Path,
    harm: Callable[[Image, int, Image], Image] | None = None,
    sound: tuple[Sound, int] | None = None,
) -> None:
    """Write a video again, harmed.

    Args:
        source: The video.
        target: The harmed one, .mp4.
        harm: What is done to its pictures.
        sound: Another sound, (N, C) and its rate in Hz.
    """
    footage = probe(source)
    speech: Speech = read_speech(source if sound is None else sound)
    width, height = (side - side % 2 for side in footage.size)

    def frames() -> Iterator[Chunk]:
        last: Image | None = None
        for number, picture in enumerate(read_pictures(footage, max_side=None)):
            image = picture.image[:height, :width]
            last = image if harm is None or last is None else harm(image, number, last)
            yield Chunk(np.ascontiguousarray(last)[None])

    count = sum(1 for _ in read_pictures(footage, max_side=None))
    encode_video(
        frames(), target, fps=footage.fps, size=(width, height), n_frames=count, speech=speech
    )


def render(portrait: Path, sound: Path, target: Path, fault: str = "") -> None:
    """Render a video with the mesh engine, without or with a fault of the motion.

    Args:
        portrait: A picture.
        sound: A recording.
        target: The video, .mp4.
        fault: Word of `FAULTS`, or nothing.
    """
    video = opensonic.animate(str(portrait), str(sound), engine="mesh", min_resolution=512)
    if fault:
        parts = [chunk.motion.values for chunk in video if chunk.motion is not None]
        values = FAULTS[fault](np.concatenate(parts))
        motion = Motion(values.astype(np.float32), Fraction(25))
        video = opensonic.animate(
            str(portrait), str(sound), motion=motion, engine="mesh", min_resolution=512
        )
    video.save(target)


def _set(**channels: float) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
    def change(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        for name, value in channels.items():
            values[:, INDEX[name]] = value
        return values

    return change


def _wilder(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    for name in ("head_yaw", "head_pitch", "head_roll"):
        values[:, INDEX[name]] *= 3
    return values


_MOUTH_CLOSED = {"lip_press": 0.0, "mouth_close": 0.0, "upper_lip_raise": 0.0}

FAULTS = {
    "mouth stays open": _set(jaw_open=_OPEN_JAW, **_MOUTH_CLOSED),
    "mouth stays shut": _set(jaw_open=0, lower_lip_drop=0, **_MOUTH_CLOSED),
    "no blinks": _set(blink_left=0, blink_right=0),
    "still head": _set(head_yaw=0, head_pitch=0, head_roll=0, head_x=0, head_y=0, breath=0),
    "three times the head motion": _wilder,
}
"""Faults that motion can have."""
