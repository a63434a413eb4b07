import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest

from opensonic.errors import EncodeError, InputError
from opensonic.media.footage import probe
from opensonic.media.provenance import append_label, copy_label, read_label
from opensonic.media.remux import shift_sound

CLAP_S = 1.0


def played(path):
    """When picture and sound clap as a player that honours the file's times plays it, s."""
    light, click = [], None
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0]):
            if frame.to_ndarray(format="gray8").mean() > 128:
                light.append(frame.time)
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.audio[0]):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.2)
            if click is None and len(loud):
                click = frame.time + loud[0] / frame.sample_rate
    assert len(light) == 1
    return light[0], click


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("shift_s", [0.0, 0.05, -0.05, 0.3337, -0.3337, 0.9, -0.9, 4.0])
def test_the_sound_moves_by_what_was_asked(tmp_path, write_clap, suffix, shift_s):
    source, target = tmp_path / f"clap{suffix}", tmp_path / f"moved{suffix}"
    write_clap(source)
    moved = shift_sound(source, target, shift_s)
    assert moved.shift_s == shift_s
    before, after = played(source), played(target)
    assert (after[1] - after[0]) - (before[1] - before[0]) == pytest.approx(shift_s, abs=2e-3)
    assert not list(tmp_path.glob(".*"))
    assert moved.left_out == ()


@pytest.mark.parametrize(
    ("first", "second"), [(".mp4", ".mkv"), (".mkv", ".mp4"), (".webm", ".mkv"), (".mov", ".mp4")]
)
def test_from_one_kind_of_file_to_another(tmp_path, write_clap, first, second):
    source, target = tmp_path / f"clap{first}", tmp_path / f"moved{second}"
    write_clap(source, picture_at_s=0.2, sound_at_s=0.4)
    shift_sound(source, target, -0.35)
    light, click = played(target)
    assert click - light == pytest.approx(-0.35, abs=3e-3)


@pytest.mark.parametrize("shift_s", [0.4, -0.4])
def test_moving_back_gives_the_source_again(tmp_path, write_clap, shift_s):
    write_clap(tmp_path / "clap.mp4")
    shift_sound(tmp_path / "clap.mp4", tmp_path / "there.mp4", shift_s)
    shift_sound(tmp_path / "there.mp4", tmp_path / "back.mp4", -shift_s)
    light, click = played(tmp_path / "back.mp4")
    assert click - light == pytest.approx(0, abs=2e-3)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_pictures_that_are_decoded_before_they_are_shown(tmp_path, write_clap, suffix):
    source, target = tmp_path / "clap.mkv", tmp_path / f"moved{suffix}"
    write_clap(source, codecs=("libx264", "aac"))
    shift_sound(source, target, 0.25)
    light, click = played(target)
    assert click - light == pytest.approx(0.25, abs=2e-3)
    assert len(packets(target, "video")) == 50


def packets(path, kind):
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_nothing_is_encoded_again(tmp_path, write_clap, suffix):
    source = tmp_path / f"clap{suffix}"
    write_clap(source)
    for shift_s in (0.25, -0.25):
        target = tmp_path / f"moved{suffix}"
        shift_sound(source, target, shift_s)
        assert packets(target, "video") == packets(source, "video")
        sound, whole = packets(target, "audio"), packets(source, "audio")
        assert sound == whole[len(whole) - len(sound) :]
        lost = (len(whole) - len(sound)) * 1024 / 48_000
        assert lost == pytest.approx(max(0, -shift_s), abs=2.1 * 1024 / 48_000)


def test_what_players_without_edit_lists_miss_is_told(tmp_path, write_clap):
    write_clap(tmp_path / "clap.mp4")
    write_clap(tmp_path / "clap.mkv")
    packet_s = 1024 / 48_000
    later = shift_sound(tmp_path / "clap.mp4", tmp_path / "a.mp4", 0.5)
    assert later.ignored_s == pytest.approx(packet_s - 0.5, abs=1e-3)
    earlier = shift_sound(tmp_path / "clap.mp4", tmp_path / "b.mp4", -0.5)
    assert 0 <= earlier.ignored_s <= 2 * packet_s
    assert shift_sound(tmp_path / "clap.mkv", tmp_path / "c.mkv", 0.5).ignored_s == 0


def test_tags_turn_and_the_mark_of_ai_are_kept(tmp_path, write_clap):
    source, target = tmp_path / "clap.mp4", tmp_path / "moved.mp4"
    write_clap(source, turn=90)
    titled = tmp_path / "titled.mp4"
    shift_sound(source, titled, 0.0)
    append_label(titled)
    shift_sound(titled, target, 0.1)
    assert probe(target).size == (64, 96)
    assert read_label(target) == read_label(titled)
    assert read_label(target) is not None
    assert target.read_bytes().count(b"DigitalSourceType=") == 1


def test_titles_languages_and_chapters_are_kept(tmp_path, write_clap):
    write_clap(tmp_path / "clap.mkv")
    with (
        av.open(str(tmp_path / "clap.mkv")) as reader,
        av.open(str(tmp_path / "tagged.mkv"), "w") as writer,
    ):
        writer.metadata["title"] = "a clap"
        copies = {s.index: writer.add_stream_from_template(s, opaque=True) for s in reader.streams}
        copies[1].metadata["language"] = "fre"
        chapter = {"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000)}
        writer.set_chapters([{**chapter, "metadata": {"title": "one"}}])
        for packet in reader.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                writer.mux(packet)
    shift_sound(tmp_path / "tagged.mkv", tmp_path / "moved.mkv", -0.1)
    with av.open(str(tmp_path / "moved.mkv")) as moved:
        assert moved.metadata["title"] == "a clap"
        assert moved.streams.audio[0].language == "fre"
        assert [chapter["metadata"]["title"] for chapter in moved.chapters()] == ["one"]


def test_the_source_is_never_overwritten(tmp_path, write_clap):
    path = tmp_path / "clap.mp4"
    write_clap(path)
    before = path.read_bytes()
    (tmp_path / "same.mp4").symlink_to(path)
    for target in (path, tmp_path / "same.mp4"):
        with pytest.raises(EncodeError, match="is the video itself"):
            shift_sound(path, target, 0.1)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("moved.avi", EncodeError, "expected a name that ends in .mp4"),
        ("nowhere/moved.mp4", EncodeError, "make it first"),
        ("moved.webm", EncodeError, r"\.webm cannot hold the video"),
    ],
)
def test_a_target_that_cannot_be_is_one_clear_line(tmp_path, write_clap, name, error, match):
    write_clap(tmp_path / "clap.mp4")
    with pytest.raises(error, match=match):
        shift_sound(tmp_path / "clap.mp4", tmp_path / name, 0.1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clap.mp4"]


def test_a_video_without_sound_is_refused(tmp_path, write_clap):
    write_clap(tmp_path / "mute.mkv", sound_at_s=2.0)
    with pytest.raises(InputError, match="holds no sound"):
        shift_sound(tmp_path / "mute.mkv", tmp_path / "moved.mkv", 0.1)


@pytest.mark.parametrize("start", [b"\0\0\0\1gB\xc0\x0a" + b"\xff" * 40, b"\x1aE\xdf\xa3" * 9])
def test_what_is_no_mp4_bears_no_mark(tmp_path, start):
    (tmp_path / "other").write_bytes(start)
    assert read_label(tmp_path / "other") is None
    copy_label(tmp_path / "other", tmp_path / "none.mp4")
    assert not (tmp_path / "none.mp4").exists()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_shift_that_leaves_no_sound_is_refused(tmp_path, write_clap, suffix):
    source, target = tmp_path / f"clap{suffix}", tmp_path / f"moved{suffix}"
    write_clap(source)
    with pytest.raises(InputError, match="nothing of its sound would be left"):
        shift_sound(source, target, -60)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_a_full_disk_leaves_nothing(tmp_path, write_clap):
    if not sys.platform.startswith("linux"):
        pytest.skip("the limit of a file's size is Linux' own")
    write_clap(tmp_path / "clap.mp4")
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from opensonic.media.remux import shift_sound\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "shift_sound(Path(sys.argv[1]), Path(sys.argv[2]), 0.1)\n"
    )
    words = [sys.executable, "-c", code, tmp_path / "clap.mp4", tmp_path / "moved.mp4"]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "EncodeError" in run.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clap.mp4"]
