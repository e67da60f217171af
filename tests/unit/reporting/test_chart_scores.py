from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from picture_reader import numbers, texts
from report_examples import BINARY, curves

from jenkins_ml.core.evaluation.curves import Curves
from jenkins_ml.reporting.charts import calibration, precision_recall, roc, square

BOTH = {square.CANDIDATE: BINARY.curves, "production": BINARY.baseline_curves}
NOTHING = Curves(roc=(), precision_recall=(), calibration=())
STEP = Curves(
    roc=((0.0, 0.0), (0.0, 0.5), (0.1, 0.5), (0.1, 1.0), (1.0, 1.0)),
    precision_recall=((0.5, 1.0), (0.5, 0.75), (1.0, 0.6)),
    calibration=((0.25, 0.2, 300), (0.75, 0.8, 100)),
)


def test_roc_is_told_where_false_alarms_are_few() -> None:
    picture = roc.draw({square.CANDIDATE: STEP})
    assert picture is not None
    assert picture.description == (
        "candidate: true positive rate 0.5 at 0.01, 0.5 at 0.05, 1 at 0.1, 1 at 0.2 false positive rate"
    )


def test_both_versions_stand_in_one_picture() -> None:
    for picture in (roc.draw(BOTH), precision_recall.draw(BOTH), calibration.draw(BOTH, 0.95)):
        assert picture is not None
        assert {"candidate", "production"} <= set(texts(picture))
        assert "candidate: " in picture.description
        assert "; production: " in picture.description


def test_precision_comes_with_the_share_that_guessing_has() -> None:
    picture = precision_recall.draw({square.CANDIDATE: STEP})
    assert picture is not None
    assert picture.description == (
        "candidate: precision 1 at 0.5, 0.6 at 0.8, 0.6 at 0.9, 0.6 at 0.95 recall; share of class 1: 0.35"
    )
    assert "share of class 1: 0.35" in texts(picture)
    unknown = precision_recall.draw({square.CANDIDATE: replace(STEP, calibration=())})
    assert unknown is not None
    assert "share of class 1" not in unknown.description


def test_calibration_tells_each_bin_with_interval_and_count() -> None:
    picture = calibration.draw({square.CANDIDATE: STEP}, 0.95)
    assert picture is not None
    assert picture.description == (
        "candidate: 400 examples, mean score and share of class 1: 0.25 became 0.2 [0.1648, 0.2406] of 300, "
        "0.75 became 0.8 [0.727, 0.857] of 100; intervals with 95 % confidence of each bound"
    )


def test_many_bins_are_told_in_part() -> None:
    bins = tuple((n / 100, n / 100, 10) for n in range(100))
    picture = calibration.draw({square.CANDIDATE: replace(STEP, calibration=bins)}, 0.95)
    assert picture is not None
    assert ", 80 more bins;" in picture.description


def test_nothing_to_draw_gives_no_picture() -> None:
    for versions in ({}, {square.CANDIDATE: NOTHING}):
        assert roc.draw(versions) is precision_recall.draw(versions) is calibration.draw(versions, 0.95) is None


def test_a_million_points_make_a_small_picture() -> None:
    points = tuple((n / 100_000, (n / 100_000) ** 0.2) for n in range(100_001))
    picture = roc.draw({square.CANDIDATE: replace(STEP, roc=points)})
    assert picture is not None
    assert picture.svg is not None
    assert len(picture.svg) < 15_000


rates = st.floats(allow_nan=True, allow_infinity=True)
points = st.lists(st.tuples(rates, rates), max_size=5).map(tuple)


@given(points, points, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 9)), max_size=5).map(tuple))
def test_any_curve_is_drawn_inside_its_picture(ups: tuple, across: tuple, bins: tuple) -> None:
    versions = {square.CANDIDATE: Curves(roc=ups, precision_recall=across, calibration=bins), "production": STEP}
    for picture in (roc.draw(versions), precision_recall.draw(versions), calibration.draw(versions, 0.95)):
        assert picture is not None
        assert picture.svg is not None
        assert "nan" not in picture.svg
        assert "inf" not in picture.svg
        assert all(0 <= x <= picture.width for x in numbers(picture, "x", "x1", "x2", "cx"))
        assert all(0 <= y <= picture.height for y in numbers(picture, "y", "y1", "y2", "cy"))


def test_better_curves_are_told_to_be_better() -> None:
    good, bad = (roc.draw({square.CANDIDATE: curves(separation, 0)}) for separation in (3.0, 1.0))
    assert good is not None
    assert bad is not None
    assert "0.9" in good.description
    assert "0.9" not in bad.description
