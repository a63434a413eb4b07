import json
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus code needs opensonic[train]")

from benchmarks.lips.__main__ import main
from benchmarks.lips.baselines import SHAPE_OF, SHAPES, draw_shapes
from benchmarks.lips.rendered import measure_delay
from benchmarks.lips.tables import (
    BEGIN,
    END,
    Table,
    to_json,
    write_between_marks,
)
from benchmarks.lips.truth import follow_face, read_true_clips

from opensonic.errors import InputError

FPS = Fraction(25)


def test_the_nine_shapes_close_on_m_b_p_and_open_on_aa():
    assert set(SHAPE_OF.values()) == set(SHAPES) == set("ABCDEFGHX")
    phones = [("AA", 0.0, 1.0), ("M", 1.0, 2.0), ("UW", 2.0, 3.0), ("SIL", 3.0, 4.0)]
    opening, width = draw_shapes(phones, FPS, 100)
    assert opening.shape == width.shape == (100,)
    assert opening[12] == pytest.approx(1)
    for phone in "MBP":
        assert draw_shapes([("AA", 0, 1), (phone, 1, 2)], FPS, 50)[0][37] == 0
    assert width[62] == pytest.approx(-1)
    assert opening[90] == 0


def test_diphthongs_change_their_shape_half_way():
    opening, width = draw_shapes([("AW", 0.0, 2.0)], FPS, 50)
    assert opening[10] > opening[40]
    assert width[10] > 0 > width[40]


def test_a_planted_delay_of_sound_is_found():
    sound = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    late = np.concatenate([np.zeros(1024, np.float32), sound])
    assert measure_delay(late, sound) == 1024
    assert measure_delay(sound, late) == -1024
    assert measure_delay(sound, sound) == 0


def test_tables_as_text_markdown_and_json():
    table = Table("T", ("a", "bb"), [("1", "2")], ["note"], {"x": np.float32(0.5)})
    assert table.to_text() == "T\n=\na  bb\n1  2\nnote\n"
    assert "| a | bb |\n| --- | --- |\n| 1 | 2 |" in table.to_markdown()
    assert json.loads(to_json([table])) == {"T": {"x": 0.5, "notes": ["note"]}}


def test_results_take_the_place_of_older_ones(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_between_marks(page, "new\n")
    write_between_marks(page, "newer\n")
    assert page.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="lacks the lines"):
        write_between_marks(page, "new")


def test_what_is_not_there_is_skipped_with_the_reason(tmp_path, capsys):
    out, page = tmp_path / "figures.json", tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    arguments = ["--only", "clips", "people", "--json", str(out), "--write", str(page)]
    assert main(arguments) == 0
    assert "### Real clips\n\nSkipped" in page.read_text()
    assert page.read_text().startswith(f"{BEGIN}\n\nSpeech network ")
    assert "Skipped: no folder of clips was given (--clips)." in capsys.readouterr().out
    assert set(json.loads(out.read_text())) == {"Real clips", "People kept aside"}


def test_a_folder_without_clips_is_refused(tmp_path, capsys):
    with pytest.raises(InputError, match="holds no clip"):
        read_true_clips(tmp_path, None)
    assert main(["--only", "clips", "--clips", str(tmp_path)]) == 2
    assert "holds no clip" in capsys.readouterr().err


def test_our_mesh_follows_a_face(example_image):
    moved = [np.roll(example_image, shift, axis=1) for shift in (0, 4, 8)]
    points, seen = follow_face(iter([*moved, np.zeros_like(example_image)]))
    assert points.shape == (4, 478, 3)
    assert seen[:3].all()
    assert points[2, 1, 0] - points[0, 1, 0] == pytest.approx(8, abs=2)
