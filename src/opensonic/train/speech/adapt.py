"""Lips learnt from the user's own footage, starting from the network of the package.

No corpus is needed. Opening and width learn from the tracks; what else the network knows is kept by
learning without forgetting (Li & Hoiem, arXiv 1606.09282): the network as it was is the teacher of
phones, closures, jaw and tongue on the footage's own sound, and of everything in din, where nobody
speaks. With little footage it also holds opening and width back. A trial with some speakers kept
aside tells whether it got better on people it has not seen; what is written then learns from
everybody.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from opensonic.errors import InputError
from opensonic.media.files import part_file, write_errors
from opensonic.progress import Progress, Report, ignore
from opensonic.speech.mel import FRAME_RATE
from opensonic.train.speech.export import export_network
from opensonic.train.speech.finetune import draw_din, lips_loss, warp_clip
from opensonic.train.speech.model import N_SHAPES, SpeechNetwork
from opensonic.train.speech.pretrain import Average
from opensonic.train.speech.shipped import read_network
from opensonic.train.speech.tracks import RealClip
from opensonic.train.speech.trial import (
    Agreement,
    count_seconds,
    hold_out,
    measure_agreement,
    measure_din_gap,
    measure_kept,
)
from opensonic.weights import weights_path

LEAST_GAIN = 0.005
"""Gain of the opening's r on what was kept aside under which the lips count as not better."""

_FEW_STEPS, _MANY_STEPS, _STEPS_PER_HOUR = 100, 300, 400
_WARMUP = 10
_AVERAGING = 0.98
_TEMPERATURE = 2.0
_KEEP_SHAPES, _KEEP_SURE = 3.0, 4.0
_ROOT_MINUTES = 3.0
"""Sum of the roots of all speakers' minutes at which the old lips count half."""

Heard = tuple[torch.Tensor, torch.Tensor]
"""(B, T, 40) phone logits and (B, T, 6) mouth outputs."""


@dataclass(frozen=True)
class AdaptationPlan:
    """How much and how to learn.

    Attributes:
        steps: Optimiser steps; None takes 100 to 300, more the more footage there is.
        real: Crops of 3 s of the footage per step.
        din: Crops without speech per step.
        learning_rate: Peak of the cosine.
        seed: Everything is drawn from it.
        min_s: Seconds of usable footage under which nothing is learnt.
        even_if_worse: Write the result also where the trial shows no gain.
    """

    steps: int | None = None
    real: int = 10
    din: int = 3
    learning_rate: float = 2e-4
    seed: int = 1
    min_s: float = 30.0
    even_if_worse: bool = False


@dataclass(frozen=True)
class Outcome:
    """What learning brought.

    Attributes:
        held_out: Speakers (or files, or parts of files) that the trial kept aside.
        held_out_kind: What these are: "speakers", "files" or "parts".
        held_out_s: Their length, s.
        before: Agreement of the package's network with them.
        after: The same once it has learnt from the others.
        phones_kept: Share of their rows in which the likeliest phone stayed the same.
        closures_kept: Share of their closures of p, b, m on which both networks agree.
        din_gap: 99th percentile of the opening in sound without speech, e; before and after.
        steps: Optimiser steps.
        sha256: Of the file that was written.
    """

    held_out: tuple[str, ...]
    held_out_kind: str
    held_out_s: float
    before: Agreement
    after: Agreement
    phones_kept: float
    closures_kept: float
    din_gap: tuple[float, float]
    steps: int
    sha256: str


def adapt_lips(
    clips: Sequence[RealClip],
    out: Path,
    work: Path,
    plan: AdaptationPlan | None = None,
    progress: Progress = ignore,
) -> Outcome:
    """Learn from clips, first as a trial, then from all of them, and write the network.

    Args:
        clips: What `survey.survey_folder` found.
        out: The ONNX file; it appears when it is whole.
        work: Folder for what is written on the way; nothing of it stays.
        plan: How much and how.
        progress: Told about the steps.

    Raises:
        InputError: There is too little footage, or the trial shows no gain.
        WeightsError: The package's network cannot be read.
        EncodeError: The result, or something on the way, cannot be written.
    """
    plan = plan or AdaptationPlan()
    total_s = count_seconds(clips)
    if total_s < plan.min_s or len(clips) < 2:
        raise InputError(
            f"{total_s:.0f} s of the footage can be used; expected at least {plan.min_s:.0f} s, "
            "better some minutes of several people; add videos, or see above why others are dropped"
        )
    steps = plan.steps or round(min(_MANY_STEPS, _FEW_STEPS + _STEPS_PER_HOUR * total_s / 3600))
    shipped = read_network(weights_path("speech"))
    kind, names, kept = hold_out(clips, plan.seed)
    rest = [clip for clip in clips if not any(clip is other for other in kept)]
    tried = _learn(shipped, rest, steps, plan, "learning (trial)", progress)
    before, after = measure_agreement(shipped, kept), measure_agreement(tried, kept)
    if after.aperture < before.aperture + LEAST_GAIN and not plan.even_if_worse:
        raise InputError(
            f"the lips did not get better: on {kind} kept aside ({', '.join(names)}) r of the "
            f"opening was {before.aperture:.3f} before and {after.aperture:.3f} after; nothing is "
            "written; more people and minutes help, --even-if-worse writes it all the same"
        )
    phones_kept, closures_kept = measure_kept(shipped, tried, kept)
    final = _learn(shipped, clips, steps, plan, "learning", progress)
    digest = _write(final, out, work)
    return Outcome(
        held_out=tuple(names),
        held_out_kind=kind,
        held_out_s=count_seconds(kept),
        before=before,
        after=after,
        phones_kept=phones_kept,
        closures_kept=closures_kept,
        din_gap=(measure_din_gap(shipped), measure_din_gap(final)),
        steps=steps,
        sha256=digest,
    )


def _write(network: SpeechNetwork, out: Path, work: Path) -> str:
    """Write a network as ONNX by way of the work folder; give the SHA-256 of the file."""
    state = io.BytesIO()  # not to a path: PyTorch does not say OSError where the disk is full
    torch.save(network.state_dict(), state)
    weights_name, onnx_name = work / "adapted.pt", work / "adapted.onnx"
    with part_file(weights_name) as weights, part_file(onnx_name) as exported:
        with write_errors(onnx_name):
            weights.write_bytes(state.getvalue())
            digest = export_network(weights, exported)
            content = exported.read_bytes()
        with write_errors(out), part_file(out) as part:
            part.write_bytes(content)
            part.replace(out)
    return digest


class _Source:
    """Draws crops: speakers by the root of their length, so that one cannot drown the others."""

    def __init__(self, clips: Sequence[RealClip], rng: np.random.Generator) -> None:
        self._clips, self._rng = clips, rng
        speakers = [clip.speaker for clip in clips]
        lengths = np.array([len(clip.mel) for clip in clips], np.float64)
        own = {name: lengths[[s == name for s in speakers]].sum() for name in set(speakers)}
        weights = np.array(
            [n / own[name] ** 0.5 for n, name in zip(lengths, speakers, strict=True)]
        )
        self._shares = weights / weights.sum()

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Give (B, T, 64) rows and (B, T, 2) lips."""
        places = self._rng.choice(len(self._clips), count, p=self._shares)
        clips = [self._clips[place] for place in places]
        crops = [warp_clip(self._rng, clip, np.zeros(len(clip.mel), np.int64)) for clip in clips]
        rows, lips = (
            np.stack(parts).astype(np.float32) for parts in list(zip(*crops, strict=True))[:2]
        )
        return torch.from_numpy(rows), torch.from_numpy(lips)


def _learn(
    shipped: SpeechNetwork,
    clips: Sequence[RealClip],
    steps: int,
    plan: AdaptationPlan,
    stage: str,
    progress: Progress,
) -> SpeechNetwork:
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    source = _Source(clips, rng)
    network = copy.deepcopy(shipped).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=0.02)
    average = Average(network, _AVERAGING)
    held = _hold(clips)
    for step in range(1, steps + 1):
        cosine = 0.03 + 0.97 * 0.5 * (1 + np.cos(np.pi * step / steps))
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * cosine * min(1, step / _WARMUP)
        rows, lips = source.draw(plan.real)
        rows = torch.cat([rows, draw_din(rng, plan.din)[0]])
        with torch.no_grad():
            taught = shipped(rows)
        heard = network(rows)
        loss = lips_loss(heard[1][: plan.real], lips) + _kept_loss(heard, taught, plan.real, held)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update(network)
        progress(Report(stage, step, steps))
    network.load_state_dict(average.weights)
    return network.eval()


def _hold(clips: Sequence[RealClip]) -> float:
    """Give the weight of the old lips beside the tracks: less, the more people and minutes."""
    own: dict[str, float] = {}
    for clip in clips:
        own[clip.speaker] = own.get(clip.speaker, 0) + len(clip.mel) / (60 * FRAME_RATE)
    return 1 / (1 + sum(minutes**0.5 for minutes in own.values()) / _ROOT_MINUTES)


def _kept_loss(heard: Heard, taught: Heard, real: int, held: float) -> torch.Tensor:
    """Compute how far the network has left its teacher.

    Args:
        heard: Its outputs.
        taught: Those of the teacher.
        real: Crops that hold speech, the first ones.
        held: Weight of the teacher's opening and width in these; it is 1 in the others.
    """
    (phones, mouth), (old_phones, old_mouth) = heard, taught
    named = F.kl_div(
        F.log_softmax(phones.flatten(0, 1) / _TEMPERATURE, -1),
        F.log_softmax(old_phones.flatten(0, 1) / _TEMPERATURE, -1),
        reduction="batchmean",
        log_target=True,
    )
    near = F.smooth_l1_loss(
        mouth[..., :N_SHAPES], old_mouth[..., :N_SHAPES], beta=0.1, reduction="none"
    )
    lips, rest = near[:real, :, :2].mean(), near[real:, :, :2].mean()
    sure = F.binary_cross_entropy_with_logits(
        mouth[..., N_SHAPES:], torch.sigmoid(old_mouth[..., N_SHAPES:])
    )
    shapes = near[..., 2:].mean() + rest + held * lips
    return _TEMPERATURE**2 * named + _KEEP_SHAPES * shapes + _KEEP_SURE * sure
