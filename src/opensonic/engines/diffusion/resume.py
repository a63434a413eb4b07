"""Finished work that outlives a stopped run: a state file, and a Ctrl-C that waits for a window.

The file holds the latents (about 0.4 MB per second of video at 512 px) and a fingerprint of
everything that decides the result, part by part, so that a message can say what differs. It is
written in one step and never taken for another video's.
"""

from __future__ import annotations

import hashlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

from opensonic.engines.diffusion.state import SamplerState
from opensonic.errors import EncodeError, InputError, WeightsError
from opensonic.weights.headers import read_header

Fingerprint = Mapping[str, str]
"""SHA-256 of each part of what decides the result: picture, sound, settings, weights."""

PAUSE_S = 30.0
"""Seconds between two savings at least; more where saving takes long."""
_SAMPLE_BYTES = 1 << 12


class StateFile:
    """Where the state of a run is kept.

    Args:
        path: The file; its folder exists.
        fingerprint: Of the run.
    """

    def __init__(self, path: Path, fingerprint: Fingerprint) -> None:
        self.path = path
        self._fingerprint = dict(fingerprint)
        self._pause_s = PAUSE_S
        self._saved_at = time.monotonic()

    def load(self) -> SamplerState | None:
        """Read the state; None where there is none yet.

        Raises:
            InputError: The file is of another video, or is none of ours.
        """
        if not self.path.exists():
            return None
        try:
            told = read_header(self.path).notes
        except WeightsError as error:
            raise InputError(
                f"{self.path}: is no finished work of a stopped run ({error}); delete it"
            ) from error
        differing = [k for k, value in self._fingerprint.items() if told.get(k) != value]
        if differing:
            raise InputError(
                f"{self.path}: is finished work of another video: {_listed(differing)}; delete it "
                "to start anew, or choose another output"
            )
        return SamplerState.load(self.path)

    def save(self, state: SamplerState) -> None:
        """Write the state.

        Raises:
            EncodeError: It cannot be written.
        """
        started = time.monotonic()
        try:
            state.save(self.path, notes=self._fingerprint)
        except OSError as error:
            raise EncodeError(
                f"{self.path}: finished work cannot be kept there ({error}); make room, choose "
                "another output, or leave --resume out"
            ) from error
        self._saved_at = time.monotonic()
        self._pause_s = max(PAUSE_S, 20 * (self._saved_at - started))

    def save_now_and_then(self, state: SamplerState) -> None:
        """Write the state unless that was done a moment ago."""
        if time.monotonic() - self._saved_at >= self._pause_s:
            self.save(state)


def _listed(parts: list[str]) -> str:
    if len(parts) == 1:
        return f"its {parts[0]} {'differ' if parts[0].endswith('s') else 'differs'}"
    return f"its {', '.join(parts[:-1])} and {parts[-1]} differ"


@contextmanager
def held_signals() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C and SIGTERM wait until they are asked for; a second one stops at once.

    Only the main thread can do this; elsewhere they act as ever.

    Yields:
        A function that lets the signal that came, if one did, do what it does.
    """
    came: list[tuple[Callable[..., Any], int, FrameType | None]] = []
    before: dict[int, Any] = {}

    def hold(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before[number])
        came.append((before[number], number, frame))

    def release() -> None:
        if came:
            act, number, frame = came[0]
            act(number, frame)

    if threading.current_thread() is threading.main_thread():
        for number in (int(signal.SIGINT), int(signal.SIGTERM)):
            if callable(handler := signal.getsignal(number)):
                before[number] = handler
                signal.signal(number, hold)
    try:
        yield release
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def digest_picture(image: npt.NDArray[np.uint8], box: npt.NDArray[np.float32], *more: int) -> str:
    """Give the SHA-256 of a picture, the face in it, and numbers such as its size in the network.

    Args:
        image: (H, W, 3) uint8, RGB.
        box: (4,) float32.
        more: Numbers.
    """
    digest = hashlib.sha256(json.dumps([image.shape, *more]).encode())
    digest.update(np.ascontiguousarray(image).data)
    digest.update(box.tobytes())
    return digest.hexdigest()


def digest_sound(blocks: Iterable[npt.NDArray[np.float32]]) -> str:
    """Give the SHA-256 of mono sound, however it is cut into blocks."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(np.ascontiguousarray(block, np.float32).data)
    return digest.hexdigest()


def digest_settings(values: Mapping[str, Any]) -> str:
    """Give the SHA-256 of settings by name."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


def digest_files(files: Iterable[Path]) -> str:
    """Give a SHA-256 of safetensors files from the beginning of every tensor.

    Not all of 6 GB is read; training changes a tensor from its beginning on.

    Raises:
        WeightsError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for path in files:
        header = read_header(path)
        digest.update(json.dumps([header.shapes, header.dtypes], sort_keys=True).encode())
        try:
            with path.open("rb") as file:
                for _, (first, after) in sorted(header.places.items()):
                    file.seek(first)
                    digest.update(file.read(min(after - first, _SAMPLE_BYTES)))
        except OSError as error:
            raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()
