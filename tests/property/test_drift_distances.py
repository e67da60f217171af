"""Distances against scipy's, and what each does at its ends."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from jenkins_ml.core.drift.distances import (
    MEASURES,
    chi_squared,
    jensen_shannon,
    kolmogorov_smirnov,
    population_stability,
    total_variation,
)

COUNTS = st.lists(st.integers(0, 50), min_size=2, max_size=8)
PAIRS = COUNTS.flatmap(
    lambda first: st.tuples(st.just(first), st.lists(st.integers(0, 50), min_size=len(first), max_size=len(first)))
).filter(lambda pair: sum(pair[0]) and sum(pair[1]))


@given(PAIRS)
def test_jensen_shannon(pair):
    # scipy does without logarithms of 0 too, and takes the root.
    assert jensen_shannon(*pair) == pytest.approx(distance.jensenshannon(*pair, base=2), abs=1e-7)


@given(PAIRS)
def test_kolmogorov_smirnov(pair):
    """Of values that lie in the middle of their cells the distance is that of the samples."""
    first, second = (np.repeat(np.arange(len(counts)), counts) for counts in pair)
    assert kolmogorov_smirnov(*pair) == pytest.approx(stats.ks_2samp(first, second, method="asymp").statistic)


@given(st.lists(st.floats(-3, 3), min_size=5, max_size=60), st.lists(st.floats(-3, 3), min_size=5, max_size=60))
def test_binning_makes_kolmogorov_smirnov_smaller_never_larger(first, second):
    edges = [-1.0, 0.0, 1.0]
    counts = [np.bincount(np.searchsorted(edges, values), minlength=4).tolist() for values in (first, second)]
    exact = stats.ks_2samp(first, second, method="asymp").statistic
    most = max(max(np.asarray(of) / sum(of)) for of in counts)
    assert exact - most - 1e-9 <= kolmogorov_smirnov(*counts) <= exact + 1e-9


@given(PAIRS)
def test_chi_squared(pair):
    table = np.array(pair)
    table = table[:, table.sum(axis=0) > 0]
    assume(table.shape[1] > 1)
    found = stats.chi2_contingency(table, correction=False)
    assert chi_squared(*pair) == pytest.approx(found.statistic / found.dof)


@given(PAIRS)
def test_population_stability_is_both_divergences(pair):
    first, second = (np.asarray(counts) + 0.5 for counts in pair)
    expected = stats.entropy(first, second) + stats.entropy(second, first)  # scipy divides by the sums itself
    assert population_stability(*pair) == pytest.approx(expected, abs=1e-12)


@given(PAIRS)
def test_total_variation_is_the_largest_gain_of_any_set_of_cells(pair):
    reference, now = (np.asarray(counts) / sum(counts) for counts in pair)
    sets = (np.arange(2 ** len(now))[:, None] >> np.arange(len(now))) & 1
    assert total_variation(*pair) == pytest.approx(float((sets @ (now - reference)).max()), abs=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_same_shares_have_no_distance(measure):
    assert MEASURES[measure]([10, 20, 30], [1000, 2000, 3000]) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("measure", MEASURES)
def test_nothing_counted_is_no_distance(measure):
    assert MEASURES[measure]([0, 0], [0, 0]) == pytest.approx(0)
