"""The areas under the ROC and the precision-recall curve, and how much each example moves them.

Scores are put on a ladder: one rung for each distinct score, rising, with the weight of the positives and of the
negatives that stand on it. Everything is a function of the ladder, so that bins of scores are handled as scores are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.arrays import Array, Floats, Integers


@dataclass(frozen=True, eq=False)
class Ladder:
    """Weights by rung, each of shape (rungs,), from the lowest score to the highest.

    Args:
        positive, negative: sums of the weights; without weights counts.
    """

    positive: Floats
    negative: Floats

    @property
    def defined(self) -> bool:
        """Whether there are both positives and negatives."""
        return bool(self.positive.sum() > 0 and self.negative.sum() > 0)


def rungs(scores: Array) -> tuple[Integers, int]:
    """On which rung each score stands, shape (n,), and how many rungs there are."""
    # Not numpy.unique, which imports numpy.ma: a third of the time that the gate takes to start.
    order = np.argsort(scores)
    ordered = scores[order]
    step = np.empty(len(scores), np.int64)
    step[:1] = 0
    np.not_equal(ordered[1:], ordered[:-1], out=step[1:], casting="unsafe")
    np.cumsum(step, out=step)
    rung = np.empty(len(scores), np.int64)
    rung[order] = step
    return rung, int(step[-1]) + 1 if len(scores) else 0


def ladder(positive: NDArray[np.bool_], rung: Integers, count: int, weights: Floats | None) -> Ladder:
    """The ladder of examples.

    Args:
        positive: which are of the class, shape (n,).
        rung: where each stands, shape (n,).
        count: how many rungs there are.
        weights: of each example, shape (n,); None where all count the same.
    """
    both = np.bincount(2 * rung + positive, weights, 2 * count).reshape(count, 2)
    return Ladder(positive=both[:, 1].astype(np.float64), negative=both[:, 0].astype(np.float64))


def area(steps: Ladder) -> float:
    """Area under the ROC curve: the chance that a positive stands above a negative, ties counting half.

    H. Mann and D. Whitney, Annals of Mathematical Statistics 18, 1947, with weights.
    """
    below = np.cumsum(steps.negative) - steps.negative / 2
    return float((steps.positive * below).sum() / (steps.positive.sum() * steps.negative.sum()))


def area_error(steps: Ladder) -> float:
    """How far the area may be from that of the scores, where rungs are bins of them: all pairs in a bin that count half."""
    return float((steps.positive * steps.negative).sum() / (2 * steps.positive.sum() * steps.negative.sum()))


def area_moves(steps: Ladder) -> tuple[Floats, Floats]:
    """How much an example of weight 1 moves the area, by rung: of positives and of negatives.

    The structural components of E. DeLong, D. DeLong and D. Clarke-Pearson, "Comparing the areas under two or more
    correlated receiver operating characteristic curves", Biometrics 44, 1988, less their mean; by ranks as X. Sun and
    W. Xu, "Fast Implementation of DeLong's Algorithm", IEEE Signal Processing Letters 21(11), 2014.
    """
    positives, negatives, value = steps.positive.sum(), steps.negative.sum(), area(steps)
    below = (np.cumsum(steps.negative) - steps.negative / 2) / negatives
    above = 1 - (np.cumsum(steps.positive) - steps.positive / 2) / positives
    return (below - value) / positives, (above - value) / negatives


def precision_area(steps: Ladder) -> float:
    """Average precision: the mean, over the positives, of the precision at their score.

    Of ties all are taken together, as scikit-learn does.
    """
    precision, _ = _from_above(steps)
    return float((steps.positive * precision).sum() / steps.positive.sum())


def precision_area_error(steps: Ladder) -> float:
    """About how far average precision may be from that of the scores, where rungs are bins of them.

    At best the positives of a bin stand above all of its negatives, at worst below. With T positives among the N examples
    above, the j-th of p positives then has the precision (T + j) / (N + j); the sum over j is p - (N - T) (H(N + p) -
    H(N)) with the harmonic numbers H(x) of about log(x + 1/2) and a constant.
    """
    _, reached = _from_above(steps)
    above = reached - steps.positive - steps.negative
    others = above - (np.cumsum(steps.positive[::-1])[::-1] - steps.positive)  # negatives above

    def summed(passed: Floats) -> float:
        ahead = above + passed
        return float((steps.positive - (others + passed) * np.log1p(steps.positive / (ahead + 0.5))).sum())

    value, total = precision_area(steps), float(steps.positive.sum())
    best, worst = summed(np.zeros(len(above))) / total, summed(steps.negative) / total
    return max(best - value, value - worst, 0.0)


def precision_area_moves(steps: Ladder) -> tuple[Floats, Floats]:
    """How much an example of weight 1 moves average precision, by rung: of positives and of negatives.

    The derivative of the mean over positives j of TP_j / N_j, TP_j and N_j being the weights of positives and of all at
    or above j's score: a new example adds itself to those of every j that stands at or below it, and a positive one also
    its own precision.
    """
    precision, reached = _from_above(steps)
    total = steps.positive.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(steps.positive > 0, steps.positive / reached, 0.0)
    gained, lost = np.cumsum(each * (1 - precision)), np.cumsum(each * precision)
    return (precision - precision_area(steps) + gained) / total, -lost / total


def _from_above(steps: Ladder) -> tuple[Floats, Floats]:
    """Precision, and the weight of all examples, at or above each rung."""
    hits = np.cumsum(steps.positive[::-1])[::-1]
    reached = np.cumsum((steps.positive + steps.negative)[::-1])[::-1]
    return np.divide(hits, reached, out=np.zeros(len(hits)), where=reached > 0), reached
