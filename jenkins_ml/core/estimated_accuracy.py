"""How accurate a classifier is on data without labels, from how sure it is of its answers. Pure.

Where labels are known, at the gate, predictions are sorted into cells by how sure the model was, and in each cell it is
counted how many were right. Live predictions are sorted into the same cells. That works as long as the model, when it is
this sure, is right as often as it was at the gate: inputs may change (covariate shift), what is asked may not (concept
drift). The idea is known as confidence-based performance estimation; cells by histogram binning: B. Zadrozny, C. Elkan,
"Obtaining calibrated probability estimates from decision trees and naive Bayesian classifiers", ICML 2001.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.statistics.intervals import Estimate
from jenkins_ml.core.statistics.quantiles import normal_quantile

Floats = NDArray[np.floating[Any]]

_CELLS: Final = 40  # at most
_FEWEST_IN_CELL: Final = 50  # labelled predictions: a cell with fewer tells little of how often they are right


@dataclass(frozen=True)
class Sureness:
    """How often a model was right, by how sure it was.

    Args:
        edges: upper bounds of the cells but the last one's, rising; a value at a bound is in the cell below it.
        counts: labelled predictions in each cell, each at least 1.
        right: how many of them were right.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    right: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.edges) + 1 == len(self.counts) == len(self.right):
            raise ValueError("there is one cell more than there are edges")
        if any(not 0 <= right <= count or count < 1 for right, count in zip(self.right, self.counts, strict=True)):
            raise ValueError("each cell has predictions, and no more right ones than that")


def confidences(scores: Floats) -> Floats:
    """How sure a model is of each prediction, as a number that cells are made of.

    Of many classes the score of the one that it predicts. Of two, how much it prefers class 1 to class 0: such a model
    may be right less often when it says the one than when, as sure, it says the other, and live inputs may bring more of
    either.

    Args:
        scores: of shape (n, classes); or (n,) or (n, 1), the score of class 1 in [0, 1].

    Returns:
        Shape (n,); NaN where a score is none.
    """
    flat = scores.reshape(len(scores), -1)
    known = np.isfinite(flat).all(axis=1)
    match flat.shape[1]:
        case 1:
            value = flat[:, 0]
        case 2:
            value = np.where(known, flat[:, 1], 0) - np.where(known, flat[:, 0], 0)
        case _:
            value = flat.max(axis=1)
    return np.where(known, value, np.nan)


def cells(sure: Floats) -> tuple[float, ...] | None:
    """Cells that hold about equally many of these predictions: the edges of a `Sureness`.

    Args:
        sure: how sure the model was of each, shape (n,); see `confidences`.

    Returns:
        None where there are too few for a single cell.
    """
    sure = sure[np.isfinite(sure)]
    if len(sure) < _FEWEST_IN_CELL:
        return None
    number = min(_CELLS, len(sure) // _FEWEST_IN_CELL)
    quantiles = np.quantile(sure, np.arange(1, number) / number, method="inverted_cdf")
    return tuple(np.unique(quantiles[quantiles < sure.max()]).tolist())


def estimated(known: Sureness, live: Sequence[int], confidence: float) -> Estimate | None:
    """The accuracy of live predictions.

    The sum over cells of w a, with w the share of live predictions in a cell and a the share of labelled ones there that
    were right. Its variance is the sum of w^2 a (1 - a) / counts, from the labelled ones, and of w a (1 - a) / n, from
    which of the n live ones happen to be right. For both a is (right + 1) / (counts + 2), so that a cell without a
    mistake is not taken for one that makes none.

    Args:
        known: from labelled predictions.
        live: live predictions in each of its cells.
        confidence: of each bound, in (0.5, 1).

    Returns:
        None without live predictions.
    """
    counts = np.asarray(live, np.float64)
    total = float(counts.sum())
    if not total:
        return None
    shares = counts / total
    labelled, right = np.asarray(known.counts, np.float64), np.asarray(known.right, np.float64)
    point = float(shares @ (right / labelled))
    cautious = (right + 1) / (labelled + 2)
    spread = cautious * (1 - cautious)
    variance = float(shares**2 @ (spread / labelled) + shares @ spread / total)
    reach = normal_quantile(confidence) * math.sqrt(variance)
    return Estimate(point, max(0.0, point - reach), min(1.0, point + reach), math.sqrt(variance * total))
