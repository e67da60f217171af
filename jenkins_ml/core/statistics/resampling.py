"""Paired bootstrap of counted examples: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993.

Examples that are alike count as one kind, with how many there are; how many of each kind another test set would have is
drawn (multinomial), not the rows. The cost does not grow with the examples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Floats
from jenkins_ml.core.statistics.intervals import Estimate
from jenkins_ml.core.statistics.quantiles import normal_quantile

RESAMPLES: Final = 2000
SEED: Final = 1  # fixed: the same predictions get the same verdict, always
_CHUNK: Final = 2_000_000  # counts held at a time


def resamples(counts: Floats, weights: Floats, squares: Floats, size: int) -> Iterator[Floats]:
    """Draw other test sets.

    Where weights differ within a kind, the sum of the drawn ones varies too: by the normal distribution with the variance
    that as many of them have.

    Args:
        counts: examples of each kind, shape (kinds,); none is 0.
        weights: sums of their weights; without weights the counts.
        squares: sums of the squares of their weights.
        size: examples of a drawn test set.

    Yields:
        Sums of weights by kind, shape (some resamples, kinds), together `RESAMPLES`, in chunks that fit into memory.
    """
    generator = np.random.default_rng(SEED)
    chances, average = counts / counts.sum(), weights / counts
    variance = np.maximum(squares / counts - average * average, 0.0)
    left, most = RESAMPLES, max(1, _CHUNK // len(counts))
    while left:
        now = min(left, most)
        drawn = generator.multinomial(size, chances, size=now).astype(np.float64)
        if variance.any():
            noise = generator.standard_normal(drawn.shape)
            yield np.maximum(drawn * average + np.sqrt(drawn * variance) * noise, 0.0)
        else:
            yield drawn * average
        left -= now


def percentile(point: float, draws: Floats, count: int, confidence: float) -> Estimate:
    """The interval of draws; those that are NaN do not define the value, and are left out.

    Each bound is the further one of the percentile and of the normal interval: by itself either errs somewhat too often
    for quotients, which are as skewed as their denominators are small. Where all draws are alike, as of a correlation on
    a single example, they say nothing of how far it may be off.
    """
    draws = draws[~np.isnan(draws)]
    if not len(draws) or draws.min() == draws.max():
        return Estimate(point, -math.inf, math.inf, math.inf)
    deviation = float(np.std(draws))
    reach = normal_quantile(confidence) * deviation
    low = float(np.quantile(draws, 1 - confidence, method="lower"))
    high = float(np.quantile(draws, confidence, method="higher"))
    # What no test set shows is no bound either: a share stays in [0, 1], a difference of shares in [-1, 1].
    low, high = min(low, max(point - reach, float(draws.min()))), max(high, min(point + reach, float(draws.max())))
    return Estimate(point, min(low, point), max(high, point), deviation * math.sqrt(count))
