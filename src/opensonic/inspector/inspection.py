"""`inspect_portrait`: look at a portrait as the engine does, judge it, and draw what was seen."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from opensonic.engines.mesh.render import MeshRenderer
from opensonic.engines.mesh.rig import Rig
from opensonic.errors import EncodeError
from opensonic.face.detect import Detection, FaceDetector
from opensonic.face.portrait import choose_face, prepare_portrait
from opensonic.inspector.drawing import (
    draw_depth,
    draw_faces,
    draw_light,
    draw_lips,
    draw_mesh,
    draw_scores,
)
from opensonic.inspector.light import estimate_light
from opensonic.inspector.measures import Measures, measure_portrait
from opensonic.inspector.poses import EYES, HEADS, VISEMES, Shape, pose_values
from opensonic.inspector.scores import Score, name_verdict, score_measures
from opensonic.inspector.sheets import Tile, arrange, cut, eyes_box, head_box, mouth_box, stack
from opensonic.media.files import check_place, part_file, write_errors
from opensonic.media.image import read_image
from opensonic.settings import choose
from opensonic.values import Portrait

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

    PortraitSource = str | Path | npt.NDArray[np.generic] | PillowImage

Image = npt.NDArray[np.uint8]

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
"""Kinds of picture that a sheet can be written as."""
_SHOWN_EYES = ("blink 0.5", "blink 1", "gaze left", "gaze right", "brows up")
_SHOWN_HEADS = ("yaw -10", "yaw +10", "pitch -7", "pitch +7", "roll -6", "roll +6")


@dataclass(frozen=True, eq=False)
class Inspection:
    """What the engine sees in a portrait, and how well the portrait suits.

    Attributes:
        source: The file that the picture came from, or None.
        portrait: The picture at the size of the video, and the face that would speak.
        picture: (H, W, 3) uint8, RGB: the picture as given.
        faces: All faces that the detector found in it, largest first.
        taken: Which of them would speak.
        measures: What was measured.
        scores: The portrait judged in each respect.
        notes: Facts that the user should know.
        warnings: What `animate` would warn about.
    """

    source: Path | None
    portrait: Portrait
    picture: Image
    faces: tuple[Detection, ...]
    taken: int
    measures: Measures
    scores: tuple[Score, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def score(self) -> int:
        """The whole portrait, 0 to 100: the weakest respect decides."""
        return min(one.score for one in self.scores)

    @property
    def verdict(self) -> str:
        """`good`, `usable` or `poor`."""
        return name_verdict(self.score)

    def draw(self) -> Image:
        """Draw the sheet: what the engine sees, then visemes, blinks and turns of the head.

        Returns:
            (H, W, 3) uint8, RGB.
        """
        rig, portrait = Rig(self.portrait), self.portrait
        seen = [
            draw_faces(self.picture, self.faces, self.taken),
            draw_mesh(portrait),
            draw_lips(portrait, rig),
            draw_depth(portrait, rig),
            draw_light(portrait, estimate_light(portrait, rig)),
        ]
        renderer = MeshRenderer(portrait)
        height, width = portrait.image.shape[:2]

        def show(shapes: dict[str, Shape], box: tuple[int, int, int, int]) -> list[Tile]:
            frames = {name: renderer.render(pose_values(shape)) for name, shape in shapes.items()}
            return [Tile(cut(frame, box), name) for name, frame in frames.items()]

        mouth, eyes, head = (
            find(portrait.face, (width, height)) for find in (mouth_box, eyes_box, head_box)
        )
        chosen_eyes = {"rest": {}, **{name: EYES[name] for name in _SHOWN_EYES}}
        chosen_heads = {name: HEADS[name] for name in _SHOWN_HEADS}
        title = f"{Path(portrait.name).name}: {self.verdict}, {self.score} of 100"
        return stack(
            [
                draw_scores(title, self.scores),
                arrange(seen, 5, 360, "What is seen"),
                arrange(show(VISEMES, mouth), 6, 300, "Visemes"),
                arrange(show(chosen_eyes, eyes), 6, 300, "Eyes"),
                arrange(show(chosen_heads, head), 6, 300, "Head, degrees"),
            ]
        )

    def save(self, path: str | Path) -> Path:
        """Draw the sheet and write it; the file appears under its name only when it is whole.

        Args:
            path: Target, ending in one of `ENDINGS`.

        Raises:
            EncodeError: The file cannot be written, or is the portrait itself.
        """
        from PIL import Image as Pillow

        target = Path(path)
        check_sheet_target(target, self.source)
        sheet = Pillow.fromarray(self.draw())
        with part_file(target) as part, write_errors(target):
            sheet.save(part)
            part.replace(target)
        return target


def check_sheet_target(path: Path, source: Path | None = None) -> None:
    """Refuse a sheet that cannot be written, before any work is done.

    Args:
        path: Where the sheet shall go.
        source: The portrait's own file, which is never overwritten.

    Raises:
        EncodeError: The ending is unknown, the place cannot be written to, or it is the portrait.
    """
    if path.suffix.lower() not in ENDINGS:
        raise EncodeError(
            f"{path}: cannot write {path.suffix or 'a file without ending'}; "
            f"expected a name that ends in {', '.join(ENDINGS)}"
        )
    check_place(path)
    with suppress(OSError):  # one of them is not there: they are not the same
        if source is not None and path.samefile(source):
            raise EncodeError(
                f"{path}: is the portrait itself and would be lost; choose another name"
            )


def inspect_portrait(
    portrait: PortraitSource, *, face: str | int | tuple[float, float] = "largest"
) -> Inspection:
    """Look at a portrait as the mesh engine does and judge how well it suits.

    Args:
        portrait: Path of a picture, (H, W), (H, W, 3) or (H, W, 4) array, or PIL image.
        face: Which face, as the setting `face` says: `largest`, a number, or a point in px.

    Returns:
        Measures, scores and advice; the sheet is drawn when it is asked for.

    Raises:
        InputError: The picture cannot be used.
        NoFaceError: The picture holds no usable face.
        SettingsError: `face` is none of that.

    Example:
        >>> import opensonic
        >>> opensonic.inspect_portrait("portrait.jpg").score  # doctest: +SKIP
    """
    chosen, _ = choose(face=face)
    picture = read_image(portrait)
    name = str(portrait) if isinstance(portrait, (str, Path)) else "portrait"
    prepared = prepare_portrait(picture, name, chosen)
    faces = FaceDetector().detect(picture)
    taken = choose_face(faces, chosen.face_choice(), name)
    seen = prepared.portrait
    measures = measure_portrait(seen, Rig(seen), seen.image.shape[1] / picture.shape[1])
    return Inspection(
        source=Path(portrait) if isinstance(portrait, (str, Path)) else None,
        portrait=seen,
        picture=picture,
        faces=tuple(faces),
        taken=next(k for k, one in enumerate(faces) if one is taken),
        measures=measures,
        scores=score_measures(measures),
        notes=prepared.notes,
        warnings=prepared.warnings,
    )
