from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.reporting.svg import Drawing, coordinate, drawable, label, place, ticks

NUMBERS = st.floats(-1e300, 1e300)


@given(NUMBERS, NUMBERS, st.integers(1, 12))
def test_ticks_rise_evenly_and_cover_the_range(one: float, other: float, about: int) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high, about)
    assert found[0] <= low
    assert found[-1] >= high
    assert all(before < after for before, after in pairwise(found))
    steps = [after - before for before, after in pairwise(found)]
    assert max(steps) - min(steps) <= 1e-6 * max(steps)
    assert 1 <= len(steps) <= about + 2


@given(NUMBERS, NUMBERS)
def test_labels_of_one_axis_differ(one: float, other: float) -> None:
    labels = [label(tick) for tick in ticks(*sorted((one, other)))]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0.3, 0.7, (0.3, 0.4, 0.5, 0.6, 0.7)),
        (-0.0011, 0.0059, (-0.002, 0, 0.002, 0.004, 0.006)),
        (0, 0, (-1, -0.5, 0, 0.5, 1)),
        (12, 988, (0, 200, 400, 600, 800, 1000)),
    ],
)
def test_ticks_are_round_numbers_without_binary_noise(low: float, high: float, expected: tuple[float, ...]) -> None:
    assert ticks(low, high) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e301])
def test_what_has_no_place_on_an_axis_is_not_drawable(value: float) -> None:
    assert not drawable(value)


@given(st.floats(-1e6, 1e6))
def test_coordinates_are_short_and_close(value: float) -> None:
    assert coordinate(value) != "-0"
    assert float(coordinate(value)) == pytest.approx(value, abs=0.051, rel=1e-5)


def test_the_ends_of_a_range_lie_at_the_ends_of_its_axis() -> None:
    assert place(2, 2, 4, 100, 0) == 100
    assert place(4, 2, 4, 100, 0) == 0
    assert place(3, 2, 4, 100, 0) == 50


@given(st.text())
def test_any_text_stays_text(text: str) -> None:
    drawing = Drawing(10, 10)
    drawing.text(1, 2, text)
    root = ET.fromstring(drawing.render())
    assert [element.tag.split("}")[1] for element in root] == ["rect", "text"]
