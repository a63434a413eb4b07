"""Command line of the training: `python -m opensonic.train.sync STEP`."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from opensonic.train.sync.export import export_matcher
from opensonic.train.sync.fit import FitPlan, fit
from opensonic.train.sync.rows import Ear, make_speech_rows, make_track_rows
from opensonic.train.sync.trials import calibrate, report, run_trials

_TRIALS = 300


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one step, or all of them in order.

    Args:
        arguments: Command line without the program's name; that of the process if None.
    """
    parser = argparse.ArgumentParser(prog="python -m opensonic.train.sync", description=__doc__)
    parser.add_argument("step", choices=("all", "rows", "fit", "export", "trials"))
    parser.add_argument("--work", type=Path, default=Path("sync-training"), help="scratch folder")
    parser.add_argument("--tracks", type=Path, help="folder of true mouth tracks with sound")
    parser.add_argument("--speech-rows", type=Path, help="`rows` of opensonic.train.speech")
    parser.add_argument("--ear", type=Path, help="speech network (ONNX) that was only pre-trained")
    parser.add_argument("--start", type=Path, help="weights (matcher.pt) to go on from")
    parser.add_argument("--rate", type=float, default=FitPlan.rate, help="highest learning rate")
    parser.add_argument("--steps", type=int, default=FitPlan.steps)
    parser.add_argument("--seed", type=int, default=FitPlan.seed)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.step in {"all", "rows"} and not (options.tracks and options.speech_rows):
        parser.error("--tracks and --speech-rows are needed to make rows")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)

    def runs(step: str) -> bool:
        return options.step in {"all", step}

    if runs("rows"):
        ears = [Ear(), *([Ear(options.ear)] if options.ear else [])]
        make_track_rows(options.tracks, ears, work / "tracks.npz", options.seed)
        make_speech_rows(options.speech_rows, ears, work / "speech.npz", options.seed)
    if runs("fit"):
        plan = FitPlan(steps=options.steps, rate=options.rate, seed=options.seed)
        fit(work, plan, options.start)
    if runs("export"):
        export_matcher(work / "matcher.pt", work)
    if options.step == "trials":
        trials = run_trials(work, work / "sync_sound.onnx", _TRIALS, options.seed)
        calibrate(trials)
        report(trials)


if __name__ == "__main__":
    main()
