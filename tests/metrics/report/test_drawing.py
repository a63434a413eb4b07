import re

import numpy as np
import pytest

from opensonic.metrics.report.axis import choose_ticks, clock
from opensonic.metrics.report.drawing import HEIGHT, Dot, Line, Plot, Span
from opensonic.metrics.report.drawing import draw_plot as draw
from opensonic.metrics.report.words import number


def points_of(text, kind):
    """Points of the path of a kind, as browsers walk it."""
    path = re.search(rf'<path class="{kind}" d="([^"]*)"', text).group(1)
    x = y = 0
    for command, dx, dy in re.findall(r"([ml])(-?\d+) ?(-?\d+)", path):
        x, y = x + int(dx), y + int(dy)
        yield command, x, y


def plot(values, fps=25, **options):
    time_s = np.arange(len(values)) / fps
    lines = (Line("seen", np.array(values, np.float32), "s1"),)
    return Plot("Lips", "How to read it.", "e", time_s, lines, **options)


def test_a_line_goes_through_its_readings():
    text = draw(plot([0.0, 1.0, 0.5, 0.0], fps=1), 0.0, 3.0)
    width = int(re.search(r'viewBox="0 0 (\d+)', text).group(1))
    assert list(points_of(text, "line s1")) == [
        ("m", 0, HEIGHT),
        ("l", width // 3, 0),
        ("l", 2 * width // 3, HEIGHT // 2),
        ("l", width, HEIGHT),
    ]


def test_a_line_is_broken_where_nothing_is_known():
    text = draw(plot([np.nan, 0, 1, np.nan, np.nan, 1, 0]), 0, 1)
    commands = [command for command, _, _ in points_of(text, "line s1")]
    assert commands == ["m", "l", "m", "l"]
    assert "nan" not in text


def test_long_lines_become_envelopes_that_keep_every_peak():
    values = np.zeros(20_000)
    values[[70, 9000, 19_990]] = 1.0
    text = draw(plot(values), 0, 800, columns=600)
    assert len(text) < 20_000
    reach = re.search(r'class="reach s1" d="([^"]*)"', text).group(1)
    edge = [int(y) for y in re.findall(r"[ML]\d+ (\d+)", reach)]
    assert len(edge) == 2 * 200
    assert edge.count(0) == 3
    assert edge.count(HEIGHT) == 400 - 3


def test_words_and_marks():
    text = draw(
        plot(
            [0, 1],
            dots=(Dot(0.5, 0.5, "sure"), Dot(0.7, 0.1, "guess")),
            spans=(Span(0.1, 0.2),),
            marks_s=(0.4,),
            held=Span(0.4, 0.6),
            good=(0.2, 0.4),
            legend=(("dot sure", "sure"),),
        ),
        0,
        1,
    )
    for kind in ("dot sure", "dot guess", "unknown", "mark", "held", "good"):
        assert f'<path class="{kind}" d="M' in text
    assert '<li><i class="dot sure"></i>sure</li>' in text
    assert 'aria-label="Lips. How to read it."' in text


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (0, 0.32, [0, 0.1, 0.2, 0.3, 0.4]),
        (-90, 90, [-100, -50, 0, 50, 100]),
        (3, 3, [2.5, 3, 3.5]),
        (0, 1e-6, None),
        (-1e9, 1e9, None),
    ],
)
def test_ticks_are_round_and_cover_the_range(low, high, ticks):
    found = choose_ticks(low, high)
    assert found[0] <= low and found[-1] >= high
    assert 2 <= len(found) <= 5
    if ticks is not None and len(ticks) == len(found):
        assert found == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("seconds", "fine", "text"),
    [
        (0, False, "0:00"),
        (65.4, False, "1:05"),
        (65.319, True, "1:05.32"),
        (59.999, True, "1:00.00"),
        (7265, False, "2:01:05"),
        (-0.52, True, "−0:00.52"),
    ],
)
def test_times(seconds, fine, text):
    assert clock(seconds, fine=fine) == text


@pytest.mark.parametrize("end", [0.1, 3, 10, 61, 599, 3600, 4 * 3600, 30 * 3600])
def test_the_axis_of_time_is_readable_at_any_length(end):
    marks = re.findall(r'<span style="left:([\d.]+)%">([^<]+)</span>', draw(plot([0, 1]), 0, end))
    times = [text for place, text in marks]
    assert 2 <= len(times) <= 8
    assert len(times) == len(set(times))
    assert float(marks[0][0]) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-1e-9, "0"), (0.31, "0.31"), (62.44, "62.4"), (5123.0, "5,123"), (-4.0, "−4")],
)
def test_numbers_are_rounded_for_people(value, text):
    assert number(value) == text
