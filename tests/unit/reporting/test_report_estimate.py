from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.reporting.estimate import Estimate


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.890032, 0.896168, "0.9 [0.89003, 0.89617]"),
        (0.9, 0.9, "0.9 [0.9, 0.9]"),
        (0.5, None, "0.9 [at least 0.5]"),
        (None, 1.0, "0.9 [at most 1]"),
        (None, None, "0.9"),
        (-0.0316271, 0.0, "0.9 [-0.0316, 0]"),
        (0.1, 1234567.8, "0.9 [0.1, 1.23e+06]"),
    ],
)
def test_bounds_have_the_digits_that_tell_something(low: float | None, high: float | None, expected: str) -> None:
    assert Estimate(value=0.9, low=low, high=high).written() == expected


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_rounding_moves_a_bound_by_less_than_a_hundredth_of_the_interval(low: float, width: float) -> None:
    high = low + width
    shown = Estimate(low=low, high=high).bounds().strip("[]").split(", ")
    for bound, text in zip((low, high), shown, strict=True):
        assert abs(float(text) - bound) <= max(0.01 * (high - low), 1e-5 * abs(bound))
