from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import CONDITIONS, DECISION, confusion

from jenkins_ml.reporting import charts
from jenkins_ml.reporting.svg import ACCENT, ALARM

SVG = "{http://www.w3.org/2000/svg}"
LEVELS = [strength for _, strength in charts._LEVELS]


def texts(picture: charts.Picture) -> list[str | None]:
    assert picture.svg is not None
    return [element.text for element in ET.fromstring(picture.svg).iter(SVG + "text")]


def luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [ACCENT, ALARM])
@pytest.mark.parametrize("strength", [0.0, *LEVELS])
def test_numbers_in_cells_have_the_contrast_that_wcag_asks(colour: str, strength: float) -> None:
    dark, light = sorted((luminance(charts.mix(colour, strength)), luminance(charts.ink(strength))))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_one_picture_a_metric_loss_and_accuracy_first() -> None:
    pictures = charts.curves({"auc": (1.0,), "val_accuracy": (0.5,), "accuracy": (0.4,), "val_loss": (2.0,)})
    assert [picture.title for picture in pictures] == ["loss", "accuracy", "auc"]
    assert [("training" in texts(picture), "validation" in texts(picture)) for picture in pictures] == [
        (False, True),
        (True, True),
        (True, False),
    ]


def test_a_curve_is_told_in_numbers() -> None:
    [picture] = charts.curves({"loss": (0.9, 0.2, 0.3)})
    assert picture.description == "3 epochs; training from 0.9 to 0.3, lowest 0.2, highest 0.9"


def test_nothing_to_draw_gives_no_picture() -> None:
    assert charts.curves({}) == ()
    assert charts.curves({"loss": (), "val_loss": (float("nan"), float("inf"))}) == ()


@given(st.dictionaries(st.sampled_from(["loss", "val_loss", "accuracy"]), st.lists(st.floats(), max_size=30)))
def test_any_curve_gives_a_document(series: dict[str, list[float]]) -> None:
    for picture in charts.curves(series):
        assert picture.svg is not None
        assert "nan" not in picture.svg
        assert "inf" not in picture.svg
        ET.fromstring(picture.svg)


@given(st.integers(201, 1500), st.integers(0, 2**32).map(Random))
def test_thinning_a_long_curve_keeps_order_and_extremes(epochs: int, random: Random) -> None:
    values = [random.choice((0.0, random.random(), random.random())) for _ in range(epochs)]
    points = charts._points(values)
    assert len(points) <= 200
    assert all(before[0] < after[0] for before, after in pairwise(points))
    assert all(values[int(epoch) - 1] == value for epoch, value in points)
    assert {min(values), max(values)} <= {value for _, value in points}


def test_small_matrices_show_their_counts() -> None:
    picture = charts.confusion("candidate", ((48, 2), (0, 50)))
    assert {"48", "2", "50"} <= set(texts(picture))
    assert picture.description == (
        "98 of 100 examples in 2 classes predicted correctly (98 %); most frequent errors: 0 as 1 (2)"
    )


def test_a_hundred_classes_are_coloured_without_counts_and_stay_small() -> None:
    picture = charts.confusion("candidate", confusion(100, 23))
    assert picture.svg is not None
    assert len(picture.svg) < 30_000
    assert "970" not in texts(picture)
    assert [text for text in texts(picture) if text in {"0", "10", "90"}] == ["0", "0", "10", "10", "90", "90"]


def test_more_classes_than_pixels_are_only_told() -> None:
    picture = charts.confusion("candidate", confusion(201, 23))
    assert picture.svg is None
    assert "201 classes" in picture.description
    assert "0 as 1 (23)" in picture.description


@pytest.mark.parametrize("matrix", [(), ((0,),), ((0, 0), (0, 0)), ((0, 0), (3, 0))])
def test_empty_classes_divide_nothing(matrix: tuple[tuple[int, ...], ...]) -> None:
    assert "predicted correctly" in charts.confusion("candidate", matrix).description


matrices = st.integers(1, 8).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 50), min_size=size, max_size=size).map(tuple), min_size=size, max_size=size
    ).map(tuple)
)


@given(matrices)
def test_each_cell_is_coloured_once_in_the_colour_of_its_share(matrix: tuple[tuple[int, ...], ...]) -> None:
    coloured: dict[tuple[int, int], tuple[float, bool]] = {}
    for (share, _), right, wrong in charts._runs(matrix):
        for runs, diagonal in ((right, True), (wrong, False)):
            for row, first, count in runs:
                for column in range(first, first + count):
                    assert (row, column) not in coloured
                    coloured[row, column] = (share, diagonal)
    thresholds = [share for share, _ in charts._LEVELS]
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            reached = [share for share in thresholds if sum(counts) and count / sum(counts) >= share]
            assert coloured.get((row, column)) == ((reached[-1], row == column) if reached else None)


def test_differences_are_signed_so_that_the_margin_lies_on_the_worse_side() -> None:
    accuracy, loss, recall = charts.differences(DECISION)
    assert (accuracy.name, accuracy.margin, accuracy.lower_is_better) == ("accuracy max_regression", -0.005, False)
    assert (loss.name, loss.margin, loss.lower_is_better) == ("loss max_regression", 0.01, True)
    assert (recall.name, recall.margin, recall.low, recall.high) == ("recall", None, None, None)


def test_the_shaded_side_is_the_worse_one_even_at_margin_zero() -> None:
    shaded = []
    for lower_is_better in (False, True):
        row = charts.Difference(
            name="x", candidate=0.5, production=0.5, low=-0.1, high=0.1, margin=0.0, lower_is_better=lower_is_better
        )
        svg = charts.against_production([row]).svg
        assert svg is not None
        [_, rectangle] = ET.fromstring(svg).iter(SVG + "rect")
        start = float(rectangle.attrib["x"])
        shaded.append((start, start + float(rectangle.attrib["width"])))
    assert shaded == [(300, 606), (606, 912)]


def test_what_has_no_number_is_not_compared() -> None:
    broken = replace(CONDITIONS[1], candidate=None)
    assert charts.differences(replace(DECISION, conditions=(broken,), metrics={"f1": None})) == ()


def test_a_difference_is_told_in_numbers() -> None:
    described = charts.against_production(charts.differences(DECISION)).description
    assert (
        "accuracy max_regression: 0.9712 minus 0.9688 is 0.0024, interval -0.0011 to 0.0059, margin -0.005" in described
    )


maybe = st.none() | st.floats(-1e9, 1e9)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), maybe, maybe, maybe)
def test_any_difference_is_drawn_inside_its_picture(
    candidate: float, production: float, low: float | None, high: float | None, margin: float | None
) -> None:
    row = charts.Difference(name="x", candidate=candidate, production=production, low=low, high=high, margin=margin)
    svg = charts.against_production([row]).svg
    assert svg is not None
    for element in ET.fromstring(svg):
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.get(name, "0")) <= 960
