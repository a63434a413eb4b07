"""What the model keeps of a recording: a few numbers per frame, made in one pass.

Sonic (arXiv 2411.16331): frames come at 12.5 per second, every four rows of Whisper. A frame's
audio tokens are made of the rows from 80 ms before to 120 ms after its start, its motion buckets of
the second around it. Where a window reaches beyond the recording, rows are zero. Kept are the
buckets and the condensed tokens, 52 kB per second at full size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from opensonic.engines.diffusion.audio_tokens import AudioTokenNetwork
from opensonic.engines.diffusion.buckets import BucketNetwork
from opensonic.engines.diffusion.whisper import Sound, encode_sound
from opensonic.errors import InputError

ROWS_PER_FRAME = 4
SAMPLES_PER_FRAME = 1280
TOKEN_LEAD = 4
"""Rows before a frame's start that its tokens are made of."""
BUCKET_LEAD = 24
"""The same for its buckets."""
BUCKET_TAIL = 26
COMPAT_MAX_ROWS = 20_000
"""As published, at most 400 s are heard."""


class ClipTokens:
    """The audio tokens of a clip, made when they are asked for.

    Args:
        network: Makes them.
        condensed: (F, hidden) float32 from `AudioTokenNetwork.condense`.
    """

    def __init__(self, network: AudioTokenNetwork, condensed: torch.Tensor) -> None:
        self._network = network
        self._condensed = condensed
        self.n_frames = len(condensed)

    def of_frames(self, frames: tuple[int, ...]) -> torch.Tensor:
        """Give the tokens of some frames: (n, tokens, dim) float32."""
        with torch.no_grad():
            rows = self._condensed[list(frames)].to(self._network.proj3.weight.device)
            return self._network.expand(rows)

    def of_silence(self) -> torch.Tensor:
        """Give the unconditional tokens: (1, tokens, dim) float32."""
        with torch.no_grad():
            return self._network.expand(self._network.condense_silence())[None]


@dataclass(frozen=True, eq=False)
class Heard:
    """What was heard.

    Attributes:
        tokens: The audio tokens of F frames.
        buckets: (F, 2) float32 translation and expression bucket, on the host.
    """

    tokens: ClipTokens
    buckets: torch.Tensor


def hear_clip(
    sound: Iterable[Sound],
    encoder: WhisperEncoder,
    token_network: AudioTokenNetwork,
    bucket_network: BucketNetwork,
    embedding: torch.Tensor,
    *,
    compat: bool = False,
) -> Heard:
    """Listen to a recording, once.

    Args:
        sound: Mono float32 pieces of any length, at 16 kHz.
        encoder: Whisper's encoder.
        token_network: Makes audio tokens.
        bucket_network: Makes motion buckets.
        embedding: (1, clip_channels) CLIP embedding of the picture.
        compat: Whether to hear what the published program hears: whole frames of 80 ms only, and
            less silence around recordings shorter than half a second.

    Returns:
        What to show, for every frame that the sound reaches (in `compat`: that it fills).

    Raises:
        InputError: There is no sound, or in `compat` too little of it.
    """
    condensed, buckets = [], []
    embedding = embedding.to(bucket_network.proj1.weight)
    with torch.no_grad():
        for token_windows, bucket_windows in frame_windows(sound, encoder, compat=compat):
            condensed.append(token_network.condense(token_windows).cpu())
            buckets.append(bucket_network.predict_buckets(bucket_windows, embedding).cpu())
    return Heard(ClipTokens(token_network, torch.cat(condensed)), torch.cat(buckets))


def frame_windows(
    sound: Iterable[Sound], encoder: WhisperEncoder, *, compat: bool
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Cut the windows of the frames, as the recording streams by.

    Yields:
        Of some consecutive frames, (n, 10, L + 1, C) windows for the tokens and (n, 50, C) windows
        of the last state for the buckets.

    Raises:
        InputError: There is no sound, or in `compat` too little of it.
    """
    counted = _CountedSound(sound)
    lead = BUCKET_LEAD
    buffer: torch.Tensor | None = None
    n_rows = n_done = 0
    for rows in encode_sound(counted, encoder, whole_frames=compat):
        rows = rows[: COMPAT_MAX_ROWS - n_rows] if compat else rows
        if buffer is None:
            lead = min(lead, len(rows)) if compat else lead
            buffer = rows.new_zeros(lead, *rows.shape[1:])
        n_rows += len(rows)
        buffer = torch.cat([buffer, rows])
        n_ready = (len(buffer) - BUCKET_LEAD - BUCKET_TAIL) // ROWS_PER_FRAME
        if n_ready > 0:
            yield _cut(buffer, n_ready, lead)
            buffer, n_done = buffer[n_ready * ROWS_PER_FRAME :], n_done + n_ready
        if compat and n_rows == COMPAT_MAX_ROWS:
            break
    n_frames = n_rows // ROWS_PER_FRAME if compat else -(-counted.n_samples // SAMPLES_PER_FRAME)
    tail = min(BUCKET_TAIL, n_rows) if compat else BUCKET_TAIL + ROWS_PER_FRAME
    left = n_frames - n_done
    if buffer is None or not n_frames or _rows_needed(left) > len(buffer) + tail:
        raise InputError(
            f"the recording has {counted.n_samples / 16_000:.3f} s of sound; expected "
            f"{'at least 0.44 s in compat mode' if compat else 'some'}"
        )
    if left:
        yield _cut(torch.cat([buffer, buffer.new_zeros(tail, *buffer.shape[1:])]), left, lead)


def _rows_needed(n_frames: int) -> int:
    return (n_frames - 1) * ROWS_PER_FRAME + BUCKET_LEAD + BUCKET_TAIL if n_frames else 0


def _cut(rows: torch.Tensor, n_frames: int, lead: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut the windows of the first frames of rows that begin `lead` rows before frame 0."""
    around = rows[: _rows_needed(n_frames), -1].unfold(0, BUCKET_LEAD + BUCKET_TAIL, ROWS_PER_FRAME)
    first = lead - TOKEN_LEAD
    size = 2 * TOKEN_LEAD + 2
    near = rows[first : first + (n_frames - 1) * ROWS_PER_FRAME + size]
    near = near.unfold(0, size, ROWS_PER_FRAME)
    return near.permute(0, 3, 1, 2), around.permute(0, 2, 1)


class _CountedSound:
    """Hands sound on and counts its samples."""

    def __init__(self, sound: Iterable[Sound]) -> None:
        self._sound = sound
        self.n_samples = 0

    def __iter__(self) -> Iterator[Sound]:
        for piece in self._sound:
            self.n_samples += len(piece)
            yield piece
