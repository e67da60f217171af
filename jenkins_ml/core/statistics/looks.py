"""One look at new examples: what has to be kept of each metric, so that all looks can be judged together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from jenkins_ml.errors import IntegrityError, StageFailed
from jenkins_ml.records import LookSums, SequentialLook

_NOISE: Final = 1e-9  # relative: what floats are off by
_MOST: Final = 1e100  # the squares of larger numbers add up to none


def look_of_counts(metric: str, slice_: str, baseline: float, gained: int, lost: int, count: int) -> LookSums:
    """A look at a share of examples: accuracy, top-k, recall of a class over the examples of that class.

    Args:
        metric: its name.
        slice_: which examples; empty for all.
        baseline: the share that the baseline has.
        gained: examples that count for the candidate only.
        lost: examples that count for the baseline only.
        count: all examples, at least 1.
    """
    point = (gained - lost) / count
    spread = max(gained + lost - count * point * point, 0.0)
    return LookSums(
        metric=metric,
        slice=slice_,
        count=count,
        baseline=baseline,
        difference=point,
        sigma=math.sqrt(spread / max(count - 1, 1)),
        reach=1.0,
        gained=gained,
        lost=lost,
    )


def look_of_error(
    metric: str,
    slice_: str,
    baseline: float,
    count: int,
    difference: float,
    sigma: float,
    reach: float | None = None,
) -> LookSums:
    """A look at any metric, by the standard error of its difference.

    Args:
        metric: its name.
        slice_: which examples; empty for all.
        baseline: the value that the baseline has.
        count: examples, at least 1.
        difference: candidate - baseline.
        sigma: standard deviation of what an example adds to it: its standard error times the root of the count. Of a
            single example anything; it shows a spread only beside others.
        reach: of a mean of numbers that all count the same: the most that one can differ, to either side, known without
            looking at the examples. 1 for a Brier score, 2 for that of several classes, 16.1 for a log loss whose
            probabilities are kept 1e-7 from 0 and 1. None where that is not known.

    Raises:
        StageFailed: one of the numbers is none, or too large to be squared, so that this look cannot be counted.
    """
    sigma = sigma if count > 1 else 0.0
    if not _numbers(baseline, difference, sigma):
        raise StageFailed(
            f"{metric} is not defined on these examples, so that this look cannot be counted",
            "gate on more examples at once",
        )
    return LookSums(
        metric=metric,
        slice=slice_,
        count=count,
        baseline=baseline,
        difference=difference,
        sigma=sigma,
        reach=reach,
    )


def sums_of(looks: Sequence[SequentialLook], metric: str, slice_: str = "") -> tuple[LookSums, ...]:
    """What the looks say about one metric, in their order; data that was counted once is not counted again."""
    once = {look.data_digest: look for look in reversed(looks)}
    return tuple(
        sums
        for look in looks
        if once[look.data_digest] is look
        for sums in look.sums
        if (sums.metric, sums.slice) == (metric, slice_)
    )


def check(look: LookSums) -> None:
    """Refuse numbers that no look can have.

    Raises:
        IntegrityError: it holds some.
    """
    sound = _numbers(look.baseline, look.difference, look.sigma, look.reach or 0.0)
    sound &= look.count >= 1 and look.sigma >= 0
    if look.reach is not None:
        sound &= look.reach > 0 and abs(look.difference) <= look.reach * (1 + _NOISE)
    if look.gained is not None and look.lost is not None:
        sound &= min(look.gained, look.lost) >= 0 and look.gained + look.lost <= look.count and look.reach == 1
        sound &= abs(look.gained - look.lost - look.count * look.difference) <= _NOISE * look.count
    if not sound:
        raise IntegrityError(
            f"a recorded look at {look.metric} holds numbers that cannot be", "restore it from a backup"
        )


def _numbers(*values: float) -> bool:
    return all(abs(value) <= _MOST for value in values)
