"""Predictions in files, evaluated: in one pass, with reading and evaluating side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from jenkins_ml.adapters import own_metrics
from jenkins_ml.adapters.predictions import Progress, Wanted, open_predictions
from jenkins_ml.config.gate import Gate
from jenkins_ml.core.arrays import Array
from jenkins_ml.core.evaluation.block import Coded
from jenkins_ml.core.evaluation.evaluation import Evaluation, Measured
from jenkins_ml.core.evaluation.groups import Slicing, quantile_edges
from jenkins_ml.core.evaluation.metric import ALWAYS
from jenkins_ml.core.gate import metrics_of
from jenkins_ml.core.slices import slicing_of

T = TypeVar("T")

_MOST_VALUES = 1 << 20  # that quantiles are taken from; of more, evenly spaced ones


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Files of predictions.

    Args:
        candidate: the candidate's.
        baseline: production's; None without one.
    """

    candidate: Path
    baseline: Path | None


def evaluate(
    gate: Gate, predictions: Predictions, directory: Path, scratch: Path, progress: Progress | None = None
) -> Measured:
    """What both versions do, by everything that the gate asks for.

    Args:
        gate: what is asked.
        predictions: of both versions.
        directory: the folder of the configuration, where the user's own metrics are.
        scratch: a folder for what does not fit into memory; nothing stays in it.
        progress: as in `open_predictions`.

    Raises:
        StageFailed: the predictions cannot be evaluated, or a metric of the user's own fails.
        UsageError, IntegrityError, Unavailable: as in `open_predictions`.
    """
    slicings = [slicing_of(section) for section in gate.slices]
    edges = {slicing: _edges(slicing, predictions, scratch) for slicing in slicings if slicing.quantiles is not None}
    metrics = metrics_of(gate)
    elsewhere = {}
    if own := own_metrics.asked_for(gate):
        elsewhere = own_metrics.estimates(
            own, gate, predictions.candidate, predictions.baseline, directory, scratch, edges
        )
    evaluation = Evaluation(metrics, slicings, gate.task, edges)
    wanted = Wanted(features=frozenset(name for slicing in slicings for name in slicing.columns))
    with open_predictions(
        predictions.candidate, predictions.baseline, wanted, scratch=scratch, progress=progress
    ) as stream:
        for block in read_ahead(stream):
            evaluation.add(block)
    return evaluation.finish(elsewhere)


def measured_values(gate: Gate, predictions: Path, scratch: Path) -> dict[str, float | None]:
    """What a version measures by itself on all examples: metric -> value; the user's own are left to the gate.

    Args:
        gate: what will be asked.
        predictions: file of the version's predictions.
        scratch: as in `evaluate`.

    Raises:
        StageFailed: the predictions cannot be evaluated.
    """
    metrics = [metric for metric in metrics_of(gate.model_copy(update={"slices": ()})) if metric.kind]
    evaluation = Evaluation(metrics, (), gate.task)
    with open_predictions(predictions, None, Wanted(), scratch=scratch) as stream:
        for block in stream:
            evaluation.add(block)
    measured = evaluation.finish()
    shown = [metric for metric in metrics if metric.name in gate.metrics or metric.kind in ALWAYS[measured.task]]
    answers = [measured.answer(metric, measured.overall, gate.confidence) for metric in shown]
    return {answer.metric.name: None if answer.candidate is None else answer.candidate.point for answer in answers}


def read_ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items; the next one is made in a thread of its own while the last is used."""
    iterator = iter(items)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(next, iterator, None)
        while (item := pending.result()) is not None:
            pending = pool.submit(next, iterator, None)
            yield item


def _edges(slicing: Slicing, predictions: Predictions, scratch: Path) -> Array:
    """Where a slicing by quantiles cuts, by the values of its column: a pass over it alone."""
    [column] = slicing.columns
    step, seen, kept = 1, 0, np.empty(0)
    with open_predictions(
        predictions.candidate, None, Wanted(features=frozenset({column}), weight=False), scratch=scratch
    ) as stream:
        for block in stream:
            values = block.features.get(column)
            if values is None or isinstance(values, Coded) or values.ndim != 1:
                return np.empty(0)  # the evaluation says why
            kept = np.concatenate([kept, values[-seen % step :: step]])
            seen += len(values)
            while len(kept) > _MOST_VALUES:
                kept, step = kept[::2], 2 * step
    return quantile_edges(kept, slicing.quantiles or 2)
