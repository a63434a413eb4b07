"""The inspection as a whole: faces, scores, the sheet, its file."""

import numpy as np
import pytest
from PIL import Image

import opensonic
from opensonic.channels import INDEX, inner_lip_gap
from opensonic.errors import EncodeError, NoFaceError
from opensonic.inspector.inspection import check_sheet_target
from opensonic.inspector.poses import CLOSED, EYES, HEADS, VISEMES, pose_values
from opensonic.inspector.sheets import Tile, arrange, eyes_box, head_box, mouth_box


@pytest.fixture(scope="module")
def inspection(example_image):
    return opensonic.inspect_portrait(np.hstack([example_image, example_image[:, ::-1]]), face="1")


def test_the_face_that_speaks_is_the_one_asked_for(inspection):
    assert len(inspection.faces) == 2
    assert inspection.taken == 1
    x0, _, x1, _ = inspection.faces[1].box
    assert x0 < inspection.portrait.face.landmarks[:, 0].mean() < x1
    assert any("2 faces found" in note for note in inspection.notes)


def test_the_weakest_respect_decides(inspection):
    assert inspection.score == min(one.score for one in inspection.scores)
    assert inspection.verdict in ("good", "usable", "poor")
    assert len({one.name for one in inspection.scores}) == 11


def test_the_sheet_is_written_whole_and_shows_something(inspection, tmp_path):
    assert inspection.save(tmp_path / "sheet.png") == tmp_path / "sheet.png"
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape[0] > 800
    assert pixels.shape[1] > 1500
    thirds = np.array_split(pixels, 3)
    assert all(part.std() > 10 for part in thirds)
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_what_cannot_be_written_is_refused_first(tmp_path):
    with pytest.raises(EncodeError, match="name that ends in"):
        check_sheet_target(tmp_path / "sheet.pdf")
    with pytest.raises(EncodeError, match="no folder"):
        check_sheet_target(tmp_path / "no" / "sheet.png")
    portrait = tmp_path / "she.png"
    portrait.write_bytes(b"x")
    with pytest.raises(EncodeError, match="the portrait itself"):
        check_sheet_target(portrait, portrait)


def test_a_picture_without_a_face_is_an_error():
    with pytest.raises(NoFaceError, match="no face found"):
        opensonic.inspect_portrait(np.full((128, 128, 3), 120, np.uint8))


def test_poses_are_within_their_ranges_and_closed_lips_touch():
    for name, shape in {**VISEMES, **EYES, **HEADS}.items():
        values = pose_values(shape)
        for channel, value in shape.items():
            assert values[INDEX[channel]] == pytest.approx(value), name
    assert inner_lip_gap(pose_values(VISEMES[CLOSED], 1.5)) == 0
    assert inner_lip_gap(pose_values(VISEMES["ah"])) > 3 * inner_lip_gap(pose_values(VISEMES["oo"]))


def test_boxes_hold_what_they_are_named_for_and_stay_inside(example_portrait):
    landmarks = example_portrait.face.landmarks
    size = example_portrait.image.shape[1::-1]
    for find, points in ((mouth_box, (61, 291, 0, 17)), (eyes_box, (33, 263)), (head_box, (1,))):
        x0, y0, x1, y1 = find(example_portrait.face, size)
        assert 0 <= x0 < x1 <= size[0]
        assert 0 <= y0 < y1 <= size[1]
        for x, y in landmarks[list(points), :2]:
            assert x0 < x < x1
            assert y0 < y < y1


def test_tiles_stand_side_by_side():
    red = np.full((10, 20, 3), (255, 0, 0), np.uint8)
    sheet = arrange([Tile(red, "a"), Tile(red, "b"), Tile(red, "c")], 2, 40)
    assert (sheet == (255, 0, 0)).all(-1).sum() == pytest.approx(3 * 40 * 20, abs=0)
    assert sheet.shape[1] > 80
