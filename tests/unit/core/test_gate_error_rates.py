"""How often the comparison errs, simulated with fixed seeds; exact truth known by construction."""

import math
from collections.abc import Callable
from functools import cache
from statistics import NormalDist

import numpy as np
import pytest

from jenkins_ml.core.evaluation.metric import Metric
from jenkins_ml.core.statistics.intervals import Estimate, examples_needed
from tests.versions import Version, answer, named, score

NORMAL = NormalDist()
Pair = tuple[Version, Version]


def decided(generator: np.random.Generator, count: int, share: float, worse: float, discordant: float) -> Pair:
    """Binary models with nine of ten right; the candidate's sensitivity and specificity are `worse` than the baseline's."""
    labels = (generator.random(count) < share).astype(int)
    baseline = generator.random(count) < 0.9
    turn = np.where(baseline, (discordant + worse) / 2 / 0.9, (discordant - worse) / 2 / 0.1)
    candidate = baseline ^ (generator.random(count) < turn)
    noise = generator.random((2, count)) / 10
    first, second = (np.where((labels == 1) == right, 0.7, 0.2) for right in (candidate, baseline))
    return score(labels, first + noise[0]), score(labels, second + noise[1])


def accuracy(generator: np.random.Generator, count: int, worse: float) -> Pair:
    return decided(generator, count, 0.5, worse, 0.05)


def recall(generator: np.random.Generator, count: int, worse: float) -> Pair:
    return decided(generator, count, 0.3, worse, 0.06)


def loss(generator: np.random.Generator, count: int, worse: float) -> Pair:
    """Regression with normal errors of variance 1 and 1 + worse, correlated."""
    errors = generator.normal(size=(2, count))
    candidate = math.sqrt(1 + worse) * (0.9 * errors[0] + math.sqrt(1 - 0.81) * errors[1])
    labels = np.full(count, 0.5)
    return score(labels, labels + candidate, "regression"), score(labels, labels + errors[0], "regression")


def roc_auc(generator: np.random.Generator, count: int, worse: float) -> Pair:
    """Normal scores whose area is 0.9 and 0.9 - worse, correlated."""
    labels = (generator.random(count) < 0.3).astype(int)
    noise = generator.normal(size=(2, count))
    both = (0.9 * noise[0] + math.sqrt(1 - 0.81) * noise[1], noise[0])
    shifts = (math.sqrt(2) * NORMAL.inv_cdf(area) for area in (0.9 - worse, 0.9))
    return tuple(score(labels, 1 / (1 + np.exp(-(x + s * labels)))) for x, s in zip(both, shifts, strict=True))


def pr_auc(generator: np.random.Generator, count: int, worse: float) -> Pair:
    """Normal scores, correlated; their average precision is an integral over the threshold."""
    labels = (generator.random(count) < 0.3).astype(int)
    noise = generator.normal(size=(2, count))
    both = (0.9 * noise[0] + math.sqrt(1 - 0.81) * noise[1], noise[0])
    shifts = (shift_of(precision_of(1.8) - worse), 1.8)
    return tuple(score(labels, 1 / (1 + np.exp(-(x + s * labels)))) for x, s in zip(both, shifts, strict=True))


@cache
def precision_of(shift: float) -> float:
    """Average precision of normal scores of which those of class 1, three of ten, are higher by the shift."""
    thresholds = np.linspace(-6, 7.5, 2701)
    found, alarmed = (np.array([NORMAL.cdf(by - each) for each in thresholds]) for by in (shift, 0.0))
    precision = 0.3 * found / (0.3 * found + 0.7 * alarmed)
    return float((-np.diff(found) * (precision[1:] + precision[:-1]) / 2).sum())


@cache
def shift_of(area: float) -> float:
    low, high = 0.0, 4.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if precision_of(middle) < area else (low, middle)
    return high


def balanced_accuracy(generator: np.random.Generator, count: int, worse: float) -> Pair:
    return decided(generator, count, 0.3, worse, 0.06)


def mcc(generator: np.random.Generator, count: int, worse: float) -> Pair:
    """Of two classes of one size that are found equally often, with the chance a, it is 2 a - 1."""
    return decided(generator, count, 0.5, worse / 2, 0.05)


def turned(generator: np.random.Generator, shape: tuple[int, ...], worse: float) -> tuple[np.ndarray, np.ndarray]:
    """Which answers of the candidate and of the baseline are right: nine of ten, and of the candidate's `worse` fewer."""
    baseline = generator.random(shape) < 0.9
    turn = np.where(baseline, (0.06 + worse) / 2 / 0.9, (0.06 - worse) / 2 / 0.1)
    return baseline ^ (generator.random((shape[0], *(1,) * (len(shape) - 1))) < turn), baseline


def f1(generator: np.random.Generator, count: int, worse: float) -> Pair:
    """Three classes of one size that are mistaken for each other equally often: F1 of each is the share that is right."""
    labels = generator.integers(0, 3, count)
    wrong = (labels + generator.integers(1, 3, count)) % 3
    both = (np.where(right, labels, wrong) for right in turned(generator, (count,), worse))
    return tuple(score(labels, 0.1 + 0.7 * np.eye(3)[each]) for each in both)


def top_k_accuracy(generator: np.random.Generator, count: int, worse: float) -> Pair:
    """Four classes; the true one comes second where it counts, and last where it does not."""
    labels = generator.integers(0, 4, count)
    both = []
    for right in turned(generator, (count,), worse):
        places = np.where(right[:, None], [0.3, 0.4, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4])
        scores = np.zeros((count, 4))
        np.put_along_axis(scores, (labels[:, None] + np.arange(4)) % 4, places, axis=1)
        both.append(score(labels, scores))
    return tuple(both)


def labels_f1(generator: np.random.Generator, count: int, worse: float) -> Pair:
    """Three labels a row, each held by half of the rows and found as often as its absence; they turn together."""
    labels = generator.integers(0, 2, (count, 3))
    both = turned(generator, (count, 3), worse)
    return tuple(score(labels, np.where((labels == 1) == right, 0.8, 0.2), "multilabel") for right in both)


def rmse(generator: np.random.Generator, count: int, worse: float) -> Pair:
    return loss(generator, count, (1 + worse) ** 2 - 1)


def brier(generator: np.random.Generator, count: int, worse: float) -> Pair:
    """A right answer costs 0.04, a wrong one 0.64."""
    labels = generator.integers(0, 2, count)
    both = turned(generator, (count,), worse / 0.6)
    return tuple(score(labels, np.where((labels == 1) == right, 0.8, 0.2)) for right in both)


def difference(metric: Metric, models: Pair) -> Estimate:
    return answer(metric, *models).difference


def passes(metric: Metric, models: Pair, margin: float) -> bool:
    change = difference(metric, models)
    return change.high <= margin if metric.lower_is_better else change.low >= -margin


CASES = [
    pytest.param(named("accuracy"), accuracy, 1000, 0.02, id="accuracy"),
    pytest.param(named("accuracy"), accuracy, 150, 0.03, id="accuracy on few examples"),
    pytest.param(named("loss"), loss, 500, 0.1, id="loss"),
    pytest.param(named("roc_auc"), roc_auc, 500, 0.02, id="roc_auc"),
    pytest.param(named("recall"), recall, 1000, 0.03, id="recall"),
    pytest.param(named("pr_auc"), pr_auc, 600, 0.04, id="pr_auc"),
    pytest.param(named("balanced_accuracy"), balanced_accuracy, 600, 0.03, id="balanced_accuracy"),
    pytest.param(named("mcc"), mcc, 500, 0.05, id="mcc"),
    pytest.param(named("f1"), f1, 500, 0.03, id="f1 of three classes"),
    pytest.param(named("top_k_accuracy", k=2), top_k_accuracy, 400, 0.03, id="top_k_accuracy"),
    pytest.param(named("f1"), labels_f1, 400, 0.03, id="f1 of several labels"),
    pytest.param(named("rmse"), rmse, 400, 0.06, id="rmse"),
    pytest.param(named("brier"), brier, 500, 0.02, id="brier"),
]


@pytest.mark.parametrize(("metric", "make", "count", "margin"), CASES)
def test_a_model_at_the_margin_is_rarely_approved(
    metric: Metric, make: Callable[[np.random.Generator, int, float], Pair], count: int, margin: float
):
    replicates = (make(np.random.default_rng(seed), count, margin) for seed in range(400))
    assert sum(passes(metric, models, margin) for models in replicates) <= 0.07 * 400


@pytest.mark.parametrize(("metric", "make", "count", "margin"), CASES)
def test_an_equal_model_is_approved_with_the_examples_planned(
    metric: Metric, make: Callable[[np.random.Generator, int, float], Pair], count: int, margin: float
):
    seen = difference(metric, make(np.random.default_rng(0), 20_000, 0.0))
    share = metric.kind in ("accuracy", "top_k_accuracy")
    planned = examples_needed(1, seen.sigma, margin, 0.95, share=share)
    replicates = (make(np.random.default_rng(seed), planned, 0.0) for seed in range(100))
    assert sum(passes(metric, models, margin) for models in replicates) >= 85  # planned for 90 and a little more


@pytest.mark.parametrize(("metric", "make", "count", "margin"), CASES)
def test_the_populations_are_worse_by_what_they_say(
    metric: Metric, make: Callable[[np.random.Generator, int, float], Pair], count: int, margin: float
):
    """Otherwise the rates above would be those of another question."""
    for worse in (0.0, margin):
        seen = difference(metric, make(np.random.default_rng(1), 60_000, worse))
        change = seen.point if metric.lower_is_better else -seen.point
        assert change == pytest.approx(worse, abs=4 * seen.sigma / math.sqrt(60_000))
