"""The gate's metrics, measured in production: of predictions whose labels have come. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jenkins_ml.config.gate import Gate
from jenkins_ml.core.arrays import Array
from jenkins_ml.core.evaluation.block import Block
from jenkins_ml.core.evaluation.evaluation import Evaluation
from jenkins_ml.core.evaluation.metric import ALWAYS
from jenkins_ml.core.gate import metrics_of


@dataclass(frozen=True, kw_only=True)
class LiveMetric:
    """One metric of one version in production.

    Args:
        name: as the gate calls it.
        source: from labels that came later, or estimated without any.
        value: as measured, or estimated.
        low, high: what it is not below and not above, each with the gate's confidence.
        count: how many predictions it rests on.
    """

    name: str
    source: Literal["labels", "estimate"]
    value: float
    low: float
    high: float
    count: int


def measured(gate: Gate, labels: Array, predictions: Array) -> tuple[LiveMetric, ...]:
    """What the gate asks of all examples, and what is measured of every model; not the user's own metrics, nor slices.

    Args:
        gate: what is asked.
        labels: of shape (n,).
        predictions: of shape (n, k), as the server answered them.

    Returns:
        Those that these examples define, with an interval each.

    Raises:
        StageFailed: the labels are none of such a model.
    """
    metrics = [metric for metric in metrics_of(gate.model_copy(update={"slices": ()})) if metric.kind]
    evaluation = Evaluation(metrics, (), gate.task)
    evaluation.add(Block(labels=labels, candidate=predictions[:, 0] if predictions.shape[1] == 1 else predictions))
    found = evaluation.finish()
    shown = [metric for metric in metrics if metric.name in gate.metrics or metric.kind in ALWAYS[found.task]]
    estimates = [(metric.name, found.answer(metric, found.overall, gate.confidence).candidate) for metric in shown]
    return tuple(
        LiveMetric(
            name=name, source="labels", value=estimate.point, low=estimate.low, high=estimate.high, count=len(labels)
        )
        for name, estimate in estimates
        if estimate is not None
    )
