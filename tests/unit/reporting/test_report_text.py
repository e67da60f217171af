from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.reporting.text import interval, number, one_line, printable


@given(st.text())
def test_a_line_is_one_line_that_can_be_encoded_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    line.encode()
    assert one_line(line) == line


@pytest.mark.parametrize(
    "forbidden", ["\x00", "\x1b", "\x7f", "\x9b", "\ud800", "\ufffe", "\uffff", "\u202e", "\u2066"]
)
def test_what_no_document_may_hold_is_replaced(forbidden: str) -> None:
    assert printable(f"a{forbidden}b") == "a\ufffdb"


def test_other_writing_is_kept() -> None:
    assert printable("é 中 🙂\tא\n") == "é 中 🙂\tא\n"


@pytest.mark.parametrize(("text", "expected"), [("abcd", "abcd"), ("abcde", "abc…")])
def test_a_long_line_is_cut(text: str, expected: str) -> None:
    assert one_line(text, 4) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "-"), (0.95, "0.95"), (0.94996, "0.94996"), (-0.0, "0"), (0.1 + 0.2, "0.3"), (1234567.0, "1.23457e+06")],
)
def test_numbers(value: float | None, expected: str) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(None, None, "-"), (-0.5, 1.0, "-0.5 to 1"), (0.0, None, "at least 0"), (None, 2.0, "at most 2")],
)
def test_intervals(low: float | None, high: float | None, expected: str) -> None:
    assert interval(low, high) == expected
