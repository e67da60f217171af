"""Metrics of decisions: functions of how many examples were labelled and predicted as what.

Agrees with scikit-learn (zero_division=0) wherever both define a value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jenkins_ml.core.arrays import Floats
from jenkins_ml.core.evaluation.metric import Metric


@dataclass(frozen=True, eq=False)
class Tallies:
    """Examples, or the sums of their weights, by class: arrays of shape (..., k), and of shape (...) for the total.

    Args:
        hits: labelled and predicted as the class.
        predicted: predicted as the class.
        support: labelled as the class.
        total: all of them.
    """

    hits: Floats
    predicted: Floats
    support: Floats
    total: Floats


def value(metric: Metric, tallies: Tallies, binary: bool) -> Floats:
    """A metric of the family "tallies".

    precision: right of those predicted as the class. recall: right of those labelled as it. specificity: of those not
    labelled as it, the share that is not predicted as it. f_beta: (1 + b^2) P R / (b^2 P + R), f1 with b = 1. Where
    nothing is divided by nothing: 0. accuracy: right of all. balanced_accuracy: mean recall of the classes that occur.
    mcc: R. Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004; 0 where
    either side has one class only.

    Args:
        metric: which.
        tallies: of shape (..., k).
        binary: whether precision, recall, specificity and f_beta are of class 1, unless the metric names a class. Else
            macro and weighted go over the classes that are labelled or predicted at least once, micro over the examples.

    Returns:
        Shape (...); NaN where the examples do not define it: none at all, or none of the class that it is about.
    """
    of_all = np.where(tallies.total > 0, 1.0, np.nan)
    if metric.kind == "accuracy":
        return share(tallies.hits.sum(axis=-1), tallies.total) * of_all
    if metric.kind == "balanced_accuracy":
        occurs = tallies.support > 0
        return share(share(tallies.hits, tallies.support).sum(axis=-1), 1.0 * occurs.sum(axis=-1)) * of_all
    if metric.kind == "mcc":
        return _mcc(tallies) * of_all
    hit, whole = _parts(metric, tallies)
    single = metric.of_class if metric.of_class is not None else 1 if binary else None
    if single is not None:
        if single >= hit.shape[-1]:
            return np.full(hit.shape[:-1], np.nan)
        seen = tallies.support[..., single]
        if metric.kind == "specificity":
            seen = tallies.total - seen
        return np.where(seen > 0, share(hit, whole)[..., single], np.nan)
    if metric.average == "micro":
        return share(hit.sum(axis=-1), whole.sum(axis=-1)) * of_all
    weight = tallies.support if metric.average == "weighted" else 1.0 * (tallies.support + tallies.predicted > 0)
    return share((share(hit, whole) * weight).sum(axis=-1), weight.sum(axis=-1)) * of_all


def _parts(metric: Metric, tallies: Tallies) -> tuple[Floats, Floats]:
    """What is divided by what, class by class."""
    match metric.kind:
        case "precision":
            return tallies.hits, tallies.predicted
        case "recall":
            return tallies.hits, tallies.support
        case "specificity":
            others = tallies.total[..., None] - tallies.support
            return others - (tallies.predicted - tallies.hits), others
    square = metric.beta**2
    return (1 + square) * tallies.hits, tallies.predicted + square * tallies.support


def _mcc(tallies: Tallies) -> Floats:
    total = tallies.total
    covariance = tallies.hits.sum(axis=-1) * total - (tallies.predicted * tallies.support).sum(axis=-1)
    of_predicted = total**2 - (tallies.predicted**2).sum(axis=-1)
    of_labels = total**2 - (tallies.support**2).sum(axis=-1)
    spread = np.sqrt(np.maximum(of_predicted, 0)) * np.sqrt(np.maximum(of_labels, 0))
    return share(covariance, spread)


def share(part: Floats, whole: Floats) -> Floats:
    """Part / whole, 0 where the whole is."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
