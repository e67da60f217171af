"""How often the comparison errs, simulated with fixed seeds; exact truth known by construction."""

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest

from jenkins_ml.core.statistics.intervals import examples_needed
from tests.versions import Version, compare, score

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


def passes(metric: str, models: Pair, margin: float) -> bool:
    difference = compare(metric, *models, "macro", 0.95)
    return difference.high <= margin if metric == "loss" else difference.low >= -margin


CASES = [
    pytest.param("accuracy", accuracy, 1000, 0.02, id="accuracy"),
    pytest.param("accuracy", accuracy, 150, 0.03, id="accuracy on few examples"),
    pytest.param("loss", loss, 500, 0.1, id="loss"),
    pytest.param("roc_auc", roc_auc, 500, 0.02, id="roc_auc"),
    pytest.param("recall", recall, 1000, 0.03, id="recall"),
]


@pytest.mark.parametrize(("metric", "make", "count", "margin"), CASES)
def test_a_model_at_the_margin_is_rarely_approved(
    metric: str, make: Callable[[np.random.Generator, int, float], Pair], count: int, margin: float
):
    replicates = (make(np.random.default_rng(seed), count, margin) for seed in range(400))
    assert sum(passes(metric, models, margin) for models in replicates) <= 0.07 * 400


@pytest.mark.parametrize(("metric", "make", "count", "margin"), CASES)
def test_an_equal_model_is_approved_with_the_examples_planned(
    metric: str, make: Callable[[np.random.Generator, int, float], Pair], count: int, margin: float
):
    seen = compare(metric, *make(np.random.default_rng(0), 20_000, 0.0), "macro", 0.95)
    planned = examples_needed(1, seen.sigma, margin, 0.95)
    approved = {
        size: sum(passes(metric, make(np.random.default_rng(seed), size, 0.0), margin) for seed in range(100)) / 100
        for size in (planned, 2 * planned)
    }
    assert approved[planned] >= 0.7  # planned for 0.8
    assert approved[2 * planned] >= 0.9
