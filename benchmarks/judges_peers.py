"""The rules of other rollouts, written anew from their documentation: whether each would roll a canary back.

All take counts of shape (releases, intervals) and answer shape (releases,). The defaults of each are used where it has
some; where it has none, as for the success rate, the one of its own examples: 99 %.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[Any]
Rule = Callable[[Counts, Counts, Counts, Counts], NDArray[np.bool_]]
_Z = 2.3263478740408408  # of the 98 % interval


def argo(failure_limit: int) -> Rule:
    """Argo Rollouts: a measurement an interval, `successCondition: result >= 0.99`; more failed ones than the limit abort.

    Without traffic the usual query divides 0 by 0; a NaN is not >= 0.99, so the measurement has failed.
    """

    def rule(failed: Counts, requests: Counts, _failed_stable: Counts, _stable: Counts) -> NDArray[np.bool_]:
        return (~_succeeds(failed, requests)).sum(axis=1) > failure_limit

    return rule


def flagger(failed: Counts, requests: Counts, _failed_stable: Counts, _stable: Counts) -> NDArray[np.bool_]:
    """Flagger: `thresholdRange: {min: 99}` on the success rate, `threshold: 5` failed checks; no values are a failed check."""
    return (~_succeeds(failed, requests)).sum(axis=1) >= 5


def _succeeds(failed: Counts, requests: Counts) -> NDArray[np.bool_]:
    return (requests > 0) & (requests - failed >= 0.99 * requests)


def kayenta(failed: Counts, requests: Counts, failed_stable: Counts, stable: Counts) -> NDArray[np.bool_]:
    """Kayenta: the Mann-Whitney judge on the error rate, a point an interval, at the end.

    High where the lower bound of the 98 % interval of the shift lies above a quarter of its Hodges-Lehmann estimate; an
    error rate has no allowed increase beyond that. Identical points pass. One metric: High fails, and so does one with no
    data.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        canary, baseline = failed / requests, failed_stable / stable
    high = np.zeros(len(canary), bool)
    for release, (one, other) in enumerate(zip(canary, baseline, strict=True)):
        one, other = one[~np.isnan(one)], other[~np.isnan(other)]
        if len(one) < canary.shape[1] / 2:
            high[release] = True  # half of the points missing: the score is 0
        elif not np.array_equal(np.sort(one), np.sort(other)):
            estimate = float(np.median(np.subtract.outer(one, other)))
            high[release] = _lower(one, other) > 0.25 * abs(estimate) and one.mean() >= other.mean()
    return high


def _lower(one: Counts, other: Counts) -> float:
    """The lower bound of the shift: where the normal statistic, with corrections for continuity and ties, reaches _Z."""
    low, high = float(one.min() - other.max()) - 1e-9, float(one.max() - other.min()) + 1e-9
    for _ in range(40):
        middle = (low + high) / 2
        if _statistic(one - middle, other) > _Z:
            low = middle
        else:
            high = middle
    return low


def _statistic(one: Counts, other: Counts) -> float:
    first, second = len(one), len(other)
    beyond = np.sign(np.subtract.outer(one, other)).sum() / 2
    ties = np.unique(np.concatenate([one, other]), return_counts=True)[1]
    both = first + second
    variance = first * second / 12 * (both + 1 - float((ties**3 - ties).sum()) / (both * (both - 1)))
    if variance <= 0:
        return 0.0
    return float((beyond - np.sign(beyond) * 0.5) / np.sqrt(variance))


PEERS: dict[str, Rule] = {
    "Argo Rollouts, failureLimit 0": argo(0),
    "Argo Rollouts, failureLimit 3": argo(3),
    "Flagger, threshold 5": flagger,
    "Kayenta, 10 points": kayenta,
}
