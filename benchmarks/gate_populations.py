"""Two models over an endless stream of examples, with a change between them that is known exactly, not estimated.

Each metric has a population for which it is made worse by a stated amount, or not at all, while single examples still
go either way. What is true is computed here from rates and integrals, by none of the code under test.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Task = Literal["binary", "regression"]

# Decisions: the share of class 1, how often the baseline finds it, how often it alarms for nothing, and how often the two
# models disagree on an example of each class.
_PREVALENCE, _FOUND, _ALARMED = 0.3, 0.85, 0.08
_DISAGREE = {True: 0.12, False: 0.05}
# Where the candidate is worse, it alarms more often by a half of what it finds less often.
_ALARMS_MORE = 0.5
# Scores: how far apart the classes lie, and how alike the models are.
_APART, _SCORES_ALIKE = 2.0, 0.9
_SKILL, _LOGITS_ALIKE = 1.5, 0.94
_ERRORS_ALIKE = 0.8
_NODES = 201


@dataclass(frozen=True, eq=False)
class Examples:
    """Shape (n,) each: labels, and what the two models answered."""

    labels: Array
    candidate: Array
    baseline: Array


Draw = Callable[[np.random.Generator, int, float], Examples]


@dataclass(frozen=True)
class Population:
    """Where examples come from.

    Args:
        metric: by its name in the configuration.
        task: "binary" or "regression".
        margin: how much worse the candidate may be, in the metric's unit.
        draw: (generator, how many, how much worse the candidate is) -> as many examples.
    """

    metric: str
    task: Task
    margin: float
    draw: Draw


def rates_metric(metric: str, found: float, alarmed: float) -> float:
    """A metric of decisions from the two rates, at the share of class 1 that all populations here have."""
    hit, alarm = _PREVALENCE * found, (1 - _PREVALENCE) * alarmed
    missed, quiet = _PREVALENCE - hit, 1 - _PREVALENCE - alarm
    covariance = hit * quiet - alarm * missed
    spread = (hit + alarm) * (missed + quiet) * _PREVALENCE * (1 - _PREVALENCE)
    return {
        "accuracy": hit + quiet,
        "balanced_accuracy": (found + 1 - alarmed) / 2,
        "precision": hit / (hit + alarm),
        "recall": found,
        "f1": 2 * hit / (2 * hit + alarm + missed),
        "mcc": covariance / math.sqrt(spread),
    }[metric]


def solved(of: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Where a falling function has the target value, by bisection."""
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if of(middle) > target else (low, middle)
    return middle


def decided(metric: str) -> Draw:
    """Examples of models that decide: hits and false alarms at fixed rates."""

    @cache
    def found_less(worse: float) -> float:
        def after(lost: float) -> float:
            return rates_metric(metric, _FOUND - lost, _ALARMED + _ALARMS_MORE * lost)

        return solved(after, after(0.0) - worse, 0.0, 0.1) if worse else 0.0

    def draw(generator: np.random.Generator, count: int, worse: float) -> Examples:
        lost = found_less(worse)
        labels = generator.random(count) < _PREVALENCE
        change = np.where(labels, -lost, -_ALARMS_MORE * lost)  # of the chance to be right
        disagree = np.where(labels, _DISAGREE[True], _DISAGREE[False])
        right = np.where(labels, _FOUND, 1 - _ALARMED)
        gained = (disagree + change) / 2
        place = generator.random(count)
        only_baseline = (gained <= place) & (place < disagree)
        only_candidate = place < gained
        both = (disagree <= place) & (place < right + gained)
        scores = [np.where((both | only) == labels, 0.75, 0.25) for only in (only_candidate, only_baseline)]
        return Examples(labels.astype(np.int64), *scores)

    return draw


def ranked(metric: str) -> Draw:
    """Examples of scores that are normal in each class: the area under the ROC curve is Phi(distance / sqrt(2)), and average
    precision an integral over the threshold."""
    area = {"roc_auc": lambda apart: NormalDist().cdf(apart / math.sqrt(2)), "pr_auc": _average_precision}[metric]

    @cache
    def apart(worse: float) -> float:
        nearer = solved(lambda less: area(_APART - less), area(_APART) - worse, 0.0, _APART) if worse else 0.0
        return _APART - nearer

    def draw(generator: np.random.Generator, count: int, worse: float) -> Examples:
        labels = generator.random(count) < 0.5
        candidate, baseline = _alike(generator, count, _SCORES_ALIKE)
        candidate += np.where(labels, apart(worse), 0.0)
        baseline += np.where(labels, _APART, 0.0)
        return Examples(labels.astype(np.int64), _sigmoid(candidate), _sigmoid(baseline))

    return draw


def _average_precision(apart: float) -> float:
    """Of as many positives as negatives, by the trapezium rule over the recall."""
    thresholds = np.linspace(-8.0, 8.0 + apart, 4001)
    normal = NormalDist()
    found, alarmed = (np.array([normal.cdf(by - each) for each in thresholds]) for by in (apart, 0.0))
    precision = found / (found + alarmed)
    return float((-np.diff(found) * (precision[1:] + precision[:-1]) / 2).sum())


def assured(metric: str) -> Draw:
    """Examples of probabilities whose logits are normal in each class; what they cost on average is an integral."""
    cost = {
        "log_loss": lambda logits: np.logaddexp(0.0, -logits),
        "brier": lambda logits: _sigmoid(-logits) ** 2,
    }[metric]

    @cache
    def skill(worse: float) -> float:
        """With which the mean cost, by Gauss-Hermite quadrature, is so much more than the baseline's."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        weights = weights / weights.sum()

        def mean(of: float) -> float:
            return float(weights @ cost(of + nodes))

        return solved(mean, mean(_SKILL) + worse, 0.0, _SKILL) if worse else _SKILL

    def draw(generator: np.random.Generator, count: int, worse: float) -> Examples:
        labels = generator.random(count) < _PREVALENCE
        candidate, baseline = _alike(generator, count, _LOGITS_ALIKE)
        side = np.where(labels, 1.0, -1.0)
        answers = (_sigmoid(side * skill(worse) + candidate), _sigmoid(side * _SKILL + baseline))
        return Examples(labels.astype(np.int64), *answers)

    return draw


def regressed(metric: str) -> Draw:
    """Examples of errors that are normal; those of the baseline have the standard deviation 1."""
    # The candidate's, for a metric that is worse by so much.
    deviation = {
        "mse": lambda worse: math.sqrt(1 + worse),
        "rmse": lambda worse: 1 + worse,
        "mae": lambda worse: 1 + worse * math.sqrt(math.pi / 2),
    }[metric]

    def draw(generator: np.random.Generator, count: int, worse: float) -> Examples:
        candidate, baseline = _alike(generator, count, _ERRORS_ALIKE)
        labels = generator.normal(size=count)
        return Examples(labels, labels + candidate * deviation(worse), labels + baseline)

    return draw


def _alike(generator: np.random.Generator, count: int, correlation: float) -> tuple[Array, Array]:
    """Two standard normal numbers for each example."""
    one, other = generator.normal(size=(2, count))
    return one, correlation * one + math.sqrt(1 - correlation**2) * other


def _sigmoid(logits: Array) -> Array:
    return 1 / (1 + np.exp(-logits))


POPULATIONS = (
    Population("accuracy", "binary", 0.01, decided("accuracy")),
    Population("log_loss", "binary", 0.01, assured("log_loss")),
    Population("brier", "binary", 0.005, assured("brier")),
    Population("roc_auc", "binary", 0.01, ranked("roc_auc")),
    Population("pr_auc", "binary", 0.02, ranked("pr_auc")),
    Population("f1", "binary", 0.02, decided("f1")),
    Population("precision", "binary", 0.02, decided("precision")),
    Population("recall", "binary", 0.02, decided("recall")),
    Population("balanced_accuracy", "binary", 0.01, decided("balanced_accuracy")),
    Population("mcc", "binary", 0.03, decided("mcc")),
    Population("mse", "regression", 0.05, regressed("mse")),
    Population("rmse", "regression", 0.03, regressed("rmse")),
    Population("mae", "regression", 0.03, regressed("mae")),
)
