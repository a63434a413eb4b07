"""Whole evaluations: of a rendered video, the same harmed, and of what cannot be measured."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import opensonic
from opensonic.errors import InputError
from opensonic.media.audio import read_speech
from opensonic.media.footage import read_pictures
from opensonic.media.video import encode_video
from opensonic.metrics.batch import Failure, Given, evaluate_folder, find_videos, summarise
from opensonic.metrics.evaluation import GROUPS
from opensonic.metrics.record import SCHEMA_VERSION, record_all
from opensonic.values import Chunk


@pytest.fixture(scope="module")
def plain(talking_video):
    return opensonic.evaluate(talking_video, observers=())


@pytest.fixture
def write(talking_video, tmp_path):
    """Write the talking video again with other pictures or another sound."""

    def write(name="harmed.mp4", change=lambda image, number: image, sound=None, count=None):
        target = tmp_path / name
        images = [picture.image for picture in read_pictures(talking_video)][:count]
        changed = [np.ascontiguousarray(change(image, k)) for k, image in enumerate(images)]
        height, width = changed[0].shape[:2]
        encode_video(
            (Chunk(image[None]) for image in changed),
            target,
            fps=Fraction(25),
            size=(width, height),
            n_frames=len(changed),
            speech=read_speech(talking_video if sound is None else sound),
        )
        return target

    return write


def _values(evaluation):
    return {row.name: row.value for row in evaluation.rows}


def _notes(evaluation):
    return {row.name: row.note for row in evaluation.rows}


def test_a_rendered_video_is_good(plain):
    values = _values(plain)
    assert abs(values["lag"]) < 40
    assert values["lag_confidence"] > 0.5
    assert values["lip_correlation"] > 0.6
    assert values["face_visible"] == 100
    assert values["repeated_frames"] == values["missing_frames"] == values["jumps"] == 0
    assert values["flicker"] is None or values["flicker"] < 0.5
    assert values["closure_recall"] is None
    assert "no labels" in _notes(plain)["closure_recall"]
    assert "psnr" not in values


def test_rows_are_grouped_and_have_words(plain):
    places = [GROUPS.index(row.group) for row in plain.rows]
    assert places == sorted(places)
    assert len({row.name for row in plain.rows}) == len(plain.rows)
    for row in plain.rows:
        assert row.title
        assert row.good
        assert row.value is not None or row.note
        assert row.verdict in {"good", "fair", "poor", ""}


def test_curves_are_as_long_as_the_video(plain):
    for name, curve in vars(plain.curves).items():
        assert len(curve) == 100, name
    assert plain.curves.time_s[0] == pytest.approx(0.02, abs=0.001)
    assert plain.curves.seen.all()
    both = np.isfinite(plain.curves.gap) & np.isfinite(plain.curves.heard_gap)
    assert np.corrcoef(plain.curves.gap[both], plain.curves.heard_gap[both])[0, 1] > 0.6
    assert plain.curves.loudness_db.max() > -30


def test_against_itself_everything_is_equal(talking_video):
    found = opensonic.evaluate(talking_video, reference=talking_video, observers=())
    values = _values(found)
    assert values["psnr"] == 100
    assert values["ssim"] == pytest.approx(1)
    assert values["lmd"] == values["m_lmd"] == 0
    assert found.notes == ()


def test_harmed_pictures_are_worse(plain, talking_video, write):
    def harm(image, number):
        return np.roll(image // 2 + 60 if number % 2 else image, 6 * (number % 2), axis=1)

    found = opensonic.evaluate(write(change=harm), reference=talking_video, observers=())
    values, before = _values(found), _values(plain)
    assert values["skin_flicker"] > before["skin_flicker"] + 5
    assert values["psnr"] < 35
    assert values["ssim"] < 0.99
    assert values["head_jump"] > before["head_jump"] + 5


def test_a_picture_out_of_place_is_found(write):
    moved = write(change=lambda image, number: np.roll(image, 25 * (number == 50), axis=1))
    found = opensonic.evaluate(moved, observers=())
    (flash,) = [moment for moment in found.moments if moment.name == "flash"]
    assert flash.time_s == pytest.approx(50.5 / 25, abs=0.05)
    assert flash == found.moments[0]
    assert found.row("jumps").value == pytest.approx(15)


def test_a_lone_repeat_is_found(write):
    shown = {}

    def swing_and_repeat(image, number):
        shown[number] = np.roll(image, 2 * abs(number % 40 - 20), axis=1)
        return shown[number - 1] if number == 50 else shown[number]

    found = opensonic.evaluate(write(change=swing_and_repeat), observers=())
    assert any(abs(m.time_s - 50.5 / 25) < 0.05 and "repeated" in m.what for m in found.moments)


def test_a_picture_that_stands_still_is_told(write):
    first = {}
    still = write(change=lambda image, number: first.setdefault(0, image))
    found = opensonic.evaluate(still, observers=())
    assert _values(found)["repeated_frames"] > 95
    assert found.row("repeated_frames").verdict == "poor"
    assert found.moments[0].name == "frozen"
    assert _values(found)["lip_correlation"] is None or _values(found)["lip_correlation"] < 0.3


def test_a_reference_of_another_size_and_length_is_told(write, talking_video):
    small = write("small.mp4", change=lambda image, number: image[::2, ::2], count=50)
    found = opensonic.evaluate(talking_video, reference=small, observers=())
    assert any("128x128" in note for note in found.notes)
    assert any("lasts" in note for note in found.notes)
    assert "50 % of the pictures" in _notes(found)["psnr"]
    assert 20 < _values(found)["psnr"] < 100
    assert _values(found)["m_lmd"] < 6


def test_without_a_face(write):
    found = opensonic.evaluate(write(change=lambda image, number: image // 9 + 100), observers=())
    blank = opensonic.evaluate(write(change=lambda image, number: image * 0 + 9), observers=())
    assert _values(found)["face_visible"] >= 0
    values, notes = _values(blank), _notes(blank)
    assert values["face_visible"] == 0
    assert values["lag"] is None
    assert notes["lag"] == notes["blink_rate"] == notes["sharpness"] == "no face was seen"
    assert "no face was seen in any picture" in blank.notes
    assert blank.sync is None
    assert blank.moments[0].name in {"lost_face", "frozen"}


def test_without_sound(talking_video, tmp_path):
    import av

    silent = tmp_path / "silent.mp4"
    with av.open(str(talking_video)) as source, av.open(str(silent), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    found = opensonic.evaluate(silent, observers=())
    assert _notes(found)["lag"] == "the video has no sound"
    assert _values(found)["face_visible"] == 100
    assert any("no sound" in note for note in found.notes)
    assert np.isnan(found.curves.heard_gap).all()


def test_labels_are_used(talking_video, tmp_path, plain):
    labels = tmp_path / "said.csv"
    spans = [(0.2, 0.4), (1.0, 1.1), (2.0, 2.1), (3.0, 3.1)]
    rows = "".join(f"{a},{b},p\n{b},{b + 0.2},a\n" for a, b in spans)
    labels.write_text(rows, encoding="utf-8")
    found = opensonic.evaluate(talking_video, labels=labels, observers=())
    assert _values(found)["closure_recall"] is not None
    assert "said.csv" in _notes(found)["closure_recall"]
    assert "closure_recall_heard" not in _values(found)


def test_labels_of_another_video_are_told(talking_video, tmp_path):
    labels = tmp_path / "said.csv"
    rows = "".join(f"{t},{t + 0.1},p\n" for t in range(30))
    labels.write_text(rows, encoding="utf-8")
    found = opensonic.evaluate(talking_video, labels=labels, observers=())
    assert any("labels go on" in note for note in found.notes)


def test_silence_and_a_single_picture(write):
    silence = (np.zeros(64_000, np.float32), 16_000)
    quiet = opensonic.evaluate(write(sound=silence), observers=())
    assert "the sound is silent" in quiet.notes
    assert quiet.row("lag_confidence").verdict != "good"
    assert (quiet.row("lag").verdict, quiet.row("lag").badness) == ("", None)  # a mere guess
    assert quiet.row("open_in_silence").value is not None
    single = opensonic.evaluate(write("one.mp4", sound=silence, count=1), observers=())
    assert len(single.curves.time_s) == 1
    assert single.row("face_visible").value == 100


def test_observers_see_every_picture_and_their_rows_are_kept(talking_video, plain):
    class Counter:
        def __init__(self):
            self.sights = []

        def look(self, sight, reference):
            self.sights.append((sight.time_s, sight.face is not None, reference))

        def rows(self, speech, lag_s):
            assert speech.sample_rate > 0
            return [replace(plain.rows[0], name="mine", group="reference", value=3.0)]

    counter = Counter()
    found = opensonic.evaluate(talking_video, observers=[counter])
    assert len(counter.sights) == 100
    assert all(seen for _, seen, _ in counter.sights)
    assert found.rows[-1].name == "mine"


def test_what_is_no_video_is_refused(tmp_path, example_speech):
    text = tmp_path / "x.mp4"
    text.write_text("hello", encoding="utf-8")
    for path in (text, tmp_path / "none.mp4", Path(example_speech)):
        with pytest.raises(InputError, match=path.name):
            opensonic.evaluate(path)


def test_as_plain_values(plain):
    result = json.loads(json.dumps(record_all([plain], [Failure(Path("a"), "why", "E", 2)])))
    assert result["version"] == SCHEMA_VERSION
    assert result["failed"] == [{"video": "a", "error": "why", "kind": "E"}]
    (video,) = result["videos"]
    assert video["pictures"] == 100
    assert {row["name"] for row in video["rows"]} == {row.name for row in plain.rows}
    assert set(video["rows"][0]) == {
        *("name", "title", "value", "unit", "note", "good", "group", "verdict"),
    }
    assert set(video["sync"]) == {
        *("lag_s", "error_s", "confidence", "drift_ms_per_s", "windows"),
    }


def test_summary_names_the_worst(plain):
    worse = [
        replace(row, value=row.value + 100, badness=None if row.badness is None else 1e3)
        if row.value is not None
        else row
        for row in plain.rows
    ]
    other = replace(plain, video=Path("worse.mp4"), rows=tuple(worse))
    common = {one.row.name: one for one in summarise([plain, other])}
    assert common["lag"].worst == Path("worse.mp4")
    assert common["lag"].median == pytest.approx(plain.row("lag").value + 50)
    assert common["head_motion"].worst is None
    assert common["head_motion"].count == 2
    assert "closure_recall" not in common


def test_folders_go_on_after_a_failure_and_find_what_belongs_together(talking_video, tmp_path):
    videos, labels = tmp_path / "videos", tmp_path / "labels"
    (videos / "inner").mkdir(parents=True)
    (labels / "inner").mkdir(parents=True)
    (videos / "inner" / "good.mp4").write_bytes(talking_video.read_bytes())
    (videos / "broken.mov").write_text("hello", encoding="utf-8")
    (videos / ".hidden.mp4").write_text("hello", encoding="utf-8")
    (videos / "notes.txt").write_text("hello", encoding="utf-8")
    spans = "".join(f"{t},{t + 0.1},m\n" for t in (0.5, 1.5, 2.5))
    (labels / "inner" / "good.csv").write_text(spans, encoding="utf-8")
    seen = []
    given = Given(labels=labels)
    first, second = evaluate_folder(videos, given, new_observers=tuple, progress=seen.append)
    assert isinstance(first, Failure)
    assert "broken.mov" in first.message
    assert first.exit_code == 2
    assert "good.csv" in _notes(second)["closure_recall"]
    assert {report.detail for report in seen} == {"2 of 2"}


def test_folders_that_do_not_suit_are_refused(tmp_path, talking_video):
    with pytest.raises(InputError, match="holds no video, other files: 0"):
        find_videos(tmp_path)
    (tmp_path / "talk.mp4").write_bytes(talking_video.read_bytes())
    with pytest.raises(InputError, match=r"reference: .* is a file; expected a folder"):
        next(evaluate_folder(tmp_path, Given(reference=talking_video)))


def test_real_clips_are_in_sync(shared):
    found = opensonic.evaluate(shared / "clips/ls1_woman_10s.mp4", observers=())
    values = _values(found)
    assert abs(values["lag"]) <= 40
    assert found.row("lag_confidence").verdict == "good"
    assert values["blink_rate"] == pytest.approx(54, abs=7)  # nine blinks, by MediaPipe as well
    assert not {row.name for row in found.rows if row.verdict == "poor"}
