"""SyncNet's figures of a video while it goes by: crops, embeddings, and the sound at the end.

The embeddings of the lips wait in a file of no name until the sound is known (100 KB a second);
memory stays flat.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np
import numpy.typing as npt

from opensonic.errors import EncodeError
from opensonic.metrics.evaluation import Row, Sight
from opensonic.metrics.networks.lacks import LIP_SYNC, lacking_rows
from opensonic.metrics.networks.lip_crops import Crop, Image, LipCrops
from opensonic.metrics.networks.lse import LagDistances, LipSync, score_tracks
from opensonic.metrics.networks.mfcc import N_COEFFICIENTS, SAMPLE_RATE, read_mfcc
from opensonic.metrics.networks.steady import RATE, Steady
from opensonic.metrics.networks.syncnet import N_COLUMNS, N_PICTURES, SyncNet
from opensonic.metrics.scales import make_row
from opensonic.values import Speech

MIN_LOOKS = 20
"""Shortest track that counts, in looks of five pictures each."""
SHORT_TRACK = 100
"""Tracks below this length, in pictures, are left out by the published pipeline."""

_BATCH = 16
_COLUMNS_PER_SLOT = 4
_IN_MEMORY = 32_000_000


class LipSyncObserver:
    """LSE-D, LSE-C and SyncNet's lag of one video.

    Args:
        network: The network with its weights.
    """

    def __init__(self, network: SyncNet) -> None:
        self._network = network
        self._steady: Steady[Sight] = Steady()
        self._crops = LipCrops()
        self._window: deque[Image] = deque(maxlen=N_PICTURES)
        self._batch: list[npt.NDArray[np.uint8]] = []
        self._tracks: list[list[int]] = []  # first slot and number of looks
        self._kept: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        self._width = 0

    def look(self, sight: Sight, reference: Sight | None) -> None:
        """Look at the next picture; the reference is of no interest."""
        for slot, shown in self._steady.push(sight.time_s, sight):
            self._take(slot, shown)

    def rows(self, speech: Speech | None, lag_s: float | None) -> Sequence[Row]:
        """Give the three figures."""
        for slot, shown in self._steady.finish():
            self._take(slot, shown)
        self._look_all(self._crops.finish())
        self._embed()
        if speech is None:
            self._kept.close()
            return lacking_rows("the video has no sound", LIP_SYNC)
        with self._kept:
            found = self._score(speech)
        if found is None:
            return lacking_rows("no face is followed for a second while sound plays", LIP_SYNC)
        longest = max(n for _, n in self._tracks) + N_PICTURES - 1
        note = f"{found.n_looks / RATE:.0f} s of lips"
        if longest < SHORT_TRACK:
            note += "; papers leave out faces that are seen for less than 4 s at a stretch"
        return (
            make_row("lse_d", found.distance, note),
            make_row("lse_c", found.confidence, note),
            make_row("syncnet_lag", 1000 * found.lag_s, "in whole pictures of 40 ms"),
        )

    def _take(self, slot: int, sight: Sight) -> None:
        box = sight.face.box if sight.face else None
        self._look_all(self._crops.push(slot, sight.image, box, sight.shot))

    def _look_all(self, crops: Iterator[Crop]) -> None:
        for crop in crops:
            if crop.begins:
                self._window.clear()
            self._window.append(crop.image)
            if len(self._window) < N_PICTURES:
                continue
            first = crop.slot - N_PICTURES + 1
            if not self._tracks or sum(self._tracks[-1]) != first:
                self._tracks.append([first, 0])
            self._tracks[-1][1] += 1
            self._batch.append(np.stack(self._window))
            if len(self._batch) == _BATCH:
                self._embed()

    def _embed(self) -> None:
        if self._batch:
            lips = self._network.embed_lips(np.stack(self._batch))
            self._width = lips.shape[1]
            self._keep(lips.astype(np.float32).tobytes())
            self._batch.clear()

    def _keep(self, numbers: bytes) -> None:
        """Write to the temporary file.

        Raises:
            EncodeError: It is full.
        """
        try:
            self._kept.write(numbers)
        except OSError as error:
            raise EncodeError(
                f"{tempfile.gettempdir()}: the numbers of SyncNet cannot be kept there "
                f"({error.strerror}); make room, set TMPDIR, or evaluate with --no-networks"
            ) from error

    def _score(self, speech: Speech) -> LipSync | None:
        self._kept.seek(0)
        sounds = self._sounds(speech)
        slot, sound = next(sounds, (-1, None))
        scored = []
        for first, n_looks in self._tracks:
            distances = LagDistances()
            for wanted in range(first, first + n_looks):
                lips = np.frombuffer(self._kept.read(4 * self._width), np.float32)
                while sound is not None and slot < wanted:
                    slot, sound = next(sounds, (-1, None))
                if sound is not None:
                    distances.push(lips, sound)
            scored.append(distances.finish())
        return score_tracks((d, n) for d, n in scored if n >= MIN_LOOKS)

    def _sounds(self, speech: Speech) -> Iterator[tuple[int, npt.NDArray[np.float32] | None]]:
        """Give the sound of each slot, embedded, as far as it fills the 0.2 s after it."""
        rows = np.zeros((0, N_COEFFICIENTS), np.float32)
        slot = 0
        for more in read_mfcc(speech.blocks(SAMPLE_RATE)):
            rows = np.concatenate([rows, more])
            n_slots = (len(rows) - N_COLUMNS) // _COLUMNS_PER_SLOT + 1
            if n_slots <= 0:
                continue
            windows = np.lib.stride_tricks.sliding_window_view(rows, N_COLUMNS, axis=0)
            windows = windows[: n_slots * _COLUMNS_PER_SLOT : _COLUMNS_PER_SLOT]
            for start in range(0, n_slots, _BATCH):
                batch = windows[start : start + _BATCH].transpose(0, 2, 1).copy()
                for sound in self._network.embed_sound(batch):
                    yield slot, sound
                    slot += 1
            rows = rows[n_slots * _COLUMNS_PER_SLOT :]
