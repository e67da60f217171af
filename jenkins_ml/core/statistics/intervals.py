"""How far a value, or its change against production, may lie from what was seen.

Both versions answered the same examples, so every comparison here is paired. Each bound holds by itself with the
confidence asked for (together: 2 * confidence - 1). Each metric has one method, its source named at its function:

    shares of examples: accuracy, top-k       Wilson's score interval; Tango's of paired proportions
    means: losses, errors                     Student's t; of the paired differences
    functions of means: rmse, r2, the user's  the delta method
    precision, recall, f1, ... of decisions   paired bootstrap (`resampling`)
    roc_auc, pr_auc                           by influence (`ranking`); for roc_auc that is DeLong's
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from jenkins_ml.core.statistics.quantiles import normal_quantile, t_quantile

# The chance that the planned number of examples settles it: nine of ten, and a little more, as the spread that it is
# planned with is an estimate itself.
POWER: Final = 0.92
MOST_NEEDED: Final = 10**9  # more examples than this settle nothing in practice


@dataclass(frozen=True)
class Estimate:
    """A value, or candidate - baseline.

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


@dataclass(frozen=True)
class Moments:
    """Sums over examples of a number x each, with weights w: all a mean and its error are made from.

    Args:
        count: how many examples have a weight above 0.
        weight: sum of w; without weights the count.
        squares: sum of w^2.
        first: sum of w x.
        crossed: sum of w^2 x.
        second: sum of w^2 x^2.
        third: sum of x^3, without weights; None where it was not made.
    """

    count: int
    weight: float
    squares: float
    first: float
    crossed: float
    second: float
    third: float | None = None

    @property
    def skewness(self) -> float:
        """The third central moment of x over the cube of its standard deviation, without weights; NaN without spread."""
        mean, count = self.mean, max(self.count, 1)
        square = self.second / count - mean * mean
        cube = (self.third or 0.0) / count - 3 * mean * self.second / count + 2 * mean**3
        return cube / square**1.5 if square > 1e-12 * self.second / count else math.nan

    @property
    def mean(self) -> float:
        """Sum of w x over the sum of w."""
        return self.first / self.weight

    @property
    def error(self) -> float:
        """Standard error of the mean, infinite for fewer than two examples.

        Without weights the root of s^2 / n; with them the linearised error of a quotient of sums: W. Cochran, "Sampling
        Techniques", 1977, section 6.
        """
        if self.count < 2:
            return math.inf
        mean = self.mean
        spread = self.second - 2 * mean * self.crossed + mean * mean * self.squares
        return math.sqrt(max(spread, 0.0) * self.count / (self.count - 1)) / self.weight


def proportion(successes: int, count: int, confidence: float) -> Estimate:
    """A share of examples, by Wilson's score interval: E. Wilson, J. American Statistical Association 22, 1927."""
    z = normal_quantile(confidence)
    share = successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    sigma = math.sqrt(max(share * (1 - share), 1 / count))
    return Estimate(share, min(max(middle - reach, 0.0), share), max(min(middle + reach, 1.0), share), sigma)


def paired_proportions(gained: int, lost: int, count: int, confidence: float) -> Estimate:
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
    return Estimate((gained - lost) / count, low, high, math.sqrt(discordant / count))


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


def mean(moments: Moments, confidence: float) -> Estimate:
    """A mean, or a mean of paired differences, by Student's t interval; with third moments, with their skewness in it."""
    found = around(moments.mean, moments.error, moments.count, confidence)
    return found if moments.third is None else for_skewness(found, moments.skewness, moments.count, confidence)


def around(point: float, error: float, count: int, confidence: float) -> Estimate:
    """A value with a standard error that rests on `count` examples, by Student's t."""
    if count < 2 or not math.isfinite(error):  # an infinite spread says that the examples tell nothing
        return Estimate(point, -math.inf, math.inf, math.inf)
    reach = t_quantile(confidence, count - 1) * error
    return Estimate(point, point - reach, point + reach, error * math.sqrt(count))


def for_skewness(found: Estimate, skewness: float, count: int, confidence: float) -> Estimate:
    """The bounds of a symmetric interval, each further out where what the examples add is skewed to its side.

    Rare large losses are missing from most small test sets, and with them their spread. To first order the bounds then
    lie s (2 z^2 + 1) / (6 root(n)) standard errors further to the side of the skewness s: N. Johnson, "Modified t tests and
    confidence intervals for asymmetrical populations", J. American Statistical Association 73, 1978.

    Args:
        found: of a mean or a sum over `count` examples.
        skewness: of what an example adds: its third central moment over the cube of its standard deviation.
        count: how many examples there are.
        confidence: of each bound, in (0.5, 1).
    """
    if not math.isfinite(found.sigma) or not math.isfinite(skewness):
        return found
    z, root = normal_quantile(confidence), math.sqrt(count)
    shift = min(max(skewness / root * (2 * z * z + 1) / 6, -z), z) * found.sigma / root
    return replace(found, low=found.low + min(shift, 0.0), high=found.high + max(shift, 0.0))


def examples_needed(count: int, sigma: float, distance: float, confidence: float, *, share: bool = False) -> int | None:
    """About how many examples settle a comparison that `count` examples did not.

    The sample size of a one-sided test with the power `POWER`, if the next examples are like these:
    ((z_confidence + z_POWER) * sigma / distance)**2; for paired proportions sigma**2 is the share of discordant
    examples (R. Connor, Biometrics 43, 1987), which gives 9.3 * share / distance**2 at 95 %. For these there are
    z_confidence**2 / distance more: so many it takes where no example is discordant (see `paired_proportions`).

    Args:
        count: the examples at hand.
        sigma: of `Estimate`.
        distance: from the difference as seen to the margin.
        confidence: of the comparison, in (0.5, 1).
        share: whether it is of two shares of the examples.

    Returns:
        More than `count`; None where more than `MOST_NEEDED` would be.
    """
    distance = abs(distance)
    if distance == 0:
        return None
    z = normal_quantile(confidence)
    ratio = (z + normal_quantile(POWER)) * sigma / distance
    # Infinite where it is too large, which ** would raise.
    planned = ratio * ratio + (z * z / distance if share else 0.0)
    return max(math.ceil(planned), count + 1) if planned <= MOST_NEEDED else None
