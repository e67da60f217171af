"""Two versions of a model, small enough to be written down in a test, put through the evaluation and the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jenkins_ml.config.gate import Gate
from jenkins_ml.core import gate as gates
from jenkins_ml.core.evaluation.block import Block
from jenkins_ml.core.evaluation.evaluation import Answer, Evaluation, Measured
from jenkins_ml.core.evaluation.metric import ALWAYS, Metric, usual
from jenkins_ml.core.evaluation.rows import Checker, Rows
from jenkins_ml.core.slices import slicing_of
from jenkins_ml.core.statistics.intervals import Estimate


@dataclass(frozen=True, eq=False)
class Version:
    """What one version answers on examples."""

    labels: Any
    predictions: Any
    rows: Rows

    @property
    def task(self) -> str:
        return self.rows.task

    @property
    def count(self) -> int:
        return len(self.rows)


def score(labels: Any, predictions: Any, task: str = "auto") -> Version:
    """A version, checked."""
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    return Version(labels, predictions, Checker(task).check(Block(labels, predictions)))


def block(candidate: Version, baseline: Version | None = None, weights: Any = None, **features: Any) -> Block:
    """The examples of both versions."""
    return Block(
        labels=candidate.labels,
        candidate=candidate.predictions,
        baseline=None if baseline is None else baseline.predictions,
        weights=weights,
        features=features,
    )


def evaluated(metrics: list[Metric], task: str, *blocks: Block, **more: Any) -> Measured:
    """What an evaluation of blocks finds."""
    evaluation = Evaluation(metrics, task=task, **more)
    for each in blocks:
        evaluation.add(each)
    return evaluation.finish()


def answer(metric: Metric, candidate: Version, baseline: Version | None = None, confidence: float = 0.95) -> Answer:
    """A metric of all examples."""
    measured = evaluated([metric], candidate.task, block(candidate, baseline))
    return measured.answer(metric, measured.overall, confidence)


def named(kind: str, average: str = "macro", **options: Any) -> Metric:
    """A metric by its kind."""
    return Metric(name=kind, kind=kind, average=average, lower_is_better=usual(kind).lower_is_better, **options)


def compare(
    kind: str, candidate: Version, baseline: Version, average: str = "macro", confidence: float = 0.95
) -> Estimate:
    """The paired interval of candidate - baseline."""
    return answer(named(kind, average), candidate, baseline, confidence).difference


def measure(kind: str, version: Version, average: str = "macro", **options: Any) -> float | None:
    """The value of a metric; None where it is not defined."""
    found = answer(named(kind, average, **options), version).candidate
    return None if found is None else found.point


def measures(version: Version, average: str = "macro") -> dict[str, float | None]:
    """Every metric that is measured of such a model."""
    return {kind: measure(kind, version, average) for kind in ALWAYS[version.task]}


def decide(
    gate: Gate, candidate: Version, baseline: Version | None, first_release_allowed: bool, **features: Any
) -> gates.Judgement:
    """What the gate says of them."""
    slicings = [slicing_of(section) for section in gate.slices]
    task = gate.task
    if task == "auto" and (baseline is None or baseline.task == candidate.task):
        task = candidate.task
    measured = evaluated(list(gates.metrics_of(gate)), task, block(candidate, baseline, **features), slicings=slicings)
    return gates.decide(gate, measured, first_release_allowed)
