"""Summaries add up, whoever counts which rows, and in which order; and they come back from what is written of them."""

import math
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jenkins_ml.core.drift.summary import added, check, empty, since, summarised
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import ColumnSummary, Summary, decode, encode

EDGES = st.lists(st.floats(-100, 100), max_size=5, unique=True).map(lambda edges: tuple(sorted(edges)))
VALUES = st.floats(-200, 200) | st.sampled_from([math.nan, math.inf, -math.inf, 1e300])
TEXTS = st.sampled_from(["", "a", "b", "c", "private"])


@st.composite
def columns(draw):
    """A column without values, and values for it in up to four parts."""
    kind = draw(st.sampled_from(["number", "text", "length", "class"]))
    sizes = draw(st.lists(st.integers(0, 6), min_size=1, max_size=4))
    if kind == "number":
        edges = draw(EDGES)
        column = ColumnSummary(name="x", kind=kind, edges=edges, counts=(0,) * (len(edges) + 2))
        parts = [draw(arrays(np.float64, size, elements=VALUES)) for size in sizes]
    elif kind == "length":
        column = ColumnSummary(name="x", kind=kind, edges=(1.0, 3.0), counts=(0,) * 4)
        parts = [np.array(draw(st.lists(TEXTS, min_size=size, max_size=size)), object) for size in sizes]
    elif kind == "text":
        column = ColumnSummary(name="x", kind=kind, categories=("a", "b"), counts=(0,) * 4)
        parts = [np.array(draw(st.lists(TEXTS, min_size=size, max_size=size)), object) for size in sizes]
    else:
        column = ColumnSummary(name="x", kind=kind, categories=("0", "1"), counts=(0,) * 4)
        parts = [draw(arrays(np.int64, size, elements=st.integers(-1, 4))) for size in sizes]
    return column, parts


def same(one, other):
    """Equal counts; moments as far as floats are."""
    assert (one.counts, one.infinite, one.low, one.high) == (other.counts, other.infinite, other.low, other.high)
    assert one.mean == pytest.approx(other.mean, rel=1e-9, abs=1e-9)
    assert one.squares == pytest.approx(other.squares, rel=1e-9, abs=1e-6)


@given(columns())
def test_the_sum_of_the_parts_is_the_summary_of_the_whole(given_):
    column, parts = given_
    summaries = [summarised(column, part) for part in parts]
    same(reduce(added, summaries, empty(column)), summarised(column, np.concatenate(parts)))


@given(columns(), st.randoms())
def test_the_order_does_not_matter(given_, random):
    column, parts = given_
    summaries = [summarised(column, part) for part in parts]
    shuffled = random.sample(summaries, len(summaries))
    same(reduce(added, shuffled), reduce(added, summaries))
    same(reduce(lambda sum_, one: added(one, sum_), summaries), reduce(added, summaries))


@given(columns())
def test_what_came_later_is_the_difference(given_):
    column, parts = given_
    first = summarised(column, parts[0])
    rest = summarised(column, np.concatenate([empty_of(parts[0]), *parts[1:]]))
    later = since(added(first, rest), first)
    assert later.counts == rest.counts
    assert later.infinite == rest.infinite
    assert later.mean == pytest.approx(rest.mean, rel=1e-6, abs=1e-6)
    assert later.squares == pytest.approx(rest.squares, rel=1e-6, abs=1e-2)


def empty_of(values):
    return values[:0]


@given(columns())
def test_a_value_is_counted_once_and_the_numbers_can_be(given_):
    column, parts = given_
    whole = np.concatenate(parts)
    found = summarised(column, whole)
    summary = Summary(of="requests", rows=len(whole), inputs=(found,))
    check(summary)
    assert decode(Summary, encode(summary), "it") == summary


@given(columns())
def test_no_text_is_kept_but_what_the_reference_has(given_):
    column, parts = given_
    found = summarised(column, np.concatenate(parts))
    assert found.categories == column.categories
    assert "private" not in repr(found)


def test_other_cells_do_not_add_up():
    one = ColumnSummary(name="x", kind="number", edges=(1.0,), counts=(1, 0, 0))
    other = ColumnSummary(name="x", kind="number", edges=(2.0,), counts=(1, 0, 0))
    with pytest.raises(IntegrityError, match="other cells"):
        added(one, other)


def test_nothing_goes_away():
    now = ColumnSummary(name="x", kind="number", edges=(1.0,), counts=(1, 0, 0))
    then = ColumnSummary(name="x", kind="number", edges=(1.0,), counts=(2, 0, 0))
    with pytest.raises(IntegrityError, match="fewer values"):
        since(now, then)
