"""Whisper's view of the speech: hidden states of all layers, 50 rows per second.

Whisper (arXiv 2212.04356), the tiny model's encoder as transformers builds it (tested with 5.23),
in blocks of 30 seconds, each padded with silence and turned into its own log-mel, so that a
recording of any length needs the memory of one block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from opensonic.engines.diffusion.dimensions import WhisperSizes

SAMPLE_RATE = 16_000
SAMPLES_PER_BLOCK = 30 * SAMPLE_RATE
SAMPLES_PER_ROW_PAIR = 640
"""Rows come in pairs, one pair per 40 ms."""

Sound = npt.NDArray[np.float32]


def build_encoder(sizes: WhisperSizes) -> WhisperEncoder:
    """Build the encoder with random weights, in evaluation mode, with the published key names."""
    return WhisperEncoder(WhisperConfig(**sizes.config())).eval()


def cut_blocks(sound: Iterable[Sound]) -> Iterator[Sound]:
    """Regroup mono sound at 16 kHz into blocks of 30 s; only the last may be shorter."""
    waiting: list[Sound] = []
    n_waiting = 0
    for piece in sound:
        left = piece
        while n_waiting + len(left) >= SAMPLES_PER_BLOCK:
            taken = SAMPLES_PER_BLOCK - n_waiting
            yield np.concatenate([*waiting, left[:taken]])
            waiting, n_waiting, left = [], 0, left[taken:]
        if len(left):
            waiting.append(left)
            n_waiting += len(left)
    if n_waiting:
        yield np.concatenate(waiting)


def log_mel(block: Sound, n_mels: int = 80) -> torch.Tensor:
    """Turn one block of at most 30 s, padded with silence, into Whisper's log-mel.

    Args:
        block: (N,) float32 mono at 16 kHz, full scale 1.
        n_mels: Bands.

    Returns:
        (1, n_mels, 3000) float32.
    """
    extract = WhisperFeatureExtractor(feature_size=n_mels)
    features = extract(block, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
    return torch.as_tensor(features, dtype=torch.float32)


def hidden_states(encoder: WhisperEncoder, mel: torch.Tensor) -> torch.Tensor:
    """Run the encoder once and keep what goes into each layer, and what comes out at the end.

    Args:
        encoder: From `build_encoder`, with L layers of width C.
        mel: (1, n_mels, 3000) float32.

    Returns:
        (1500, L + 1, C) float32; the last state is normalised.
    """
    inputs: list[torch.Tensor] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
        for layer in encoder.layers
    ]
    try:
        with torch.no_grad():
            last = encoder(mel.to(next(encoder.parameters()).device)).last_hidden_state
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack([*inputs, last], dim=2)[0]


def encode_sound(
    sound: Iterable[Sound], encoder: WhisperEncoder, *, whole_frames: bool
) -> Iterator[torch.Tensor]:
    """Encode a recording as a stream.

    Args:
        sound: Mono float32 pieces of any length, at 16 kHz.
        encoder: From `build_encoder`.
        whole_frames: Whether the last 40 ms count only when they are complete, as published.

    Yields:
        Rows of each block of 30 s: (n, L + 1, C), two for each 40 ms.
    """
    n_mels = encoder.config.num_mel_bins
    for block in cut_blocks(sound):
        ends_open = 0 if whole_frames else SAMPLES_PER_ROW_PAIR - 1
        n_rows = 2 * ((len(block) + ends_open) // SAMPLES_PER_ROW_PAIR)
        yield hidden_states(encoder, log_mel(block, n_mels))[:n_rows]
