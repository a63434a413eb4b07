"""Tracks and spectrograms of videos, kept in a work folder so that a second run is quick.

Of the pictures and of the sound itself nothing is kept. Another file of the same name, or a changed
one, is tracked anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensonic.media.audio import read_speech
from opensonic.media.files import part_file, write_errors
from opensonic.media.footage import Picture, read_pictures
from opensonic.progress import Progress, Report
from opensonic.speech.mel import N_MELS, SAMPLE_RATE, log_mel
from opensonic.train.speech.footage import MAX_RATE, Video, look_into
from opensonic.train.speech.tracker import Track, track_lips

_VERSION = 1
"""Raised whenever tracking changes, so that what was kept before is made anew."""


def read_track(video: Video, work: Path, stage: str, progress: Progress) -> Track:
    """Track a video, or give the track that is kept of it.

    Args:
        video: The file.
        work: The folder of what is kept.
        stage: What reports of progress call this work.
        progress: Told about the seconds of video that are done.

    Raises:
        InputError: The file holds no moving picture or no sound; the message is the bare reason.
        EncodeError: The work folder cannot be written to.
    """
    path = work / f"{video.key()}-{_VERSION}.npz"
    if not path.is_file():
        footage = look_into(video)
        total = max(2, round(footage.duration_s))

        def pictures() -> Iterator[Picture]:
            for picture in read_pictures(footage, max_rate=MAX_RATE):
                yield picture
                progress(Report(stage, round(picture.time_s), total))

        track = track_lips(pictures())
        with write_errors(path), part_file(path) as part:
            np.savez(part, **asdict(track))
            part.replace(path)
    with np.load(path) as data:
        return Track(**{name: data[name] for name in data.files})


def read_mel(video: Video, work: Path) -> npt.NDArray[np.float16]:
    """Give the log-mel of a video's sound, read from the work folder where it is needed.

    Args:
        video: The file.
        work: The folder of what is kept.

    Returns:
        (T, 64) float16 natural logarithm of power, a memory map.

    Raises:
        InputError: There is no sound that can be decoded.
        EncodeError: The work folder cannot be written to.
    """
    path = work / f"{video.key()}-{_VERSION}.mel"
    if not path.is_file():
        sound = read_speech(video.path)
        with write_errors(path), part_file(path) as part:
            with part.open("wb") as file:
                for rows in log_mel(sound.blocks(SAMPLE_RATE)):
                    file.write(rows.astype(np.float16).tobytes())
            part.replace(path)
    return np.memmap(path, np.float16, "r").reshape(-1, N_MELS)
