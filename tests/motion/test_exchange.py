"""Motion files: written, read back without loss, taken from other tools, refused with a reason."""

import csv
import json
import os
from fractions import Fraction

import numpy as np
import pytest

import opensonic
from opensonic.channels import CHANNELS, HIGH, INDEX, LOW, inner_lip_gap, lip_width_factor
from opensonic.errors import EncodeError, InputError
from opensonic.motion.arkit import COLUMNS, SHAPES
from opensonic.motion.exchange import read_track
from opensonic.motion.writer import motion_file
from opensonic.values import Motion, Performance

LIVE_LINK = ",".join(
    ["Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in COLUMNS)]
)


def any_motion(n_frames=60, fps=25, seed=0):
    values = np.random.default_rng(seed).uniform(LOW, HIGH, (n_frames, len(CHANNELS)))
    return Motion(values.astype(np.float32), Fraction(fps))


def live_link(rows, times):
    """A file as the app writes it; `rows` are shapes by name."""
    lines = [LIVE_LINK]
    for time, row in zip(times, rows, strict=True):
        lines.append(",".join([time, "61", *(f"{row.get(name, 0):.10f}" for name in COLUMNS)]))
    return "\n".join(lines) + "\n"


def column(values, name):
    return values[:, INDEX[name]]


@pytest.mark.parametrize("ending", [".csv", ".json"])
@pytest.mark.parametrize("fps", [25, 60, "30000/1001", 12, 1])
def test_our_own_files_come_back_bit_by_bit(tmp_path, ending, fps):
    motion = any_motion(fps=fps)
    assert opensonic.write_motion(motion, tmp_path / f"m{ending}") == 60
    back = opensonic.read_motion(tmp_path / f"m{ending}")
    assert back.fps == motion.fps
    assert np.array_equal(back.values, motion.values)


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_one_frame_and_many_parts(tmp_path, ending):
    motion = any_motion(1)
    opensonic.write_motion(motion, tmp_path / f"one{ending}")
    assert np.array_equal(opensonic.read_motion(tmp_path / f"one{ending}").values, motion.values)
    motion = any_motion(50)
    parts = [Motion(motion.values[i : i + 7], motion.fps) for i in range(0, 50, 7)]
    opensonic.write_motion(motion, tmp_path / f"whole{ending}")
    opensonic.write_motion(
        Performance(motion.fps, 50, lambda: iter(parts)), tmp_path / f"parts{ending}"
    )
    whole, cut = (tmp_path / f"{name}{ending}" for name in ("whole", "parts"))
    assert whole.read_bytes() == cut.read_bytes()


def test_the_live_link_layout_is_the_apps(tmp_path):
    motion = any_motion(130)
    opensonic.write_motion(motion, tmp_path / "m.csv", layout="livelink")
    rows = list(csv.reader((tmp_path / "m.csv").read_text(encoding="utf-8").splitlines()))
    assert ",".join(rows[0]) == LIVE_LINK
    assert rows[0][16:20] == ["JawForward", "JawRight", "JawLeft", "JawOpen"]
    assert {len(row) for row in rows} == {63}
    assert {row[1] for row in rows[1:]} == {"61"}
    assert [rows[i][0] for i in (1, 2, 26, 130)] == [
        *("00:00:00:00.000", "00:00:00:02.400", "00:00:01:00.000", "00:00:05:09.600")
    ]
    back = opensonic.read_motion(tmp_path / "m.csv")
    assert (back.fps, len(back.values)) == (25, 130)
    assert np.abs(inner_lip_gap(back.values) - inner_lip_gap(motion.values)).max() < 1e-5
    assert np.abs(lip_width_factor(back.values) - lip_width_factor(motion.values)).max() < 1e-5
    assert np.abs(column(back.values, "head_yaw") - column(motion.values, "head_yaw")).max() < 1e-4


def test_json_describes_itself(tmp_path):
    opensonic.write_motion(any_motion(fps="30000/1001"), tmp_path / "m.json")
    document = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert (document["format"], document["version"]) == ("opensonic-motion", 1)
    assert document["fps"] == "30000/1001"
    assert document["channels"] == list(CHANNELS)
    assert document["arkit"] == list(SHAPES)
    assert set(CHANNELS) < set(document["ranges"])
    frame = document["frames"][30]
    assert frame["time"] == pytest.approx(1.001, abs=1e-6)
    assert (len(frame["channels"]), len(frame["arkit"])) == (21, 52)


def test_a_recording_of_the_app_by_its_timecodes(tmp_path):
    # 30 frames a second in 60ths, over midnight, one moment seen twice; the head was not recorded.
    clock = [23 * 3600 + 59 * 60 + 58 + i / 30 for i in range(120)]
    times = []
    for seconds in clock:
        whole, frames = int(seconds), seconds % 1 * 60
        hours, rest = whole // 3600 % 24, whole % 3600
        times.append(f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}:{frames:06.3f}")
    rows = [{"jawOpen": 0.5 * (i % 30) / 30, "eyeBlinkLeft": 0.1} for i in range(120)]
    times[50] = times[49]
    (tmp_path / "take.csv").write_text(live_link(rows, times))
    track = read_track(tmp_path / "take.csv")
    assert track.fps == 30
    assert len(track.values) == 119
    assert track.end_s == pytest.approx(4, abs=0.01)
    assert column(track.values, "jaw_open")[15] == pytest.approx(0.25)
    named = {name for name, known in zip(CHANNELS, track.known, strict=True) if known}
    assert named == {*CHANNELS[:10], "blink_left", "blink_right"}


@pytest.mark.parametrize("rate", [24, 25, 30, 60])
def test_timecodes_count_in_their_own_rate(tmp_path, rate):
    times = [f"01:00:{i // rate:02d}:{i % rate:02d}.000" for i in range(3 * rate)]
    (tmp_path / "take.csv").write_text(live_link([{"jawOpen": 0.1}] * 3 * rate, times))
    assert read_track(tmp_path / "take.csv").fps == rate


def test_timecodes_without_frames(tmp_path):
    times = [f"00:00:{i / 50:06.3f}" for i in range(120)]
    (tmp_path / "take.csv").write_text(live_link([{"jawOpen": 0.1}] * 120, times))
    assert read_track(tmp_path / "take.csv").fps == 50


@pytest.mark.parametrize(
    "document",
    [
        {"fps": 50, "frames": [{"jawOpen": 0.2, "jawLeft": 0}, {"jawOpen": 0.4, "jawLeft": 0}]},
        [{"time": 0, "jawOpen": 0.2}, {"time": 0.02, "jawOpen": 0.4}],
        {"fps": "50", "frames": [{"blendShapes": {"jawOpen": v}} for v in (0.2, 0.4)]},
        {"fps": 50, "names": ["jawOpen", "tongueOut"], "frames": [[0.2, 0], [0.4, 0]]},
        {"names": ["jawOpen"], "frames": [{"time": v / 10, "weights": [v]} for v in (0.2, 0.4)]},
        {"exportFps": 50, "facsNames": ["jawOpen", "jawLeft"], "weightMat": [[0.2, 0], [0.4, 0]]},
        {"fps": 50, "frames": [{"shapes": {"JawOpen": 0.2}}, {"shapes": {"JawOpen": 0.4}}]},
    ],
    ids=["named", "list", "held", "matrix", "weights", "audio2face", "pascal"],
)  # fmt: skip
def test_arkit_shapes_in_json(tmp_path, document):
    (tmp_path / "m.json").write_text(json.dumps(document))
    track = read_track(tmp_path / "m.json")
    assert track.fps == 50
    assert column(track.values, "jaw_open").tolist() == pytest.approx([0.2, 0.4])
    assert not track.known[10:].any()


def test_our_columns_win_over_arkits_and_a_few_of_either_are_enough(tmp_path):
    (tmp_path / "m.csv").write_text("time,jaw_open,jawOpen,head_yaw,eyeBlinkLeft\n0,0.5,0.1,3,1\n")
    track = read_track(tmp_path / "m.csv")
    assert track.values[0, INDEX["jaw_open"]] == 0.5
    assert track.values[0, INDEX["head_yaw"]] == 3
    assert track.values[0, INDEX["blink_left"]] == 1
    assert track.known[INDEX["head_roll"]]
    assert not track.known[INDEX["breath"]]


def test_our_own_zeros_are_meant(tmp_path):
    rest = Motion(np.zeros((3, len(CHANNELS)), np.float32), Fraction(25))
    opensonic.write_motion(rest, tmp_path / "m.csv")
    assert read_track(tmp_path / "m.csv").known.all()


def test_spreadsheets_of_other_countries(tmp_path):
    (tmp_path / "m.csv").write_text("\ufefftime;jaw_open\r\n0;0,25\r\n0,04;0,5\r\n\r\n")
    assert column(read_track(tmp_path / "m.csv").values, "jaw_open").tolist() == [0.25, 0.5]
    (tmp_path / "m.tsv").write_text("time\tjaw_open\n0\t0.25\n")
    assert column(read_track(tmp_path / "m.tsv").values, "jaw_open").tolist() == [0.25]


def test_rhubarb_in_both_its_formats(tmp_path):
    (tmp_path / "hi.tsv").write_text("0.00\tX\n0.05\tD\n0.27\tC\n0.31\tB\n0.43\tX\n0.47\tX\n")
    moments = [0, 0.05, 0.27, 0.31, 0.43, 0.47]
    cues = [
        {"start": a, "end": b, "value": letter}
        for a, b, letter in zip(moments, moments[1:], "XDCBX", strict=False)
    ]
    (tmp_path / "hi.json").write_text(
        json.dumps({"metadata": {"soundFile": "hi.wav", "duration": 0.47}, "mouthCues": cues})
    )
    one, other = read_track(tmp_path / "hi.tsv"), read_track(tmp_path / "hi.json")
    assert np.array_equal(one.values, other.values)
    assert one.end_s == pytest.approx(0.47)
    gap = inner_lip_gap(one.values)
    assert gap[16] > 0.2
    assert gap[0] == gap[-1] == 0
    assert not one.known[10:].any()


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("time,jaw_open\n0,0.5\n0.04,1.4\n", "jaw_open 1.4 in line 3 (0 to 1)"),
        ("time,head_yaw\n0,-45\n", "head_yaw -45 in line 2 (-30 to 30)"),
        ("time,jawOpen\n0,-0.5\n0.1,1.5\n", "2 values lie"),
        ("time,headYaw\n0,1\n", "head_yaw -57.3"),
    ],
)
def test_values_out_of_range_are_held_and_said(tmp_path, text, warned):
    (tmp_path / "m.csv").write_text(text)
    track = read_track(tmp_path / "m.csv")
    assert len(track.warnings) == 1
    assert warned in track.warnings[0]
    assert track.warnings[0].startswith("m.csv: ")
    assert (track.values >= LOW).all()
    assert (track.values <= HIGH).all()


def test_columns_of_no_use_are_named(tmp_path):
    (tmp_path / "m.csv").write_text("time,jaw_open,mood\n0,0.5,glad\n")
    assert read_track(tmp_path / "m.csv").notes == ("m.csv: not used: mood",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        (" \n\n", "nothing but blanks"),
        ("hello world\n", "line 1: found 'hello world'; expected the names of columns"),
        ("time,jaw_open\n", "holds no frames"),
        ("jaw_open,lip_press\n0,0\n", "among them time"),
        ("time,volume\n0,0\n", "none of OpenSonic's channels and none of ARKit's"),
        ("time,jaw_open\n0,0.1\n0.04,nan\n", "line 3: jaw_open is nan; expected a finite number"),
        ("time,jaw_open\n0,inf\n", "line 2: jaw_open is inf"),
        ("time,jaw_open\n0,wide\n", "line 2: jaw_open is 'wide'; expected a number"),
        ("time,jaw_open\n0,\n", "line 2: jaw_open is ''"),
        ("time,jaw_open\n0,0.1,0.2\n", "line 2: has 3 columns; expected 2"),
        ("time,jaw_open\n0.1,0\n0.1,0\n0.05,0\n", "does not come after"),
        ("time,jaw_open\n-1,0\n", "line 2: the time is '-1'"),
        ("time,jaw_open\n1763800000,0\n", "line 2: the time is 1.7638e+09; expected seconds"),
        ("time,jaw_open,jaw_open\n0,0,0\n", "two columns are called 'jaw_open'"),
        ("Timecode,JawOpen\n12:00,0\n", "line 2: the timecode is '12:00'"),
        ("time,jawOpen,JawOpen\n0,0,0\n", "two columns are called"),
        ('time,"jaw_open\n0,0\n', "expected"),
        ("0.00\tX\n0.05\tQ\n", "line 2: the shape is 'Q'; expected one of A, B"),
        ("0.00\tX\nx\tA\n", "line 2: start is 'x'"),
        ("0.00\tX\n0.05\n", "line 2: '0.05' is not a moment"),
        ("0.00\tX\n0.05\tD\n0.01\tX\n", "that do not overlap"),
        ("0.00\tX\n99999999\tX\n", "within a day"),
        ("<rhubarbResult></rhubarbResult>", "is XML; expected"),
        ('{"a": [1,\n2', "line 2: is not JSON"),
        ("[" * 100_000, "is not JSON that can be read"),
        ('{"mouthCues": []}', "holds no mouth cues"),
        ('{"mouthCues": [3]}', "not a list of cues"),
        ('{"mouthCues": [{"start": 0, "end": 1, "value": "Z"}]}', "cue 1: the shape is 'Z'"),
        ('{"mouthCues": [{"start": 0, "value": "A"}]}', "cue 1: end is 'None'"),
        ('{"frames": []}', "list of frames is empty"),
        ('{"scene": 1}', "holds no list of frames"),
        ('{"frames": [{"jawOpen": 1}]}', "frame 0: has no time"),
        ('{"fps": 0, "frames": [{"jawOpen": 1}]}', "fps is '0'"),
        ('{"fps": 25, "frames": [{"jawOpen": 1}, {"jawLeft": 1}]}', "frame 1: has no 'jawOpen'"),
        ('{"fps": 25, "frames": [{"jawOpen": 1}, 7]}', "frame 1: is '7'"),
        ('{"fps": 25, "frames": [{"jawOpen": NaN}]}', "frame 0: jawOpen is 'nan'"),
        ('{"fps": 25, "frames": [{"shapes": {"jawOpen": "x"}}]}', "frame 0: jawOpen is 'x'"),
        ('{"fps": 25, "frames": [{"jawOpen": 1e99}]}', "jawOpen is '1e+99'"),
        ('{"fps": 1e-320, "frames": [{"jawOpen": 1}]}', "fps is '1e-320'"),
        ('{"fps": 25, "frames": [[1, 2]]}', "frame 0: has 2 values for which the file gives no"),
        ('{"fps": 25, "names": ["jawOpen"], "frames": [[1, 2]]}', "gives 1 names"),
        ('{"format": "opensonic-motion", "version": 9, "frames": []}', "is of version 9"),
        ('{"fps": 25, "frames": [{}]}', "none of OpenSonic's channels"),
        ("7\n", "expected"),
    ],
)
def test_wrong_files_are_refused_with_the_place_and_what_was_expected(tmp_path, text, said):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        read_track(tmp_path / "m.csv")
    message = str(caught.value)
    assert said in message
    assert "m.csv" in message
    assert "\n" not in message


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "m.csv").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(InputError, match="expected"):
        read_track(tmp_path / "m.csv")
    (tmp_path / "n.csv").write_bytes(b"time,jaw_open\n0,\xff\xfe\n")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_track(tmp_path / "n.csv")
    with pytest.raises(InputError, match="no such file"):
        read_track(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_track(tmp_path)


@pytest.mark.parametrize(
    ("name", "layout", "error", "said"),
    [
        ("m.txt", "opensonic", EncodeError, ".csv or .json"),
        ("no/m.csv", "opensonic", EncodeError, "there is no folder"),
        (".", "opensonic", EncodeError, "expected a name"),
        ("m.csv", "pretty", InputError, "expected one of opensonic, livelink"),
        ("m.json", "livelink", InputError, "ends in .csv"),
    ],
)
def test_targets_that_cannot_be_written(tmp_path, name, layout, error, said):
    with pytest.raises(error, match=said):
        opensonic.write_motion(any_motion(), tmp_path / name, layout=layout)
    assert list(tmp_path.iterdir()) == []


def test_no_half_file_is_left_and_an_old_one_stays(tmp_path):
    target = tmp_path / "m.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), motion_file(target, Fraction(25)) as write:
        write(any_motion())
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit of file sizes")
def test_a_full_disk_is_told(tmp_path):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(EncodeError, match=r"m\.csv: could not be written"):
            opensonic.write_motion(any_motion(400), tmp_path / "m.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_frames_are_written_as_they_come(tmp_path):
    motion = any_motion(2000)
    with motion_file(tmp_path / "m.csv", Fraction(25)) as write:
        write(motion)
        (part,) = tmp_path.iterdir()
        assert part.name.startswith(".")
        assert part.stat().st_size > 100_000
    assert [path.name for path in tmp_path.iterdir()] == ["m.csv"]


@pytest.mark.parametrize("fps", ["1e999999999", "1e-999999999", "nan", "1/0"])
def test_impossible_rates_are_refused_at_once(tmp_path, fps):
    path = tmp_path / "take.json"
    path.write_text(json.dumps({"fps": fps, "frames": [{"jawOpen": 0.1}]}))
    with pytest.raises(InputError, match="expected frames per second"):
        read_track(path)


def test_a_motion_too_long_for_memory_is_refused(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text("time,jaw_open\n0,0.1\n0.00001,0.2\n0.00002,0.2\n86400,0.3\n")
    with pytest.raises(InputError, match="ask for fewer by fps"):
        opensonic.read_motion(path)
