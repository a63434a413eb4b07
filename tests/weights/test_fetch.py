"""Downloads against a server that breaks off, forgets, lies and refuses."""

import errno
import hashlib
import json
import shutil
from collections import namedtuple

import pytest

from opensonic.errors import InputError, WeightsError
from opensonic.weights import fetch as module
from opensonic.weights import parts
from opensonic.weights.fetch import UnavailableError, Wanted, fetch

CONTENTS = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENTS).hexdigest()


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def get(tmp_path, pauses):
    """Fetch a URL and say what came."""

    def get(url, follow=lambda done, total: None, **known):
        target = tmp_path / "in" / "model.bin"
        wanted = Wanted(url=url, page="https://hub/page", **known)
        fetched = fetch(wanted, target, follow=follow, sleep=pauses.append)
        assert [p.name for p in target.parent.iterdir()] == ["model.bin"]
        return fetched, target.read_bytes()

    return get


def left_over(tmp_path):
    return sorted(p.name for p in (tmp_path / "in").iterdir())


def test_a_file_comes_whole_with_what_the_hub_tells(hub, get, pauses):
    steps = []
    fetched, contents = get(hub.put("a", CONTENTS), lambda *step: steps.append(step))
    assert contents == CONTENTS
    assert (fetched.size, fetched.sha256, fetched.revision) == (len(CONTENTS), SHA256, "c0ffee")
    assert steps[0] == (0, len(CONTENTS))
    assert steps[-1] == (len(CONTENTS), len(CONTENTS))
    assert steps == sorted(steps)
    assert pauses == []


def test_an_empty_file_comes_too(hub, get):
    assert get(hub.put("a", b""))[1] == b""


def test_a_broken_connection_is_gone_on_with(hub, get, pauses):
    hub.break_after = [300_000, 200_000]
    fetched, contents = get(hub.put("a", CONTENTS))
    assert contents == CONTENTS
    assert fetched.sha256 == SHA256
    ranges = [headers.get("Range") for path, headers in hub.asked if path.startswith("/bytes")]
    assert ranges == [None, "bytes=300000-", "bytes=500000-"]
    assert pauses == [1, 1]  # each got on, so the pause does not grow


def test_a_later_call_goes_on_where_an_earlier_one_was_stopped(hub, get, tmp_path):
    hub.break_after = [700_000]
    url = hub.put("a", CONTENTS)

    def stop(done, total):
        if done > 400_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(url, stop)
    assert left_over(tmp_path) == [".model.bin.part", ".model.bin.part.json"]
    part = (tmp_path / "in" / ".model.bin.part").stat().st_size
    assert part > 400_000
    assert get(url)[1] == CONTENTS
    assert hub.asked[-1][1]["Range"] == f"bytes={part}-"


def test_a_server_that_ignores_ranges_sends_all_again(hub, get):
    hub.break_after, hub.ranges = [300_000], False
    assert get(hub.put("a", CONTENTS))[1] == CONTENTS


@pytest.mark.parametrize("linked", [True, False])
def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(hub, get, linked):
    hub.linked = linked
    url = hub.put("a", CONTENTS)
    with pytest.raises(KeyboardInterrupt):
        get(url, lambda done, total: (_ for _ in ()).throw(KeyboardInterrupt) if done else None)
    hub.put("a", CONTENTS[::-1])
    assert get(url)[1] == CONTENTS[::-1]


def test_without_etag_or_hash_nothing_is_gone_on_with(hub, get):
    hub.linked, hub.etag, hub.break_after = False, False, [300_000]
    assert get(hub.put("a", CONTENTS))[1] == CONTENTS
    assert all("Range" not in headers for _, headers in hub.asked)


def test_without_etag_a_known_hash_is_enough(hub, get):
    hub.etag, hub.break_after = False, [300_000]
    assert get(hub.put("a", CONTENTS))[1] == CONTENTS
    assert hub.asked[-1][1]["Range"] == "bytes=300000-"


def test_a_part_that_is_whole_already_needs_no_byte_more(hub, get, tmp_path):
    url = hub.put("a", CONTENTS)

    def stop(done, total):
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(url, stop)
    assert get(url)[1] == CONTENTS


def test_a_part_that_is_too_long_is_thrown_away(hub, get, tmp_path):
    url = hub.put("a", CONTENTS)
    with pytest.raises(KeyboardInterrupt):
        get(url, lambda done, total: (_ for _ in ()).throw(KeyboardInterrupt) if done else None)
    with (tmp_path / "in" / ".model.bin.part").open("ab") as file:
        file.write(bytes(2 * len(CONTENTS)))
    assert get(url)[1] == CONTENTS


def test_a_damaged_note_beside_the_part_does_no_harm(hub, get, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / ".model.bin.part").write_bytes(b"something else")
    (tmp_path / "in" / ".model.bin.part.json").write_text("{")
    assert get(hub.put("a", CONTENTS))[1] == CONTENTS


def test_it_gives_up_after_five_attempts_in_a_row_and_keeps_the_part(hub, get, tmp_path, pauses):
    hub.break_after = [1000, *[0] * 10]
    with pytest.raises(UnavailableError, match=r"5 times in a row.*kept.*--mirror"):
        get(hub.put("a", CONTENTS))
    assert pauses == [1, 2, 4, 8]
    assert (tmp_path / "in" / ".model.bin.part").stat().st_size == 1000


def test_a_server_in_trouble_is_asked_again(hub, get, pauses):
    hub.answers, hub.retry_after = [500, 503, 429], "7"
    assert get(hub.put("a", CONTENTS))[1] == CONTENTS
    assert pauses == [7, 7, 7]


def test_no_server_sends_us_to_sleep_for_long(hub, get, pauses):
    hub.answers, hub.retry_after = [503], "86400"
    get(hub.put("a", CONTENTS))
    assert pauses == [60]


def test_a_server_that_is_not_there_is_named(get, pauses):
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9/a: broke off"):
        get("http://127.0.0.1:9/a")
    assert len(pauses) == 4


def test_a_missing_file_is_named_at_once(hub, get, pauses):
    with pytest.raises(UnavailableError, match=r"/none: the server answers 404 .no such file"):
        get(f"{hub.url}/none")
    assert pauses == []


def test_a_gated_file_says_how_to_get_in(hub, get):
    hub.token = "right"
    url = hub.put("a", CONTENTS)
    with pytest.raises(UnavailableError, match=r"401.*asks for a token.*hub/page.*HF_TOKEN"):
        get(url)
    with pytest.raises(UnavailableError, match=r"403.*was not accepted") as error:
        get(url, token="secret-wrong")
    assert "secret" not in str(error.value)
    assert get(url, token="right")[1] == CONTENTS


def test_the_token_goes_to_its_own_server_only(hub, other_hub, get):
    hub.token, hub.elsewhere = "right", other_hub.url
    hub.break_after = [1]
    other_hub.put("a", CONTENTS)
    other_hub.break_after = [300_000]
    assert get(hub.put("a", CONTENTS), token="right")[1] == CONTENTS
    assert all(headers.get("Authorization") == "Bearer right" for _, headers in hub.asked)
    assert len(other_hub.asked) == 2
    assert all("Authorization" not in headers for _, headers in other_hub.asked)
    assert other_hub.asked[1][1]["Range"] == "bytes=300000-"
    assert other_hub.asked[1][1]["Host"] in other_hub.url


def test_a_redirect_out_of_the_web_is_refused(hub, get, tmp_path):
    hub.elsewhere = f"file://{tmp_path}"
    with pytest.raises(WeightsError):
        get(hub.put("a", CONTENTS))


def test_another_size_or_hash_than_known_is_refused_before_it_is_fetched(hub, get):
    url = hub.put("a", CONTENTS)
    with pytest.raises(UnavailableError, match="size in bytes that the server tells is 1048576"):
        get(url, size=5)
    with pytest.raises(UnavailableError, match="SHA-256 that the server tells"):
        get(url, sha256="0" * 64)


def test_a_wrong_hash_of_what_came_deletes_it(hub, get, tmp_path):
    hub.claims = {"X-Linked-Etag": f'"{"0" * 64}"'}
    with pytest.raises(WeightsError, match=r"SHA-256 of what came is.*deleted.*do not trust"):
        get(hub.put("a", CONTENTS))
    assert left_over(tmp_path) == []


def test_a_known_hash_is_held_against_a_server_that_tells_none(hub, get, tmp_path):
    hub.linked = False
    with pytest.raises(WeightsError, match="SHA-256 of what came"):
        get(hub.put("a", CONTENTS), sha256="0" * 64)
    assert left_over(tmp_path) == []


def test_more_bytes_than_told_are_refused(hub, get, tmp_path):
    hub.claims = {"X-Linked-Size": "1000"}
    with pytest.raises(WeightsError, match="size in bytes of what came is 1048576, expected 1000"):
        get(hub.put("a", CONTENTS))
    assert left_over(tmp_path) == []


def test_fewer_bytes_than_told_count_as_broken_off(hub, get):
    hub.linked, hub.length = False, 10
    with pytest.raises(UnavailableError, match="broke off"):
        get(hub.put("a", CONTENTS))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://a/b", "hub/a", "http://", "http://[x", "http://a b"]
)
def test_only_the_web_is_fetched_from(get, url):
    with pytest.raises(InputError, match="https://"):
        get(url)


def test_an_address_with_a_password_is_refused_without_showing_it(get):
    with pytest.raises(InputError, match="without a password") as error:
        get("https://user:geheim@hub/a")
    assert "geheim" not in str(error.value)


def test_a_full_disk_is_told_before_the_first_byte(hub, get, monkeypatch, tmp_path):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 1000))
    with pytest.raises(WeightsError, match=r"0\.00 GB more are needed.*make room"):
        get(hub.put("a", CONTENTS))


def test_a_disk_that_fills_up_keeps_the_part(hub, get, monkeypatch, tmp_path):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    def follow(done, total):
        if done > 500_000:
            full(done)

    with pytest.raises(WeightsError, match=r"No space left on device.; make room.*kept"):
        get(hub.put("a", CONTENTS), follow)
    note = json.loads((tmp_path / "in" / ".model.bin.part.json").read_text())
    assert note["sha256"] == SHA256
    monkeypatch.undo()
    assert get(hub.put("a", CONTENTS))[1] == CONTENTS


def test_a_folder_that_cannot_be_made_is_named(hub, tmp_path):
    (tmp_path / "in").write_text("a file, no folder")
    wanted = Wanted(url=hub.put("a", CONTENTS), page="")
    with pytest.raises(WeightsError, match="cannot be written"):
        fetch(wanted, tmp_path / "in" / "model.bin")


def test_two_processes_do_not_write_the_same_part(hub, get, tmp_path):
    url = hub.put("a", CONTENTS)

    def again(done, total):
        for _ in range(2):  # who was refused does not open the door
            with pytest.raises(WeightsError, match="another process is fetching this file"):
                get(url)

    get(url, again)
    assert get(url)[1] == CONTENTS


def test_a_folder_that_may_not_be_written_is_named(hub, get, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(parts.Path, "open", refuse)
    with pytest.raises(WeightsError, match=r"cannot be written .Permission denied.*--models-dir"):
        get(hub.put("a", CONTENTS))


def test_a_drive_without_locks_does_too(hub, get, monkeypatch):
    def unknown(_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(parts, "_lock", unknown)
    assert get(hub.put("a", CONTENTS))[1] == CONTENTS


def test_a_silent_server_counts_as_broken_off(hub, get, monkeypatch, pauses):
    monkeypatch.setattr(module, "TIMEOUT_S", 0.05)
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    hub.break_after, hub.stall_s = [1000, 0], 0.2
    with pytest.raises(UnavailableError, match="timed out"):
        get(hub.put("a", CONTENTS))
    assert len(pauses) == 1
