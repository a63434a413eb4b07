"""The trial before lips are written: some of the footage is kept aside and measured on.

Whole speakers where there are enough, since better lips on known people prove little; and whatever
the network knew before must still be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from opensonic.metrics.closures import ClosureCounts, count_closures, find_spans
from opensonic.speech.mel import FRAME_RATE, N_MELS, level_rows
from opensonic.train.speech.finetune import correlate, draw_din
from opensonic.train.speech.model import N_SHAPES, SpeechNetwork
from opensonic.train.speech.targets import APERTURE_UNIT
from opensonic.train.speech.tracks import RealClip

_HELD_OUT_SHARE = 0.2
_MIN_UNITS = 3
_DIN_CHECKED = 24
_SURE = 0.4


@dataclass(frozen=True)
class Agreement:
    """How well lips from sound fit tracked ones: Pearson's r, mean over all seconds.

    Attributes:
        aperture: Of the opening.
        width: Of the width.
    """

    aperture: float
    width: float


def count_seconds(clips: Sequence[RealClip]) -> float:
    """Give the length of clips together, s."""
    return sum(len(clip.mel) for clip in clips) / FRAME_RATE


def hold_out(clips: Sequence[RealClip], seed: int) -> tuple[str, list[str], list[RealClip]]:
    """Choose about a fifth to measure on: whole speakers, else whole files, else the last parts.

    Args:
        clips: At least two.
        seed: The choice is drawn from it.

    Returns:
        "speakers", "files" or "parts"; their names; their clips.
    """
    for kind in ("speaker", "name"):
        names = sorted({str(getattr(clip, kind)) for clip in clips})
        if len(names) < _MIN_UNITS:
            continue
        kept: list[RealClip] = []
        taken: list[str] = []
        for place in np.random.default_rng(seed).permutation(len(names)):
            taken.append(names[place])
            kept += [clip for clip in clips if getattr(clip, kind) == names[place]]
            enough = count_seconds(kept) >= _HELD_OUT_SHARE * count_seconds(clips)
            if enough or len(taken) >= len(names) // _MIN_UNITS:
                break
        return ("speakers" if kind == "speaker" else "files"), sorted(taken), kept
    last = list(clips[-max(1, round(_HELD_OUT_SHARE * len(clips))) :])
    return "parts", sorted({f"the end of {clip.name}" for clip in last}), last


@torch.no_grad()
def _hear(network: SpeechNetwork, clip: RealClip) -> tuple[torch.Tensor, torch.Tensor]:
    rows = np.concatenate(list(level_rows(iter([clip.mel.astype(np.float32)]))))[:, :N_MELS]
    phones, mouth = network(torch.from_numpy(rows[None, : len(rows) // 2 * 2]))
    return phones[0], mouth[0]


def measure_agreement(network: SpeechNetwork, clips: Sequence[RealClip]) -> Agreement:
    """Correlate lips from sound with tracked ones, without any search for a lag."""
    sums = np.zeros(2)
    for clip in clips:
        mouth = _hear(network, clip)[1]
        true = np.stack([clip.aperture, clip.width])[:, : len(mouth)].astype(np.float32)
        r = correlate(mouth[:, :2].T, torch.from_numpy(true)).numpy()
        sums += len(mouth) * r
    rows = sum(len(clip.mel) // 2 * 2 for clip in clips)
    return Agreement(float(sums[0] / rows), float(sums[1] / rows))


def measure_kept(
    before: SpeechNetwork, after: SpeechNetwork, clips: Sequence[RealClip]
) -> tuple[float, float]:
    """Give the shares of phones and of closures on which two networks agree.

    A closure counts as kept within 40 ms; of lost and of added ones the larger share is told.
    """
    same = rows = 0
    closures = ClosureCounts()
    for clip in clips:
        (phones, mouth), (new_phones, new_mouth) = _hear(before, clip), _hear(after, clip)
        same += int((phones.argmax(-1) == new_phones.argmax(-1)).sum())
        rows += len(phones)
        old, new = (
            find_spans((torch.sigmoid(part[:, N_SHAPES]) > _SURE).numpy(), FRAME_RATE)
            for part in (mouth, new_mouth)
        )
        closures = closures.merge(count_closures(old, new))
    if not closures.true or not closures.found:
        return same / max(rows, 1), float(closures.true == closures.found)
    return same / max(rows, 1), min(closures.recall, closures.precision)


@torch.no_grad()
def measure_din_gap(network: SpeechNetwork) -> float:
    """Give the 99th percentile of the opening in sound without speech, e."""
    rows = draw_din(np.random.default_rng(0), _DIN_CHECKED)[0]
    opening = network(rows)[1][..., 0].clamp(min=0)
    return float(torch.quantile(opening, 0.99)) * APERTURE_UNIT
