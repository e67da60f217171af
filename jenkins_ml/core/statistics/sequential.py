"""Repeated looks: bounds on a change against production that hold at every look together, however many there are.

A look brings new examples that both versions answered. A bound of `bounds` at level alpha is missed by the truth at any
of the looks, now or later, with probability at most alpha; so a gate may look every night, and stop when it likes. Two
methods, by what is known of the metric:

    a known reach (accuracy and other shares, Brier score, clipped log loss)    `bets`: certain at any count
    no known reach (squared error, F1, areas, ...)                              the sequential t-test: asymptotic

The second is Lai's t confidence sequence with a half-normal mixture over (truth - tested) / sigma: T. Lai, "On
confidence sequences", Annals of Statistics 4, 1976; H. Wang and A. Ramdas, "Anytime-valid t-tests and confidence
sequences for Gaussian means with unknown variance", Sequential Analysis 44, 2025. It is exact for normal numbers. For
others it tends to the asymptotic confidence sequence of I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy and A. Ramdas,
"Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52(6), 2024, whose tuning it
has. Like every t interval it believes that what it has not seen is rare enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jenkins_ml.core.arrays import Floats
from jenkins_ml.core.statistics.bets import log_wealth, of_counts, of_moments
from jenkins_ml.core.statistics.intervals import MOST_NEEDED, POWER, Estimate
from jenkins_ml.core.statistics.looks import check
from jenkins_ml.core.statistics.quantiles import normal_quantile
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import LookSums

PLANNED_LOOKS: Final = 10  # after so many like the first the bounds are narrowest; a factor of 5 matters little
LEAST_PLANNED: Final = 400  # examples: a first look that is almost empty says nothing about the others
# Without a known reach bounds are kept wider at first, while skewed numbers are not yet close enough to normal ones.
LEAST_PLANNED_T: Final = 4000
_NOISE: Final = 1e-9  # relative: a spread below this is rounding


def share_of(alpha: float, position: int) -> float:
    """The part of an error budget that the candidate at a position has: alpha / (position * (position + 1)).

    Over all positions these add up to alpha, however many there will be: the chance that any of the candidates against
    one baseline gets a wrong approval is at most alpha. The first ones get most, since most baselines see few.

    Args:
        alpha: the whole budget, 1 - confidence.
        position: of the candidate among all that were looked at against the same baseline, from 1.
    """
    return alpha / (position * (position + 1))


def planned_for(first: int, reach: float | None) -> int:
    """After how many examples bounds are narrowest, fixed by the first look before its examples are seen.

    Args:
        first: how many examples the first look has.
        reach: the most that one of them can add; None where that is not known.
    """
    return max(PLANNED_LOOKS * first, LEAST_PLANNED_T if reach is None else LEAST_PLANNED)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the looks of one candidate at one metric come to.

    Args:
        looks: how many.
        count: examples in all of them.
        planned: the count for which the bounds are narrowest.
        baseline: mean of the baseline's values, weighted by count.
        point: mean of the differences, weighted by count.
        spread: sum over the examples of the squared distance of what they add from `point`.
        reach: the most that an example can add; None where that is not known.
        more, less: sums of `bets`, shape (STEPS,); None where the reach is not known.
    """

    looks: int
    count: int
    planned: int
    baseline: float
    point: float
    spread: float
    reach: float | None = None
    more: Floats | None = None
    less: Floats | None = None

    @property
    def sigma(self) -> float:
        """Standard deviation of what an example adds; infinite for a single example."""
        return math.sqrt(self.spread / (self.count - 1)) if self.count > 1 else math.inf


def merged(looks: Sequence[LookSums]) -> Evidence:
    """The evidence of looks at different examples.

    The first look alone fixes for which count the bounds are narrowest; otherwise the order does not matter, nor how
    the same examples were divided into looks.

    Args:
        looks: of the same metric and slice, at least one.

    Raises:
        IntegrityError: one holds numbers that cannot be, or they are bounded by different amounts.
    """
    for look in looks:
        check(look)
    reach = looks[0].reach
    if any(look.reach != reach for look in looks):
        raise IntegrityError(
            f"the looks at {looks[0].metric} were recorded with different bounds of what an example can add",
            "name another data stream, which starts anew",
        )
    count = sum(look.count for look in looks)
    point = math.fsum(look.count * look.difference for look in looks) / count
    within = math.fsum((look.count - 1) * look.sigma * look.sigma for look in looks)
    between = math.fsum(look.count * (look.difference - point) ** 2 for look in looks)
    more = less = None
    if reach is not None:
        discordant = [(look.gained, look.lost) for look in looks if look.gained is not None and look.lost is not None]
        if len(discordant) == len(looks):
            more, less = of_counts(sum(gained for gained, _ in discordant), sum(lost for _, lost in discordant))
        else:
            more, less = of_moments(count, point / reach, (within + between) / count / reach**2)
    return Evidence(
        looks=len(looks),
        count=count,
        planned=planned_for(looks[0].count, reach),
        baseline=math.fsum(look.count * look.baseline for look in looks) / count,
        point=point,
        spread=within + between,
        reach=reach,
        more=more,
        less=less,
    )


def bounds(evidence: Evidence, alpha: float) -> Estimate:
    """What the difference is not below, and not above.

    Args:
        evidence: all looks so far.
        alpha: how often each bound may be missed, over all looks together; in (0, 0.5).
    """
    point, sigma = evidence.point, evidence.sigma
    if evidence.reach is None or evidence.more is None or evidence.less is None:
        reach = _t_reach(evidence, evidence.count, alpha)
        return Estimate(point, point - reach, point + reach, sigma)
    part = point / evidence.reach
    low = _lowest(evidence.more, evidence, part, alpha) * evidence.reach
    high = -_lowest(evidence.less, evidence, -part, alpha) * evidence.reach
    return Estimate(point, low, high, sigma)


def examples_needed(evidence: Evidence, limit: float, alpha: float) -> int | None:
    """About how many examples, in all looks together, settle on which side of a limit the difference lies.

    If the next examples are like these, with the power `POWER`.

    Args:
        evidence: all looks so far.
        limit: the difference that it is held against, such as -0.01 for an accuracy that may fall by 0.01.
        alpha: as in `bounds`.

    Returns:
        More than there are; None where more than `MOST_NEEDED` would be.
    """
    if evidence.point == limit:
        return None
    unsettled, settled = evidence.count, evidence.count + 1
    while not _would_settle(evidence, limit, alpha, settled):
        unsettled, settled = settled, 2 * settled
        if settled > MOST_NEEDED:
            return None
    while settled - unsettled > 1:
        middle = (unsettled + settled) // 2
        unsettled, settled = (unsettled, middle) if _would_settle(evidence, limit, alpha, middle) else (middle, settled)
    return settled


def t_reach(count: int, alpha: float, planned: float) -> float:
    """How far the bounds of the sequential t-test lie from the mean, in units of the standard deviation (ddof 0).

    With b = 1 + count * rho^2, k = 1 - 1/b and w the mean over the root of the mean square, both of x - tested, the
    mixture over effects that are half-normal with the deviation rho rejects where (2 (1 - k w^2)^(-count/2) - 1) /
    sqrt(b) >= 1/alpha. (The likelihood ratio of the t statistic, with the tail of the normal distribution at y >= 0
    taken as exp(-y^2/2) / 2, which it does not exceed.) rho is about the best one at the planned count, as "Time-uniform
    central limit theory" tunes it, with 2 alpha for bounds of one side.

    Args:
        count: how many examples.
        alpha: how often the bound may be missed, over all counts; in (0, 0.5).
        planned: the count at which it is narrowest.

    Returns:
        Infinite where so few examples tell nothing.
    """
    level = -2 * math.log(2 * alpha)
    broadened = 1 + count / planned * (level + math.log(level + 1))
    needed = -math.expm1(-2 / count * math.log((1 + math.sqrt(broadened) / alpha) / 2)) / (1 - 1 / broadened)
    return math.sqrt(needed / (1 - needed)) if needed < 1 else math.inf


def _t_reach(evidence: Evidence, count: int, alpha: float) -> float:
    """The same in the metric's unit, at a count of examples like these."""
    deviation = math.sqrt(evidence.spread / evidence.count)
    if deviation <= _NOISE * abs(evidence.point):  # that no spread was seen does not mean that there is none
        return math.inf
    return t_reach(count, alpha, evidence.planned) * deviation


def _lowest(sums: Floats, evidence: Evidence, point: float, alpha: float) -> float:
    """The highest difference that is rejected from below, by bisection; all in units of the reach."""
    rejected, kept = -1.0, point
    while rejected < (middle := (rejected + kept) / 2) < kept:
        if log_wealth(sums, evidence.count, middle, evidence.planned) >= -math.log(alpha):
            rejected = middle
        else:
            kept = middle
    return rejected


def _would_settle(evidence: Evidence, limit: float, alpha: float, count: int) -> bool:
    """Whether so many examples like these would put a bound on the other side of the limit, with the power."""
    chance = normal_quantile(POWER)
    sums, side = (evidence.more, 1) if evidence.point > limit else (evidence.less, -1)
    if evidence.reach is None or sums is None:
        luck = chance * evidence.sigma / math.sqrt(count)
        return abs(evidence.point - limit) >= _t_reach(evidence, count, alpha) + luck
    tested = side * limit / evidence.reach
    # The logarithm is about half the square of a normal number: so it is where that has `chance` to spare.
    enough = (math.sqrt(-2 * math.log(alpha)) + chance) ** 2 / 2
    return bool(log_wealth(sums * (count / evidence.count), count, tested, evidence.planned) >= enough)
