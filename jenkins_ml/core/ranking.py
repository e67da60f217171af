"""The area under the ROC curve, exactly, and how much each example moves it.

Ranks with ties (midranks) give the area and DeLong's structural components in O(n log n): X. Sun and W. Xu, "Fast
Implementation of DeLong's Algorithm", IEEE Signal Processing Letters 21(11), 2014. Areas of several classes are
averages of areas, so their components are the same averages; pooled scores of one example (micro) move together, as in
N. Obuchowski, "Nonparametric Analysis of Clustered ROC Curve Data", Biometrics 53, 1997.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.examples import Floats, Scored

Average = Literal["macro", "micro", "weighted"]


def roc_auc(scored: Scored, average: Average) -> float | None:
    """Area under the ROC curve; of several classes, of each one against the rest.

    Args:
        scored: binary or multiclass examples.
        average: over the classes that have examples: macro weighs them equally, weighted by their examples, micro pools
            all scores. Binary problems have one curve and ignore it.

    Returns:
        The area in [0, 1], ties counting half; None where the examples hold one class only.
    """
    if len(scored.present_classes) < 2:
        return None
    weights, areas = _areas(scored, average)
    return float(weights @ areas)


def smallest_side(scored: Scored) -> int:
    """The fewest examples that any of the curves has on one of its sides; at least two classes have examples."""
    counts = np.bincount(scored.class_labels)
    counts = counts[counts > 0]
    return int(min(counts.min(), scored.count - counts.max()))


def area_and_influence(scored: Scored, average: Average) -> tuple[float, Floats]:
    """The area, and how much each example moves it: the root of the sum of squares is its standard error.

    The difference of two models' influences on the same examples gives the standard error of the difference; for a
    binary problem that is DeLong's. At least two classes must have examples.

    Returns:
        The area as of `roc_auc`, and shape (n,): NaN where a side of a curve has one example only, which tells nothing
        of the spread.
    """
    weights, areas = _areas(scored, average)
    moved = np.zeros(scored.count)
    for weight, (positive, scores) in zip(weights, _curves(scored, average), strict=True):
        moves = weight * _spread(positive, _placements(positive, scores))
        moved += moves.reshape(scored.count, -1).sum(axis=1)
    if average == "weighted" and scored.task == "multiclass":  # how often each class occurs is seen in a sample, too
        area_of = np.zeros(scored.classes)
        area_of[scored.present_classes] = areas
        moved += (area_of[scored.class_labels] - weights @ areas) / scored.count
    return float(weights @ areas), moved


def _curves(scored: Scored, average: Average) -> list[tuple[NDArray[np.bool_], Floats]]:
    """For each curve: which scores are of positives, and the scores."""
    if scored.task == "binary":
        return [(scored.labels == 1, scored.predictions)]
    if average == "micro":
        one_hot = scored.labels[:, None] == np.arange(scored.classes)
        return [(one_hot.ravel(), scored.predictions.ravel())]
    return [(scored.labels == label, scored.predictions[:, label]) for label in scored.present_classes]


def _areas(scored: Scored, average: Average) -> tuple[Floats, Floats]:
    """Weight and area of each curve."""
    curves = _curves(scored, average)
    areas = np.array([_area(positive, scores) for positive, scores in curves])
    sizes = np.array([positive.sum() if average == "weighted" else 1.0 for positive, _ in curves])
    return sizes / sizes.sum(), areas


def _area(positive: NDArray[np.bool_], scores: Floats) -> float:
    """Mann-Whitney's statistic over the number of pairs."""
    size = int(positive.sum())
    return float((_midranks(scores)[positive].sum() - size * (size + 1) / 2) / (size * (len(scores) - size)))


def _placements(positive: NDArray[np.bool_], scores: Floats) -> Floats:
    """For each example, the share of the other side's examples that it is ranked right against, ties counting half."""
    ranks, negative = _midranks(scores), ~positive
    shares = np.empty(len(scores))
    shares[positive] = (ranks[positive] - _midranks(scores[positive])) / negative.sum()
    shares[negative] = 1 - (ranks[negative] - _midranks(scores[negative])) / positive.sum()
    return shares


def _spread(positive: NDArray[np.bool_], placements: Floats) -> Floats:
    """Deviations from the side's mean, scaled so that their squares sum to the squared standard error."""
    moves = np.empty(len(placements))
    for side in (positive, ~positive):
        size = int(side.sum())
        moves[side] = (placements[side] - placements[side].mean()) / np.sqrt(size * (size - 1)) if size > 1 else np.nan
    return moves


def _midranks(values: NDArray[Any]) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[position]
    return ranks
