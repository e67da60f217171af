"""A bounded difference judged by bets on it: the evidence that holds for any number of looks, whatever the distribution.

Whoever stakes the share s of what they own on "the next example moves the difference by more than d" owns, after
examples that moved it by x_1, x_2, ...,

    product of (1 + s x_i / R) / (1 + s d / R),        R: the most that one example can move it,

times what they began with. If d is the truth, nobody gains on average, and the chance of ever owning 1/alpha times the
beginning is at most alpha (J. Ville, 1939). So a d against which the money has grown to 1/alpha is rejected, and it
makes no difference how often, and when, somebody looks. The money is split over many stakes at the beginning, since
the best one is not known. I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting",
J. Royal Statistical Society B 86(1), 2024. For the mean of bounded numbers no test of this kind is better than bets.

The sums of log(1 + s x_i / R), one for each stake, say all that is needed about the examples, for every d at once. They
do not depend on the order of the examples, nor on how these were divided into looks.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.arrays import Floats, Integers

STEPS: Final = 18  # down to a stake of 0.0002, the best one after some 10**9 examples
# Half an e-fold apart: at a bound the best stake is only known to about a third of one. The highest would be 1, but who
# stakes everything and loses once has nothing for ever, and log(0) is no number to write down.
STAKES: Final[Floats] = np.minimum(np.exp(-0.5 * np.arange(STEPS)), 1 - 1e-6)

_USUAL: Final = 0.05  # mean of (x/R)**2 that the split is made for: one example in twenty is discordant
_REACHED: Final = 2.8  # standard errors between the truth and a bound, about: the best stake is that / sqrt(n * _USUAL)
_BREADTH: Final = 0.8  # e-folds around the best stake that get most of the money; a Cauchy curve, for wrong guesses


def of_counts(gained: int | Integers, lost: int | Integers) -> tuple[Floats, Floats]:
    """The sums for examples that move a share by 1, by -1 or not at all; R is 1.

    Args:
        gained: how many move it by 1, shape (...).
        lost: how many move it by -1, shape (...).

    Returns:
        For bets that the difference is more, and that it is less than what it is tested against, each of shape
        (..., STEPS).
    """
    won, paid = np.log1p(STAKES), np.log1p(-STAKES)
    more: Floats = np.multiply.outer(gained, won) + np.multiply.outer(lost, paid)
    less: Floats = np.multiply.outer(lost, won) + np.multiply.outer(gained, paid)
    return more, less


def of_moments(count: int, mean: float | Floats, variance: float | Floats) -> tuple[Floats, Floats]:
    """The least that the sums can be for examples of which only the mean and the variance are known.

    Money that is certainly there is evidence as well. Of all numbers in [-1, 1] with this mean and variance, log(1 + s x)
    is least on average where all are -1 or one other number: its third derivative is positive. (The two of G. Bennett, J.
    American Statistical Association 57, 1962.)

    Args:
        count: how many examples.
        mean: of what they move the difference by, in units of R, shape (...).
        variance: of the same (ddof 0), in units of R^2, shape (...).

    Returns:
        As `of_counts`.
    """
    more, less = (_least(count, np.asarray(side), np.asarray(variance)) for side in (mean, np.negative(mean)))
    return more, less


def _least(count: int, mean: Floats, variance: Floats) -> Floats:
    above = 1 + mean
    spread = above > 0  # else all of them are -1
    lost = np.where(spread, variance / np.where(spread, variance + above * above, 1), 1.0)[..., None]
    other = np.minimum(mean + variance / np.where(spread, above, 1), 1.0)[..., None]
    least: Floats = count * (lost * np.log1p(-STAKES) + (1 - lost) * np.log1p(STAKES * other))
    return least


def log_wealth(sums: NDArray[Any], count: int, tested: float, planned: float) -> Any:
    """Logarithm of what the money has grown to.

    Args:
        sums: of bets that the difference is more, shape (..., STEPS).
        count: how many examples.
        tested: the difference that is tested, in units of R, in [-1, 1].
        planned: after how many examples the split of the money is best; fixed before the first one is seen.

    Returns:
        Shape (...). It falls as `tested` rises.
    """
    grown = sums - count * np.log1p(STAKES * tested) + _log_split(planned)
    highest = grown.max(axis=-1)
    return highest + np.log(np.exp(grown - highest[..., None]).sum(axis=-1))


@functools.cache
def _log_split(planned: float) -> Floats:
    best = min(_REACHED / math.sqrt(planned * _USUAL), 1.0)
    weights = 1 / (1 + np.square(np.log(STAKES / best) / _BREADTH))
    split: Floats = np.log(weights / weights.sum())
    return split
