import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from opensonic.errors import EncodeError
from opensonic.metrics.batch import Failure
from opensonic.metrics.evaluation import Moment, Row
from opensonic.metrics.report import check_report_target, write_report
from opensonic.metrics.report import page as page_module
from opensonic.metrics.report.texts import Texts

VOID = {"meta", "img", "br"}
EVIL = "<script>alert('x')</script> & \"quoted\".mp4"


class Page(HTMLParser):
    """Checks nesting as it reads, and collects what tests ask for."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID and tag != "path":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> within {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def write(tmp_path):
    def write(evaluations, **options):
        target = tmp_path / "report.html"
        write_report(evaluations, target, **options)
        text = target.read_text(encoding="utf-8")
        return Page(text), text

    return write


def test_a_report_tells_what_was_measured(write, evaluation, numbered):
    page, text = write(evaluation(numbered(n_frames=150)))
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "Something is clearly wrong." in page.text
    assert "The sound comes 62 ms after the lips" in page.text
    assert "Lag: 62.4 ms; good: -45 to 45 ms" in page.text
    assert "14.2 per minute" in page.text
    assert "One measure could not be taken" in page.text
    assert "no weights" in page.text
    assert "96 × 64 px · 25 pictures a second · without sound" in page.text
    for title in ("Lips seen and heard", "Lag over time", "Eyelids", "Head", "Flicker"):
        assert title in page.text
    assert "0:02.02 to 0:02.50 lips open in silence" in page.text
    assert len(page.all("img")) == 1 + 8 + 2 * 8


def test_nothing_is_asked_of_the_network(write, evaluation, numbered):
    page, text = write([evaluation(numbered()), evaluation("gone.mp4")])
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/jpeg;base64,")), value[:80]
    assert "link" not in {tag for tag, _ in page.tags}
    assert not re.search(r"https?:|//[a-z]|@import|url\(|fetch\(|XMLHttp", text)
    assert "default-src 'none'" in text


def test_what_comes_from_outside_is_escaped(write, evaluation):
    evil = Row("evil", EVIL, 1.0, EVIL, EVIL, EVIL, EVIL, "fair")
    one = replace(
        evaluation(EVIL, rows=(evil, replace(evil, value=None)), notes=(EVIL,)),
        moments=(Moment(1.0, EVIL, 1.0, 1.2, EVIL), Moment(1.1, EVIL, 1.0, 1.2, EVIL)),
        reference=(page := evaluation(EVIL).video),
    )
    page, text = write([one, one])
    assert "<script>alert" not in text
    assert len(page.all("script")) == 1
    assert page.text.count(EVIL) > 20


def test_names_that_are_no_text_do_not_stop_it(write, evaluation):
    page, _ = write(evaluation("bell\x07 and \udcff and \u202e name.mp4"))
    assert "bell� and � and \u202e name.mp4" in page.text
    assert page.all("bdi")


def test_it_can_be_read_by_ear(write, evaluation, numbered):
    page, _ = write([evaluation(numbered("a.mp4")), evaluation(numbered("b.mp4"))])
    assert all(image["alt"].strip() for image in page.all("img"))
    drawings = page.all("svg")
    assert len(drawings) >= 16
    assert all(one["role"] == "img" and one["aria-label"] for one in drawings)
    assert len(page.all("title")) == 1 + len(drawings)
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    for link in page.all("a"):
        assert link["href"][1:] in names
    assert all(head.get("scope") for head in page.all("th"))


def test_verdicts_are_words_and_signs_too(write, evaluation):
    rows = [Row("a", "A", 1.0, verdict=verdict) for verdict in ("good", "fair", "poor", "")]
    page, _ = write([evaluation(rows=(row,), moments=()) for row in rows])
    for sign, word in (("✓", "Good"), ("!", "Look again"), ("✕", "Not good"), ("–", "Not judged")):
        assert f"{sign} {word}" in page.text
    assert "1 good · 1 to look at again · 1 not good · 1 not judged" in page.text


def test_the_table_of_several_sorts_by_number(write, evaluation):
    few = evaluation("few.mp4", rows=(Row("lag", "Lag", -4.0, "ms", verdict="good"),), moments=())
    many = evaluation("many.mp4", rows=(Row("lag", "Lag", 62.4, "ms", verdict="fair"),))
    none = evaluation("none.mp4", rows=(Row("lag", "Lag", None, "ms"),))
    page, text = write([few, many, none])
    assert [head.get("aria-sort") for head in page.all("th") if "aria-sort" in head] == ["none"] * 5
    table = text[text.index("<tbody>") : text.index("</tbody>")]
    assert re.findall(r'data-sort="([^"]*)" class', table) == ["-4", "62.4"]
    assert 'href="#v1"' in table and 'href="#v3"' in table


def test_a_video_that_is_gone_still_gives_a_report(write, evaluation):
    page, _ = write(evaluation("gone.mp4"))
    assert not page.all("img")
    assert "The pictures could not be read again from gone.mp4" in page.text


def test_an_evaluation_without_anything_gives_a_report(write, evaluation):
    one = evaluation(rows=(Row("lag", "Lag", None, note="no sound"),), moments=(), sync=False)
    unknown = {
        name: np.full(0, np.nan, np.asarray(values).dtype) if name != "seen" else values[:0]
        for name, values in vars(one.curves).items()
    }
    page, _ = write(replace(one, curves=replace(one.curves, **unknown)))
    assert "Too little could be measured to judge it." in page.text
    assert "How lips and sound lie in time could not be measured." in page.text
    assert not page.all("svg")


def test_a_report_stays_small(tmp_path, evaluation, numbered):
    video = numbered(size=(640, 480))
    moments = tuple(
        Moment(0.1 * n, "lips open in silence", 2.0, 0.1 * n + 0.1, f"kind{n}") for n in range(40)
    )
    long = evaluation(video, seconds=1800, moments=moments)
    write_report(long, tmp_path / "long.html")
    assert (tmp_path / "long.html").stat().st_size < 1_500_000
    short = evaluation("gone.mp4", seconds=60)
    write_report([short] * 300, tmp_path / "many.html")
    assert (tmp_path / "many.html").stat().st_size < 3_000_000
    text = (tmp_path / "many.html").read_text(encoding="utf-8")
    assert text.count('<section class="video"') == page_module.MOST_DETAILED
    assert "details of the worst 30 videos" in text


def test_the_worst_get_the_details(write, evaluation, monkeypatch):
    monkeypatch.setattr(page_module, "MOST_DETAILED", 1)
    good = evaluation("good.mp4", rows=(Row("a", "A", 1.0, verdict="good"),), moments=())
    _, text = write([good, evaluation("poor.mp4"), good])
    assert re.findall(r'<section class="video" id="(v\d)"', text) == ["v2"]


def test_videos_that_could_not_be_measured_are_named(write, evaluation):
    failures = [Failure(Path("x/torn.mp4"), f"torn.mp4: {EVIL}", "InputError", 2)]
    page, text = write(evaluation("a.mp4"), failures=failures)
    assert "1 not good · 1 could not be measured" in page.text
    assert f"torn.mp4: {EVIL}" in page.text
    assert "<script>alert" not in text


def test_files_of_one_name_are_told_apart(write, evaluation):
    page, _ = write([evaluation("of/anna/talk.mp4"), evaluation("of/bert/talk.mp4")])
    assert "anna/talk.mp4" in page.text
    assert "bert/talk.mp4" in page.text
    assert "of/anna" not in page.text


def test_pictures_of_all_videos_share_what_there_is_room_for(
    write, evaluation, numbered, monkeypatch
):
    monkeypatch.setattr(page_module, "PICTURE_BYTES", 30_000)
    page, text = write([evaluation(numbered(f"{name}.mp4")) for name in "abc"])
    strips = page.all("img")
    strips = [image for image in strips if "width" in image]
    assert 0 < sum(len(image["src"]) for image in strips) * 3 / 4 < 30_000
    assert 8 <= len(strips) < 3 * 2 * 8
    assert "Others" in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("report.pdf", "expected a name that ends in .html or .htm"),
        ("report", "cannot write a file without ending"),
        ("no/such/report.html", "there is no folder"),
        ("folder.html", "is a folder"),
    ],
)
def test_targets_that_cannot_be_written_are_refused(tmp_path, evaluation, name, message):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(EncodeError, match=message):
        check_report_target(tmp_path / name)
    with pytest.raises(EncodeError, match=message):
        write_report(evaluation(), tmp_path / name)


def test_a_report_that_fails_leaves_what_was_there(tmp_path, evaluation, monkeypatch):
    target = tmp_path / "report.html"
    target.write_text("before", encoding="utf-8")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", fail)
    with pytest.raises(EncodeError, match="the disk is full"):
        write_report(evaluation(), target)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert target.read_text(encoding="utf-8") == "before"


def test_another_language_takes_another_set_of_words(write, evaluation):
    page, text = write(evaluation(), texts=Texts(language="zh", figures="数值"))
    assert '<html lang="zh">' in text
    assert "数值" in page.text


def test_no_evaluation_is_a_mistake(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        write_report([], tmp_path / "report.html")
