"""The laws that the guarantee rests on: the e-value is no more than the product of both bets at any share of the reference."""

import itertools
import math

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from jenkins_ml.core.drift import moved
from jenkins_ml.core.drift.moved import NOTHING, Counted, log_evidence
from jenkins_ml.records import ColumnSummary

ROWS = st.integers(1, 7).map(lambda power: 10**power)
SHARES = st.floats(0, 1)


def products(x, m, y, n, likely, tolerance, q):
    """What both own together, if the share of the reference is q."""
    usual = (y + 0.5) / (n + 1)
    more = moved._split(np.array([moved.PLANNED * usual * (1 - usual)]))[0]
    less = moved._split(np.array([n * likely * (1 - likely)]))[0]
    first = [moved._log_sum(x * moved._WON - m * np.log1p(moved._STAKES * (each + tolerance)) + more) for each in q]
    second = [moved._log_sum(y * moved._LOST - n * np.log1p(-moved._STAKES * each) + less) for each in q]
    return np.array(first) + np.array(second)


@given(ROWS, SHARES, ROWS, SHARES, st.floats(0.02, 0.98), st.floats(0, 0.5))
@example(100, 0.4, 10**6, 0.1, 0.1, 0.02)  # a reference that knows its share, and few values
@example(10**6, 0.4, 100, 0.1, 0.1, 0.02)
@example(10_000, 1.0, 10, 0.375, 0.5, 0.0)
def test_it_is_the_least_of_all(m, now, n, before, likely, tolerance):
    x, y = round(m * now), round(n * before)
    [found] = moved._of_sets(
        np.array([float(x)]), float(m), np.array([float(y)]), float(n), np.array([likely]), tolerance
    )
    q = np.unique(
        np.concatenate([np.linspace(0, 1 - tolerance, 500), np.linspace(y / n, max(x / m - tolerance, 0), 500)])
    )
    q = q[(q >= 0) & (q + tolerance <= 1)]
    least = products(x, m, y, n, likely, tolerance, q).min()
    assert found == NOTHING or found <= least + max(0.02, 1e-3 * abs(least))


@given(st.sampled_from(["number", "text", "class"]), st.integers(2, 12))
def test_the_money_is_all_there(kind, cells):
    sets, parts, likely = moved._sets(kind, cells)
    assert sets.shape == (len(parts), cells)
    assert math.isclose(parts.sum(), 1)
    assert ((likely > 0) & (likely < 1)).all()
    split = moved._split(np.array([1.0, 1e3, 1e9]))
    assert np.allclose(np.exp(split).sum(axis=1), 1)


@given(st.integers(1, 3000), st.floats(0.01, 0.99))
def test_on_average_neither_bet_gains(rows, p):
    """Summed over all counts that there can be, with their probabilities: a value of 1, exactly."""
    m = 40
    x = np.arange(m + 1)
    log_choose = [math.lgamma(m + 1) - math.lgamma(k + 1) - math.lgamma(m - k + 1) for k in x]
    chances = np.exp(np.array(log_choose) + x * math.log(p) + (m - x) * math.log(1 - p))
    split = moved._split(np.array([float(rows)]))[0]
    more = [moved._log_sum(k * moved._WON - m * np.log1p(moved._STAKES * p) + split) for k in x]
    less = [moved._log_sum(k * moved._LOST - m * np.log1p(-moved._STAKES * p) + split) for k in x]
    assert np.isclose((chances * np.exp(more)).sum(), 1)
    assert np.isclose((chances * np.exp(less)).sum(), 1)


@given(st.lists(st.integers(0, 2000), min_size=4, max_size=4), st.integers(1, 50))
def test_a_larger_tolerance_says_less(counts, chapter):
    column = ColumnSummary(name="x", kind="number", edges=(1.0, 2.0, 3.0), counts=(900, 1100, 1000, 1000, 0))
    given_ = [Counted(chapter=chapter, counts=(*counts, 0))]
    found = [log_evidence(column, given_, tolerance) for tolerance in (0.0, 0.01, 0.05, 0.2)]
    assert all(one >= other - 0.02 for one, other in itertools.pairwise(found))
