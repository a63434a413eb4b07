"""Command line of the speech training: `python -m opensonic.train.speech STEP`.

This makes the network of the package. `opensonic train speech --clips DIR` teaches it with videos.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from opensonic.train.speech.corpus import CorpusPlan, make_corpus
from opensonic.train.speech.evaluate import report
from opensonic.train.speech.export import export_network
from opensonic.train.speech.features import make_features
from opensonic.train.speech.finetune import FinetuningPlan, finetune
from opensonic.train.speech.music import make_music_bank
from opensonic.train.speech.pretrain import TrainingPlan, pretrain

_VARIANTS = 2


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m opensonic.train.speech", description=__doc__)
    steps = ("all", "corpus", "music", "features", "pretrain", "finetune", "export", "evaluate")
    parser.add_argument("step", choices=steps, help="`all`: everything again from nothing")
    parser.add_argument("--work", type=Path, default=Path("speech-training"), help="scratch folder")
    parser.add_argument("--tracks", type=Path, help="folder of true mouth tracks to fine-tune on")
    parser.add_argument("--measure-on", type=Path, help="folder of clips, never trained on")
    parser.add_argument("--music-seconds", type=float, default=2500, help="of music; 0: none")
    parser.add_argument("--steps", type=int, default=TrainingPlan.steps, help="of pre-training")
    parser.add_argument("--finetune-steps", type=int, default=FinetuningPlan.steps)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one step, or all of them in order.

    Args:
        arguments: Command line without the program's name; that of the process if None.
    """
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    work: Path = options.work
    corpus, rows, music = work / "corpus", work / "rows", work / "music.npz"
    pretrained, tuned = work / "pretrained.pt", work / "tuned.pt"

    def runs(step: str) -> bool:
        return options.step in {"all", step}

    if runs("corpus"):
        make_corpus(corpus, CorpusPlan(seed=options.seed))
    if runs("music"):
        make_music_bank(music, options.music_seconds, options.seed)
    played = music if music.is_file() else None
    if runs("features"):
        make_features(corpus, rows, _VARIANTS, options.seed)
    if runs("pretrain"):
        pretrain(rows, pretrained, TrainingPlan(options.steps, seed=options.seed), played)
    if runs("finetune") and options.tracks:
        plan = FinetuningPlan(steps=options.finetune_steps, seed=options.seed)
        finetune(pretrained, options.tracks, rows, tuned, plan, played)
    if runs("export"):
        export_network(tuned if tuned.is_file() else pretrained, work / "speech.onnx")
    if runs("evaluate"):
        report(options.measure_on, corpus if corpus.is_dir() else None)


if __name__ == "__main__":
    main()
