"""How far two distributions over the same cells are apart: numbers for people. What is drift is said by `moved`, not by them.

All take counts by cell of the reference and of what is compared with it, in the order of the cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Floats

_HALF: Final = 0.5  # added to each count where a logarithm is taken: an empty cell would make it infinite


def total_variation(reference: Sequence[int], now: Sequence[int]) -> float:
    """The share of values that have moved to another cell, net: half the sum of |p - q|; 0 to 1."""
    p, q = _shares(now), _shares(reference)
    return float(np.abs(p - q).sum() / 2)


def kolmogorov_smirnov(reference: Sequence[int], now: Sequence[int]) -> float:
    """The greatest distance of the two distribution functions at the inner edges of the cells; 0 to 1.

    N. Smirnov, "Table for estimating the goodness of fit of empirical distributions", Annals of Mathematical Statistics 19,
    1948. Between two edges the functions may be further apart, by no more than the larger of the two shares of that cell:
    binning makes the distance smaller, never larger. The last cell (NaN) has no place in an order; it counts as the greatest.
    """
    return float(np.abs(np.cumsum(_shares(now)) - np.cumsum(_shares(reference))).max())


def population_stability(reference: Sequence[int], now: Sequence[int]) -> float:
    """The population stability index: sum of (p - q) log(p / q), with half a value more in each cell.

    It is the symmetric divergence of H. Jeffreys, Proceedings of the Royal Society A 186, 1946, as credit scoring has it: N.
    Siddiqi, "Credit Risk Scorecards", 2006. Without drift it is on average about (cells - 1) (1/n + 1/m) (B. Yurdakul and J.
    Naranjo, "Statistical properties of the population stability index", Journal of Risk Model Validation 14, 2020), so that
    limits such as 0.1 and 0.2 mean another thing for 100 rows than for a million.
    """
    p, q = _shares(now, _HALF), _shares(reference, _HALF)
    return float(((p - q) * np.log(p / q)).sum())


def jensen_shannon(reference: Sequence[int], now: Sequence[int]) -> float:
    """The Jensen-Shannon distance: root of the divergence, with logarithms to the base 2; 0 to 1.

    J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37, 1991; D. Endres and
    J. Schindelin, "A new metric for probability distributions", the same 49, 2003.
    """
    p, q = _shares(now), _shares(reference)
    middle = (p + q) / 2
    divergence = (_entropy_between(p, middle) + _entropy_between(q, middle)) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def chi_squared(reference: Sequence[int], now: Sequence[int]) -> float:
    """Pearson's statistic of the table of both, over its degrees of freedom: about 1 without drift, rising with the rows.

    K. Pearson, "On the probability that two independent distributions of frequency are really samples from the same
    population", Biometrika 8, 1911. Cells that are empty in both do not count.
    """
    table = np.array([reference, now], np.float64)
    table = table[:, table.sum(axis=0) > 0]
    sums = table.sum(axis=1)
    if table.shape[1] < 2 or not sums.all():
        return 0.0
    expected = np.outer(sums, table.sum(axis=0)) / table.sum()
    return float((np.square(table - expected) / expected).sum() / (table.shape[1] - 1))


MEASURES: Final = {
    "psi": population_stability,
    "ks": kolmogorov_smirnov,
    "js": jensen_shannon,
    "chi2": chi_squared,
}


def _shares(counts: Sequence[int], more: float = 0.0) -> Floats:
    """Counts as shares of all; nothing counted is taken for the same everywhere."""
    numbers = np.asarray(counts, np.float64) + more
    whole = numbers.sum()
    return numbers / whole if whole else np.full(len(numbers), 1 / len(numbers))


def _entropy_between(one: Floats, other: Floats) -> float:
    kept = one > 0
    return float((one[kept] * np.log2(one[kept] / other[kept])).sum())
