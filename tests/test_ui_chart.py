"""The line chart of the page."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from fkd.ui.chart import line_chart


def points(chart: str) -> list[tuple[float, float]]:
    ElementTree.fromstring(chart)  # well formed
    (line,) = re.findall(r'<polyline points="([^"]*)"', chart)
    return [tuple(map(float, place.split(","))) for place in line.split()]


def test_the_highest_value_is_on_top_and_time_goes_right():
    places = points(line_chart("error", [3.0, 1.0, 2.0], ["a", "b", "c"], "{:.1f}".format))
    (x0, y0), (x1, y1), (x2, y2) = places
    assert x0 < x1 < x2 and x1 - x0 == x2 - x1
    assert y0 < y2 < y1 and y2 == (y0 + y1) / 2


def test_a_line_that_is_still_growing_leaves_room():
    half = points(line_chart("loss", [3.0, 2.0], ["step 1", "step 2"], str, slots=3))
    whole = points(line_chart("loss", [3.0, 2.0, 1.0], ["step 1", "step 2", "step 3"], str, slots=3))
    assert half[1][0] == whole[1][0] < whole[2][0]


def test_one_value_and_equal_values_are_drawn():
    assert len(points(line_chart("error", [0.0], ["v1"], "{:.2%}".format, marked=True))) == 1
    flat = points(line_chart("error", [2.0, 2.0], ["v1", "v2"], str))
    assert flat[0][1] == flat[1][1]


def test_names_are_escaped_and_shown_on_their_dots():
    chart = line_chart("error", [0.5, 0.25], ["<v1>", "v2"], "{:.0%}".format, marked=True)
    assert "<title>&lt;v1&gt;: 50%</title>" in chart and "<title>v2: 25%</title>" in chart
    assert "<title>" not in line_chart("error", [0.5], ["v1"], "{:.0%}".format)
    assert 'aria-label="error: 50% to 25%"' in chart
