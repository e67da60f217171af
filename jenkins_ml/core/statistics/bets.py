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
add up over looks, so the order of looks does not matter.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.arrays import Floats, Integers, sums_by
from jenkins_ml.errors import StageFailed

STEPS: Final = 18  # down to a stake of 0.0002, the best one after some 10**9 examples
# Half an e-fold apart: at a bound the best stake is only known to about a third of one. The highest would be 1, but who
# stakes everything and loses once has nothing for ever, and log(0) is no number to write down.
STAKES: Final[Floats] = np.minimum(np.exp(-0.5 * np.arange(STEPS)), 1 - 1e-6)

_USUAL: Final = 0.05  # mean of (x/R)**2 that the split is made for: one example in twenty is discordant
_REACHED: Final = 2.8  # standard errors between the truth and a bound, about: the best stake is that / sqrt(n * _USUAL)
_BREADTH: Final = 0.8  # e-folds around the best stake that get most of the money; a Cauchy curve, for wrong guesses


def of_counts(gained: int, lost: int) -> tuple[Floats, Floats]:
    """The sums for examples that move a share by 1, by -1 or not at all; R is 1.

    Args:
        gained: how many move it by 1.
        lost: how many move it by -1.

    Returns:
        For bets that the difference is more, and that it is less than what it is tested against, each of shape (STEPS,).
    """
    won, paid = np.log1p(STAKES), np.log1p(-STAKES)
    return gained * won + lost * paid, lost * won + gained * paid


def of_differences(differences: Floats, reach: float, places: Integers, size: int) -> tuple[Floats, Floats]:
    """The sums for examples that move means by these; they add up over blocks of examples.

    Args:
        differences: shape (n,), of an example each; all count the same.
        reach: R, the most that an example can move a mean to either side, known without looking at the examples.
        places: which mean each of them moves, shape (n,); such as the number of its slice.
        size: how many means there are.

    Returns:
        As `of_counts`, each of shape (size, STEPS).

    Raises:
        StageFailed: one moves it by more.
    """
    parts = differences / reach
    most = float(np.abs(parts).max(initial=0.0))
    if not most <= 1 + 1e-9:
        raise StageFailed(
            f"an example moves the difference by {most * reach:.4g}, and {reach:.4g} was said to be the most",
            "without a bound that holds for every example, leave it out",
        )
    parts = np.clip(parts, -1.0, 1.0)
    more, less = (
        np.stack([sums_by(places, np.log1p(stake * side), size) for stake in STAKES], axis=1)
        for side in (parts, -parts)
    )
    return more, less


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
