"""What a version is measured by. Agrees with scikit-learn wherever both define a value; None where nothing does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.examples import Floats, Integers, Scored, Task
from jenkins_ml.core.ranking import Average, roc_auc

CLASSIFICATION: Final = ("accuracy", "precision", "recall", "f1", "loss", "roc_auc")
METRICS: Final[Mapping[Task, tuple[str, ...]]] = {
    "binary": CLASSIFICATION,
    "multiclass": CLASSIFICATION,
    "regression": ("loss",),
}
LOWER_IS_BETTER: Final = frozenset({"loss"})
THRESHOLD: Final = 0.5  # a binary score from here on means class 1
CLIP: Final = 1e-7  # Keras' epsilon: probabilities are kept this far from 0 and 1, so one mistake costs at most 16.1


@dataclass(frozen=True, eq=False)
class Tallies:
    """Examples by class, each of shape (..., k): predicted right, predicted as the class, labelled as the class."""

    hits: Floats
    predicted: Floats
    support: Floats


def evaluate(scored: Scored, averages: Mapping[str, Average]) -> dict[str, float | None]:
    """Every metric of the task.

    Args:
        scored: the examples.
        averages: metric -> average over the classes; macro where it says nothing.

    Returns:
        Metric -> value in the order of `METRICS`; None where the examples do not define it.
    """
    return {name: measure(name, scored, averages.get(name, "macro")) for name in METRICS[scored.task]}


def measure(name: str, scored: Scored, average: Average = "macro") -> float | None:
    """One metric of `METRICS[scored.task]`.

    Returns:
        accuracy: share of examples whose class is predicted.
        precision, recall, f1: of class 1, or the average over the classes; see `f_measures`.
        loss: mean of `losses`.
        roc_auc: see `ranking.roc_auc`.
        None where the examples do not define it.
    """
    if name == "accuracy":
        return float(hits(scored).mean())
    if name == "loss":
        with np.errstate(over="ignore"):  # squares beyond the largest float: no number to compare
            value = float(losses(scored).mean())
    elif name == "roc_auc":
        return roc_auc(scored, average)
    else:
        value = float(f_measures(name, tally(scored), None if scored.task == "binary" else average))
    return value if math.isfinite(value) else None


def decisions(scored: Scored) -> Integers:
    """The predicted class of each example, shape (n,); of equal probabilities the first class wins."""
    if scored.task == "binary":
        return (scored.predictions >= THRESHOLD).astype(np.int64)
    winners: Integers = scored.predictions.argmax(axis=1)
    return winners


def hits(scored: Scored) -> NDArray[np.bool_]:
    """Whether each example's class is predicted, shape (n,)."""
    return np.equal(decisions(scored), scored.class_labels)


def losses(scored: Scored) -> Floats:
    """Loss of each example, shape (n,).

    Squared error for regression; else log loss in nats, -ln(probability of the true class), with the probability
    clipped to [CLIP, 1 - CLIP].
    """
    if scored.task == "regression":
        return np.square(scored.predictions - scored.labels)
    if scored.task == "binary":
        probability = np.where(scored.labels == 1, scored.predictions, 1 - scored.predictions)
    else:
        probability = scored.predictions[np.arange(scored.count), scored.class_labels]
    surprise: Floats = -np.log(np.clip(probability, CLIP, 1 - CLIP))
    return surprise


def confusion(scored: Scored) -> Integers:
    """Examples by label (row) and predicted class (column), shape (k, k)."""
    cells = scored.class_labels * scored.classes + decisions(scored)
    return np.bincount(cells, minlength=scored.classes**2).reshape(scored.classes, scored.classes)


def tally(scored: Scored) -> Tallies:
    """The tallies of one version, each of shape (k,)."""
    labels, predicted = scored.class_labels, decisions(scored)
    hit, of_prediction, of_label = (
        np.bincount(classes, minlength=scored.classes).astype(np.float64)
        for classes in (labels[predicted == labels], predicted, labels)
    )
    return Tallies(hit, of_prediction, of_label)


def f_measures(name: str, tallies: Tallies, average: Average | None) -> Floats:
    """Precision, recall or f1 from tallies.

    Args:
        name: "precision": right of those predicted as the class; "recall": right of those labelled as it; "f1": their
            harmonic mean. Where nothing is divided by nothing, 0, as scikit-learn's zero_division=0.
        tallies: of shape (..., k).
        average: macro and weighted go over the classes that are labelled or predicted at least once, micro over the
            examples; None for a binary problem: class 1 counts.

    Returns:
        Shape (...); NaN for a binary problem without an example of class 1, which cannot show what it is asked.
    """
    hit, total = {
        "precision": (tallies.hits, tallies.predicted),
        "recall": (tallies.hits, tallies.support),
        "f1": (2 * tallies.hits, tallies.predicted + tallies.support),
    }[name]
    if average == "micro":
        return _share(hit.sum(axis=-1), total.sum(axis=-1))
    of_class = _share(hit, total)
    if average is None:
        return np.where(tallies.support[..., 1] > 0, of_class[..., 1], np.nan)
    weight = tallies.support if average == "weighted" else 1.0 * (tallies.support + tallies.predicted > 0)
    return _share((of_class * weight).sum(axis=-1), weight.sum(axis=-1))


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
