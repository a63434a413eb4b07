"""The renders of one portrait, and their contact sheets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from opensonic.engines.mesh.render import MeshRenderer
from opensonic.engines.mesh.rig import Rig
from opensonic.face.portrait import prepare_portrait
from opensonic.inspector.poses import EYES, HEADS, STRENGTHS, VISEMES, pose_values
from opensonic.inspector.sheets import Tile, arrange, cut, eyes_box, head_box, mouth_box
from opensonic.media.image import read_image
from opensonic.settings import Settings
from opensonic.values import Portrait

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SHEETS = ("visemes", "faces", "eyes", "heads", "speech", "mouths")
"""The contact sheets of a portrait, in the order of the page."""
_FACE_STEP, _FACES = 6, 40
_MOUTHS_FROM, _MOUTHS = 25, 64


@dataclass(frozen=True, eq=False)
class Pose:
    """One still of the set.

    Attributes:
        kind: `rest`, `mouth`, `eyes` or `head`: what moves.
        name: What it is.
        values: (21,) float32 channels.
    """

    kind: str
    name: str
    values: Floats


def list_poses() -> list[Pose]:
    """Give the fixed set: rest, twelve visemes at three strengths, eyes, turns of the head."""
    poses = [Pose("rest", "rest", pose_values({}))]
    for name, shape in VISEMES.items():
        for strength in STRENGTHS:
            poses.append(Pose("mouth", f"{name}  x{strength:g}", pose_values(shape, strength)))
    poses += [Pose("eyes", name, pose_values(shape)) for name, shape in EYES.items()]
    poses += [Pose("head", name, pose_values(shape)) for name, shape in HEADS.items()]
    return poses


class Renders:
    """Frames of one portrait.

    Args:
        path: The picture.
        speech: (T, 21) float32 motion of the speech.
        short_side: Of the frames, px; None takes the picture's own, at most 1024.
    """

    def __init__(self, path: Path, speech: Floats, short_side: int | None = None) -> None:
        self.name = path.stem
        self.speech = speech
        settings = Settings(min_resolution=short_side)
        prepared = prepare_portrait(read_image(path), path.name, settings)
        self.portrait: Portrait = prepared.portrait
        self.renderer = MeshRenderer(self.portrait)
        self.poses = list_poses()
        self.mouth_stands_open = Rig(self.portrait).lips.is_open

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames, px."""
        height, width = self.portrait.image.shape[:2]
        return width, height

    @cached_property
    def stills(self) -> list[Image]:
        """The frames of `poses`."""
        return [self.renderer.render(pose.values) for pose in self.poses]

    def speak(self) -> Iterator[Image]:
        """Draw the speech, frame by frame; a frame is valid until the next is asked for."""
        frame = np.empty_like(self.portrait.image)
        for values in self.speech:
            yield self.renderer.render(values, frame)

    def _tiles(self, kinds: tuple[str, ...], part: str) -> list[Tile]:
        find = {"mouth": mouth_box, "eyes": eyes_box, "head": head_box}[part]
        box = find(self.portrait.face, self.size)
        shown = zip(self.poses, self.stills, strict=True)
        return [Tile(cut(still, box), p.name) for p, still in shown if p.kind in kinds]

    def save_stills(self, folder: Path) -> None:
        """Write the sheets of the stills: `visemes`, `faces`, `eyes` and `heads`."""
        original = self.portrait.image
        visemes = [
            Tile(cut(original, self._mouth), "picture"),
            *self._tiles(("rest", "mouth"), "mouth"),
        ]
        blank = Tile(np.full_like(visemes[0].picture, 24), "")
        visemes[2:2] = [blank] * 4
        _save(arrange(visemes, 6, 300, f"{self.name}: mouth"), folder / "visemes.png")
        whole = self._tiles(("rest", "mouth"), "head")
        faces = [whole[0], *whole[2::3]]
        _save(arrange(faces, 5, 380, f"{self.name}: whole face"), folder / "faces.png")
        lids = self._tiles(("rest", "eyes"), "eyes")
        _save(arrange(lids, 3, 620, f"{self.name}: eyes"), folder / "eyes.png")
        shown = zip(self.poses, self.stills, strict=True)
        heads = [Tile(still, pose.name) for pose, still in shown if pose.kind == "head"]
        _save(arrange(heads, 4, 480, f"{self.name}: head"), folder / "heads.png")

    def save_strips(self, folder: Path, frames: dict[int, Image]) -> None:
        """Write the strips of the speech: whole faces in large steps, mouths frame by frame.

        Args:
            folder: Where to write.
            frames: Frames by number, those of `strip_frames`.
        """
        face, mouth = head_box(self.portrait.face, self.size), self._mouth
        faces = [Tile(cut(frames[k], face), f"frame {k}") for k in self._face_frames]
        _save(arrange(faces, 8, 240, f"{self.name}: speech"), folder / "speech.png")
        mouths = [Tile(cut(frames[k], mouth), f"frame {k}") for k in self._mouth_frames]
        _save(arrange(mouths, 8, 240, f"{self.name}: every frame"), folder / "mouths.png")

    @property
    def _mouth(self) -> tuple[int, int, int, int]:
        return mouth_box(self.portrait.face, self.size)

    @property
    def _face_frames(self) -> range:
        return range(0, min(_FACE_STEP * _FACES, len(self.speech)), _FACE_STEP)

    @property
    def _mouth_frames(self) -> range:
        start = min(_MOUTHS_FROM, len(self.speech) - 1)
        return range(start, min(start + _MOUTHS, len(self.speech)))

    @property
    def strip_frames(self) -> frozenset[int]:
        """Numbers of the frames that the strips show."""
        return frozenset((*self._face_frames, *self._mouth_frames))


def _save(sheet: Image, path: Path) -> None:
    Pillow.fromarray(sheet).save(path, compress_level=3)
