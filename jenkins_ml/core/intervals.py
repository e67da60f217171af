"""How far a change against production may lie from what was seen: intervals of candidate - baseline.

Both versions answered the same examples, so every method here is paired. Each bound holds by itself with the confidence
asked for (together: 2 * confidence - 1). Each metric has one method, its source named at its function:

    accuracy, micro averages          Tango's score interval of paired proportions
    loss                              paired t interval
    roc_auc                           DeLong
    precision, recall, f1             paired bootstrap (`core/bootstrap.py`)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from jenkins_ml.core.examples import Floats, Scored
from jenkins_ml.core.quantiles import normal_quantile, t_quantile
from jenkins_ml.core.ranking import Average, area_and_influence, smallest_side

POWER: Final = 0.8  # the chance that the planned number of examples settles it, the custom of the field
MOST_NEEDED: Final = 10**9  # more examples than this settle nothing in practice


@dataclass(frozen=True)
class Difference:
    """candidate - baseline.

    Args:
        point: as seen.
        low, high: what it is not below, and not above, each with the confidence asked for; infinite where the examples
            tell nothing.
        sigma: standard deviation of what one example adds to it: its standard error times the root of the count.
    """

    point: float
    low: float
    high: float
    sigma: float


def paired_proportions(gained: int, lost: int, count: int, confidence: float) -> Difference:
    """Difference of two shares of the same examples.

    T. Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design", Statistics in Medicine 17, 1998: all differences that the score test does not reject. Where no example is
    discordant it is as wide as z**2 / (count + z**2) to both sides.

    Args:
        gained: examples that only the candidate has right.
        lost: examples that only the baseline has right.
        count: all examples, at least 1.
        confidence: of each bound, in (0.5, 1).
    """
    z = normal_quantile(confidence)
    low = _score_bound(gained, lost, count, z)
    high = -_score_bound(lost, gained, count, z)
    discordant = max(gained + lost, 1)  # the next example may be one, even if none of these is
    return Difference((gained - lost) / count, low, high, math.sqrt(discordant / count))


def _score_bound(gained: int, lost: int, count: int, z: float) -> float:
    """The lowest difference that the score test with the critical value z does not reject, by bisection."""
    rejected, kept = -1.0, (gained - lost) / count
    while rejected < (middle := (rejected + kept) / 2) < kept:
        # Share of examples that only the baseline has right, most likely given the difference: A q^2 + B q + C = 0.
        a = 2 * count
        b = (2 * count - gained + lost) * middle - gained - lost
        c = -lost * middle * (1 - middle)
        share = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = count * max(2 * share + middle * (1 - middle), 0.0)
        if gained - lost - count * middle > z * math.sqrt(variance):
            rejected = middle
        else:
            kept = middle
    return rejected


def paired_means(candidate: Floats, baseline: Floats, confidence: float) -> Difference:
    """Difference of two means over the same examples, by Student's t interval of the differences.

    Args:
        candidate: a value for each example, shape (n,).
        baseline: the same for the other version.
        confidence: of each bound, in (0.5, 1).
    """
    differences = candidate - baseline
    count, point = len(differences), float(differences.mean())
    if count < 2:
        return Difference(point, -math.inf, math.inf, math.inf)
    with np.errstate(over="ignore"):  # an infinite spread says that the examples tell nothing
        sigma = float(differences.std(ddof=1))
    reach = t_quantile(confidence, count - 1) * sigma / math.sqrt(count)
    return Difference(point, point - reach, point + reach, sigma)


def paired_auc(candidate: Scored, baseline: Scored, average: Average, confidence: float) -> Difference:
    """Difference of two areas under the ROC curve of the same examples.

    E. DeLong, D. DeLong and D. Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
    characteristic curves", Biometrics 44, 1988, by `ranking.area_and_influence`. Where that shows no spread at all, as
    for two perfect rankings, the difference is bounded as `paired_proportions` does without discordance, on the
    examples of the smallest class.

    Args:
        candidate: examples of at least two classes.
        baseline: the same examples, as the other version answered them.
        average: as in `ranking.roc_auc`.
        confidence: of each bound, in (0.5, 1).
    """
    area, moved = area_and_influence(candidate, average)
    was, had_moved = area_and_influence(baseline, average)
    point, error = area - was, float(np.sqrt(np.square(moved - had_moved).sum()))
    if math.isnan(error):
        return Difference(point, -math.inf, math.inf, math.inf)
    z = normal_quantile(confidence)
    error = error or z / (smallest_side(candidate) + z * z)
    low, high = max(point - z * error, -1.0), min(point + z * error, 1.0)
    return Difference(point, low, high, error * math.sqrt(candidate.count))


def examples_needed(count: int, sigma: float, distance: float, confidence: float) -> int | None:
    """About how many examples settle a comparison that `count` examples did not.

    The sample size of a one-sided test with the power `POWER`, if the next examples are like these:
    ((z_confidence + z_POWER) * sigma / distance)**2; for paired proportions sigma**2 is the share of discordant
    examples (R. Connor, Biometrics 43, 1987), which gives 6.18 * share / distance**2 at 95 %.

    Args:
        count: the examples at hand.
        sigma: of `Difference`.
        distance: from the difference as seen to the margin.
        confidence: of the comparison, in (0.5, 1).

    Returns:
        More than `count`; None where more than `MOST_NEEDED` would be.
    """
    distance = abs(distance)
    if distance == 0:
        return None
    ratio = (normal_quantile(confidence) + normal_quantile(POWER)) * sigma / distance
    planned = ratio * ratio  # infinite where it is too large, which ** would raise
    return max(math.ceil(planned), count + 1) if planned <= MOST_NEEDED else None
