from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from picture_reader import SVG, numbers, texts
from report_examples import BINARY_DECISION, MEASUREMENTS

from jenkins_ml.records import Measurement
from jenkins_ml.reporting.charts import slices
from jenkins_ml.reporting.differences import SliceFinding, worst_first
from jenkins_ml.reporting.svg import ALARM

PICTURES = slices.draw(worst_first(BINARY_DECISION), "production")


def finding(measurement: Measurement, margin: float | None = None) -> SliceFinding:
    return SliceFinding(measurement=measurement, margin=margin, lower_is_better=False, outcome=None)


def test_each_metric_has_a_picture_with_the_worst_slice_on_top() -> None:
    assert [picture.title for picture in PICTURES] == ["accuracy by slice", "roc_auc by slice", "loss by slice"]
    rows = [text for text in texts(PICTURES[0]) if text and "country" in text]
    assert rows[:3] == ["failed: country=PL", "inconclusive: country=AT", "country=LU"]


def test_a_row_has_its_count_and_its_interval() -> None:
    shown = texts(PICTURES[0])
    assert "5,200" in shown
    assert "-0.024 [-0.0316, -0.0164]" in shown


def test_what_is_drawn_is_told() -> None:
    assert PICTURES[0].description.startswith(
        "country=PL: -0.024 [-0.0316, -0.0164], 5,200 examples, margin -0.01, failed; country=AT: "
    )
    assert PICTURES[0].description.endswith("; 4 more in the table")


def test_what_is_worse_than_allowed_is_shaded_row_by_row() -> None:
    assert PICTURES[0].svg is not None
    assert PICTURES[1].svg is not None
    margins = [line for line in ET.fromstring(PICTURES[0].svg).iter(SVG + "line") if line.get("stroke") == ALARM]
    assert len(margins) == 1 + 7  # the bar of the row that failed; the margins
    assert ALARM not in PICTURES[1].svg


def test_forty_rows_are_drawn_and_the_others_counted() -> None:
    many = [finding(replace(MEASUREMENTS[3], metric=f"m{n % 2}", slice=f"user={n}")) for n in range(1000)]
    first, second = slices.draw(many, "production")
    assert [sum("user=" in str(text) for text in texts(picture)) for picture in (first, second)] == [20, 20]
    assert "slice, worst first; 480 more are in the table" in texts(first)
    assert first.description.endswith("; 495 more in the table")


def test_a_tiny_slice_does_not_squeeze_the_others() -> None:
    wide = replace(MEASUREMENTS[3], slice="tiny", low=-1000.0, high=1000.0)
    [picture] = slices.draw([finding(MEASUREMENTS[3]), finding(MEASUREMENTS[6]), finding(wide)], "production")
    dots = numbers(picture, "cx")
    assert abs(dots[0] - dots[1]) > 50


def test_slices_without_production_have_no_picture() -> None:
    assert slices.draw([finding(replace(MEASUREMENTS[3], baseline=None, difference=None))], "production") == ()
    assert slices.draw([], "production") == ()


maybe = st.none() | st.floats(-1e9, 1e9) | st.sampled_from([1e308, -1e308])


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), maybe, maybe, maybe, st.booleans()), min_size=1, max_size=4))
def test_any_slice_is_drawn_inside_its_picture(rows: list) -> None:
    found = [
        SliceFinding(
            measurement=replace(MEASUREMENTS[3], candidate=value, baseline=0.0, difference=value, low=low, high=high),
            margin=margin,
            lower_is_better=lower,
            outcome=None,
        )
        for value, low, high, margin, lower in rows
    ]
    [picture] = slices.draw(found, "production")
    assert picture.svg is not None
    assert "nan" not in picture.svg
    assert "inf" not in picture.svg
    assert all(0 <= x <= picture.width for x in numbers(picture, "x", "x1", "x2", "cx"))
    assert all(width >= 0 for width in numbers(picture, "width"))
