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
    """How far average precision may be from that of the scores, where rungs are bins of them.

    Above a bin let there be T positives and M negatives, in it p and q, all by weight. A positive with which t of the p
    are reached has at best the precision (T + p) / (T + p + M): all p have one score, above those of the q. At worst it
    has (T + t) / (T + t + M + q): all q stand above. As that rises with t, its sum over the p, whatever their weights, is
    at least its integral from 0 to p, which is p - (M + q) ln(1 + p / (T + M + q)).
    """
    positive, negative = steps.positive[::-1], steps.negative[::-1]
    hits, others = np.cumsum(positive), np.cumsum(negative)
    before, passed = np.concatenate([[0.0], hits[:-1]]), np.concatenate([[0.0], others[:-1]])
    none = np.zeros(len(hits))
    best = positive * np.divide(hits, hits + passed, out=none.copy(), where=positive > 0)
    share = np.divide(positive, before + others, out=none, where=others > 0)
    worst = positive - others * np.log1p(share)
    value, total = precision_area(steps), float(positive.sum())
    return max(float(best.sum()) / total - value, value - float(worst.sum()) / total, 0.0)


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
