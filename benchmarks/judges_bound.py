"""The most that any judge can find, which never rolls back good canaries more often than it says: a bound, not a test."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def most_power(canary: int, stable: int, errors: float, base: float, alpha: float) -> float:
    """The chance to find a canary that no test can exceed which has all answers at once and a single look.

    A test that errs at most with probability alpha whatever production's rate of errors is, does so for each of them. For
    one rate the best test is known: the likelihood ratio (J. Neyman and E. Pearson, 1933). So the least of these over some
    rates is a bound for all tests.

    Args:
        canary: its answers.
        stable: production's answers.
        errors: the canary's share of failures.
        base: production's share of failures.
        alpha: the chance to err.
    """
    top = math.ceil(max(canary, stable) * errors * 2 + 60)
    pooled = (canary * errors + stable * base) / (canary + stable)
    seen = np.multiply.outer(_chances(canary, errors, top), _chances(stable, base, top)).ravel()
    least = 1.0
    for factor in np.linspace(0.5, 1.5, 21):
        alike = np.multiply.outer(
            _chances(canary, pooled * factor, top), _chances(stable, pooled * factor, top)
        ).ravel()
        order = np.argsort(-(np.log(seen + 1e-300) - np.log(alike + 1e-300)))
        spent, found = alike[order].cumsum(), seen[order].cumsum()
        place = int(np.searchsorted(spent, alpha))
        before = (spent[place - 1], found[place - 1]) if place else (0.0, 0.0)
        part = (alpha - before[0]) / alike[order][
            place
        ]  # one outcome is decided by drawing lots, to spend alpha exactly
        least = min(least, float(before[1] + part * seen[order][place]))
    return least


def _chances(count: int, share: float, top: int) -> NDArray[Any]:
    """P(X = 0 ... top) for X ~ Binomial(count, share)."""
    hits = np.arange(min(top, count) + 1)
    log = [math.lgamma(count + 1) - math.lgamma(hit + 1) - math.lgamma(count - hit + 1) for hit in hits.tolist()]
    chances: NDArray[Any] = np.exp(np.array(log) + hits * math.log(share) + (count - hits) * math.log1p(-share))
    return chances
