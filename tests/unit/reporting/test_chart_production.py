from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from picture_reader import SVG
from report_examples import DECISION

from jenkins_ml.reporting import differences
from jenkins_ml.reporting.charts.production import draw
from jenkins_ml.reporting.differences import Difference


def test_the_shaded_side_is_the_worse_one_even_at_margin_zero() -> None:
    shaded = []
    for lower_is_better in (False, True):
        row = Difference(
            name="x",
            count=10,
            candidate=0.5,
            production=0.5,
            low=-0.1,
            high=0.1,
            margin=0.0,
            lower_is_better=lower_is_better,
        )
        svg = draw([row], "production").svg
        assert svg is not None
        [_, rectangle] = ET.fromstring(svg).iter(SVG + "rect")
        start = float(rectangle.attrib["x"])
        shaded.append((start, start + float(rectangle.attrib["width"])))
    assert shaded == [(300, 606), (606, 912)]


def test_a_difference_is_told_in_numbers() -> None:
    described = draw(differences.overall(DECISION), "production").description
    assert (
        "accuracy max_regression: 0.9712 minus 0.9688 is 0.0024, interval -0.0011 to 0.0059, margin -0.005" in described
    )


maybe = st.none() | st.floats(-1e9, 1e9)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), maybe, maybe, maybe)
def test_any_difference_is_drawn_inside_its_picture(
    candidate: float, production: float, low: float | None, high: float | None, margin: float | None
) -> None:
    row = Difference(name="x", count=10, candidate=candidate, production=production, low=low, high=high, margin=margin)
    svg = draw([row], "production").svg
    assert svg is not None
    for element in ET.fromstring(svg):
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.get(name, "0")) <= 960
