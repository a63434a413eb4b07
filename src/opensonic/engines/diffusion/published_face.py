"""The face that the published detector finds, in `compat` and where its file is."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from opensonic.engines.diffusion.yoloface import choose_face, find_faces
from opensonic.errors import WeightsError
from opensonic.settings import Settings
from opensonic.values import Portrait
from opensonic.weights.places import find_file

RECORD = "yoloface"
"""Record of the detector's file."""


def find_detector(settings: Settings) -> Path | None:
    """Give the detector's file where it shall be used; a face chosen by hand is found by ours."""
    if not settings.compat or settings.face != "largest":
        return None
    found = find_file(RECORD, settings.models_path())
    return found.path if found else None


def detector_notes(settings: Settings) -> tuple[str, ...]:
    """Say which detector finds the face that the mask is drawn around, in `compat`."""
    if not settings.compat:
        return ()
    if path := find_detector(settings):
        return (f"compat: the published detector finds the face ({path})",)
    return ("compat: OpenSonic's own detector finds the face; the published one may differ a bit",)


def with_published_face(portrait: Portrait, detector: Path) -> Portrait:
    """Put the box of the published detector in the place of ours, which stays where it finds none.

    Args:
        portrait: The picture.
        detector: A TorchScript file.

    Raises:
        WeightsError: The file is none, or another program.
    """
    whole = portrait.original or portrait
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript as such
            faces = find_faces(torch.jit.load(str(detector), map_location="cpu"), whole.image)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, IndexError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise WeightsError(
            f"{detector}: not the published face detector ({reason}); "
            "fetch it again, or delete it: OpenSonic then finds the face by itself"
        ) from error
    chosen = choose_face(faces, compat=True)
    if chosen is None:
        return portrait
    left, top, width, height = faces.boxes[chosen]
    box = np.array([left, top, left + width, top + height], np.float32)
    found = replace(whole, face=replace(whole.face, box=box))
    return replace(portrait, original=found) if portrait.original else found
