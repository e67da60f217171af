"""Windows are fractions of the period, as Prometheus writes durations, and hold enough scrapes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core.monitoring.windows import LONGEST, PER_PERIOD, Windows, duration

UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


def test_for_thirty_days_they_are_what_they_are_called():
    windows = Windows(30 * 86400, 15)
    assert {name: windows.length(name) for name in PER_PERIOD} == {name: name for name in PER_PERIOD}
    assert windows.widened == ()
    assert windows.seconds("5m") == 300


def test_they_shrink_with_the_period():
    windows = Windows(3600 * 24, 0.05)
    assert windows.length("1h") == "2m"
    assert windows.length("5m") == "10s"
    assert windows.length("2m") == "4s"
    assert windows.length("30d") == "1d"


def test_none_holds_less_than_four_scrapes():
    windows = Windows(3600, 1)
    assert [windows.length(name) for name in ("2m", "5m", "30m", "1h", "6h")] == ["4s", "4s", "4s", "5s", "30s"]
    assert windows.widened == ("2m", "5m", "30m")


@given(st.floats(0.001, 1e8), st.floats(0.001, 1e5))
def test_a_longer_one_is_never_shorter(period, scrape):
    windows = Windows(period, scrape)
    lengths = [windows.milliseconds(name) for name in PER_PERIOD]
    assert lengths == sorted(lengths)
    assert lengths[0] >= 1


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1ms"),
        (1, "1ms"),
        (417, "417ms"),
        (1500, "1s500ms"),
        (5400_000, "1h30m"),
        (30 * 86_400_000, "30d"),
        (10**15, "36500d"),
    ],
)
def test_durations(milliseconds, text):
    assert duration(milliseconds) == text


@given(st.integers(1, LONGEST))
def test_a_duration_is_what_it_says(milliseconds):
    parts = re.findall(r"(\d+)(ms|[dhms])", duration(milliseconds))
    assert sum(int(count) * UNITS[unit] for count, unit in parts) == milliseconds
    assert [unit for _, unit in parts] == [unit for unit in UNITS if unit in {each for _, each in parts}]
