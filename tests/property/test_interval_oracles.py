"""Intervals agree with statsmodels and scipy, and standard errors with scipy's bootstrap of the rows.

The bootstrap draws rows of both versions together; what it is given to compute are plain transcriptions of the metrics, as
functions of how much each row counts. See test_intervals.py for Tango's interval, the quantiles and DeLong's.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from jenkins_ml.core.evaluation.block import Block
from jenkins_ml.core.evaluation.evaluation import Evaluation
from jenkins_ml.core.statistics.intervals import proportion
from tests.versions import answer, named, score

confidences = st.sampled_from([0.6, 0.9, 0.95, 0.99])


def measured(metric, task, labels, candidate, baseline=None, weights=None, confidence=0.95):
    """The candidate's estimate, the baseline's, and that of the difference."""
    evaluation = Evaluation([metric], task=task)
    evaluation.add(Block(labels, candidate, baseline, weights))
    found = evaluation.finish()
    seen = found.answer(metric, found.overall, confidence)
    return seen.candidate, seen.baseline, seen.difference


# --- shares and means, exactly --------------------------------------------------------------------------------------


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), confidences)
@settings(max_examples=60)
def test_shares_have_the_wilson_interval_of_statsmodels(counts, confidence):
    hits, count = counts
    low, high = proportion_confint(hits, count, alpha=2 * (1 - confidence), method="wilson")
    found = proportion(hits, count, confidence)
    assert (found.point, found.low, found.high) == pytest.approx((hits / count, low, high), abs=1e-12)


@given(st.integers(1, 60), st.integers(0, 60), confidences)
@settings(max_examples=20)
def test_accuracy_and_top_k_have_it(right, wrong, confidence):
    labels = np.zeros(right + wrong, int)
    scores = np.where(np.arange(right + wrong)[:, None] < right, [0.8, 0.1, 0.1], [0.1, 0.8, 0.1])
    for metric in (named("accuracy"), named("top_k_accuracy", k=1)):
        found = answer(metric, score(labels, scores), confidence=confidence).candidate
        low, high = proportion_confint(right, right + wrong, alpha=2 * (1 - confidence), method="wilson")
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)


TERMS = {
    "mse": lambda labels, values: (labels - values) ** 2,
    "mae": lambda labels, values: abs(labels - values),
    "mape": lambda labels, values: abs((labels - values) / labels),
    "quantile_loss": lambda labels, values: np.maximum(0.5 * (labels - values), -0.5 * (labels - values)),
}


@pytest.mark.parametrize("kind", TERMS)
def test_means_have_the_interval_of_the_t_test_and_differences_that_of_the_paired_one(kind):
    @settings(max_examples=15)
    @given(arrays.arrays(float, (3, 12), elements=st.floats(1, 100)), confidences)
    def law(values, confidence):
        labels, candidate, baseline = values
        mine, theirs, change = measured(named(kind), "regression", labels, candidate, baseline, confidence=confidence)
        terms = TERMS[kind](labels, candidate), TERMS[kind](labels, baseline)
        assume(not np.isin(terms, (0, 1)).all())  # those are shares
        for found, each in ((mine, terms[0]), (theirs, terms[1]), (change, terms[0] - terms[1])):
            if each.std() < 1e-6 * max(abs(term).max() for term in terms):
                continue
            expected = stats.ttest_1samp(each, 0.0).confidence_interval(2 * confidence - 1)
            # A difference is bounded further out to the side of its skewness (Johnson 1978), never narrower.
            z = stats.norm.ppf(confidence)
            far = np.clip(stats.skew(each) / 12**0.5 * (2 * z * z + 1) / 6, -z, z) * each.std(ddof=1) / 12**0.5
            shift = far if found is change else 0.0
            low, high = expected.low + min(shift, 0.0), expected.high + max(shift, 0.0)
            assert (found.low, found.high) == pytest.approx((low, high), rel=1e-5, abs=1e-5)

    law()


@given(arrays.arrays(float, (2, 30), elements=st.floats(0, 1)), arrays.arrays(float, 30, elements=st.floats(0.1, 9)))
@settings(max_examples=30)
def test_weighted_means_are_those_of_statsmodels(values, weights):
    labels, predictions = values
    found, _, _ = measured(named("mae"), "regression", labels, predictions, None, weights)
    each = DescrStatsW(abs(labels - predictions), weights)
    assert found.point == pytest.approx(each.mean, abs=1e-12)
    # Its error takes weights for numbers of equal rows: a row with weight 2 is then two observations, and all weights
    # doubled make everything surer. Here they are how much a row counts, so integer weights are not repeated rows: the
    # examples are as many as there are. The two agree only where all weights are alike.
    alike, _, _ = measured(named("mae"), "regression", labels, predictions, None, np.full(30, weights[0]))
    plain = DescrStatsW(abs(labels - predictions))
    assert alike.sigma / math.sqrt(30) == pytest.approx(plain.std_mean, rel=1e-6, abs=1e-7)


# --- standard errors, by the bootstrap of the rows ------------------------------------------------------------------
# Each metric as a function of w, shape (draws, n): how much each row counts in each drawn test set.


def confusion(w, labels, decided, classes):
    """Hits, predicted and support by class, each of shape (draws, classes)."""
    truth, answer = (each[:, None] == np.arange(classes) for each in (labels, decided))
    return w @ (truth & answer), w @ answer, w @ truth


def f1(average):
    def made(w, labels, scores):
        decided, classes = scores.argmax(axis=1), scores.shape[1]
        hits, predicted, support = confusion(w, labels, decided, classes)
        each = 2 * hits / np.maximum(predicted + support, 1e-9)
        return each.mean(axis=1) if average == "macro" else (each * support).sum(axis=1) / support.sum(axis=1)

    return made


def binary_f1(w, labels, scores):
    hits, predicted, support = (each[:, 1] for each in confusion(w, labels, scores >= 0.5, 2))
    return 2 * hits / (predicted + support)


def specificity(w, labels, scores):
    hits, _, support = confusion(w, labels, scores >= 0.5, 2)
    return hits[:, 0] / support[:, 0]


def balanced_accuracy(w, labels, scores):
    hits, _, support = confusion(w, labels, scores >= 0.5, 2)
    return (hits / support).mean(axis=1)


def mcc(w, labels, scores):
    hits, predicted, support = confusion(w, labels, scores.argmax(axis=1), scores.shape[1])
    total = w.sum(axis=1)
    covariance = hits.sum(axis=1) * total - (predicted * support).sum(axis=1)
    return covariance / np.sqrt((total**2 - (predicted**2).sum(axis=1)) * (total**2 - (support**2).sum(axis=1)))


def roc_auc(w, labels, scores):
    negative, positive = w[:, labels == 0], w[:, labels == 1]
    above = (scores[labels == 1][:, None] > scores[labels == 0]) * 1.0
    return ((positive @ above) * negative).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))


def pr_auc(w, labels, scores):
    order = np.argsort(-scores)  # no ties
    ordered, right = w[:, order], labels[order] == 1
    precision = np.cumsum(ordered * right, axis=1) / np.maximum(np.cumsum(ordered, axis=1), 1e-9)
    return (ordered * right * precision).sum(axis=1) / (ordered * right).sum(axis=1)


def rmse(w, labels, values):
    return np.sqrt(w @ (labels - values) ** 2 / w.sum(axis=1))


def r2(w, labels, values):
    total = w.sum(axis=1)
    spread = w @ labels**2 / total - (w @ labels / total) ** 2
    return 1 - w @ (labels - values) ** 2 / total / spread


def mae(w, labels, values):
    return w @ abs(labels - values) / w.sum(axis=1)


def brier(w, labels, scores):
    return w @ (labels - scores) ** 2 / w.sum(axis=1)


def calibration_error(w, labels, scores):
    bins = np.minimum(np.floor(scores * 15), 14)[:, None] == np.arange(15)
    return abs(w @ (bins * (labels - scores)[:, None])).sum(axis=1) / w.sum(axis=1)


def top_2(w, labels, scores):
    right = (scores >= np.sort(scores, axis=1)[:, [-2]])[np.arange(len(labels)), labels]
    return w @ right / w.sum(axis=1)


def labels_f1(average):
    def made(w, labels, scores):
        truth, answer = labels == 1, scores >= 0.5
        hits, predicted, support = w @ (truth & answer), w @ answer, w @ truth
        if average == "micro":
            return 2 * hits.sum(axis=1) / (predicted + support).sum(axis=1)
        return (2 * hits / (predicted + support)).mean(axis=1)

    return made


def two_scores(generator, size):
    """Binary: a better and a worse model that often are wrong together."""
    labels = (generator.random(size) < 0.35).astype(int)
    noise = generator.normal(size=(3, size))
    both = (noise[0] + 0.6 * each + 1.3 * (2 * labels - 1) for each in noise[1:])
    return labels, *(1 / (1 + np.exp(-each)) for each in both)


def far_off(generator, size):
    """Binary scores whose bins are clearly off: near 0 a distance cannot turn its sign in a straight approximation."""
    labels, *both = two_scores(generator, size)
    return labels, *(each**2 * scale for each, scale in zip(both, (0.6, 0.7), strict=True))


def three_classes(generator, size):
    labels = generator.choice(3, size, p=[0.5, 0.3, 0.2])
    noise = generator.normal(size=(3, size, 3))
    both = (np.exp(noise[0] + 0.7 * each + 1.4 * np.eye(3)[labels]) for each in noise[1:])
    return labels, *(each / each.sum(axis=1, keepdims=True) for each in both)


def several_labels(generator, size):
    truth = (generator.random((size, 3)) < [0.5, 0.3, 0.2]).astype(int)
    common = generator.normal(size=(size, 1))  # the labels of a row are easy or hard together
    both = (0.8 * (2 * truth - 1) * (1 + common) + generator.normal(size=(size, 3)) for _ in range(2))
    return truth, *(1 / (1 + np.exp(-each)) for each in both)


def values(generator, size):
    labels = generator.gamma(2, size=size)
    noise = generator.normal(size=(3, size))
    return labels, *(labels + 0.5 * noise[0] + 0.3 * each * labels for each in noise[1:])


CASES = {
    "f1": (named("f1"), "binary", two_scores, binary_f1),
    "f1 macro": (named("f1"), "multiclass", three_classes, f1("macro")),
    "f1 weighted": (named("f1", "weighted"), "multiclass", three_classes, f1("weighted")),
    "specificity": (named("specificity"), "binary", two_scores, specificity),
    "balanced_accuracy": (named("balanced_accuracy"), "binary", two_scores, balanced_accuracy),
    "mcc": (named("mcc"), "multiclass", three_classes, mcc),
    "roc_auc": (named("roc_auc"), "binary", two_scores, roc_auc),
    "pr_auc": (named("pr_auc"), "binary", two_scores, pr_auc),
    "rmse": (named("rmse"), "regression", values, rmse),
    "r2": (named("r2"), "regression", values, r2),
    "mae": (named("mae"), "regression", values, mae),
    "brier": (named("brier"), "binary", two_scores, brier),
    "calibration_error": (named("calibration_error"), "binary", far_off, calibration_error),
    "top_k_accuracy": (named("top_k_accuracy", k=2), "multiclass", three_classes, top_2),
    "multilabel f1 macro": (named("f1"), "multilabel", several_labels, labels_f1("macro")),
    "multilabel f1 micro": (named("f1", "micro"), "multilabel", several_labels, labels_f1("micro")),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("case", CASES)
def test_standard_errors_agree_with_the_bootstrap_of_scipy(case, weighted):
    metric, task, make, value = CASES[case]
    generator = np.random.default_rng(3)
    size = (
        4000 if metric.kind == "calibration_error" else 800
    )  # few examples in a bin: its interval is wider than need be
    labels, candidate, baseline = make(generator, size)
    weights = generator.choice([0.0, 0.5, 1.0, 4.0], size) if weighted else np.ones(size)
    each = [lambda w: value(w, labels, candidate), lambda w: value(w, labels, baseline)]

    def drawn(rows, axis):  # all three at once: the same rows for both versions
        rows = np.atleast_2d(rows)
        counts = np.stack([np.bincount(row, minlength=size) for row in rows]) * weights
        mine, theirs = each[0](counts), each[1](counts)
        return np.stack([mine, theirs, mine - theirs]).squeeze()

    errors = stats.bootstrap(
        (np.arange(size),), drawn, n_resamples=500, batch=500, vectorized=True, method="percentile",
        rng=np.random.default_rng(1),
    ).standard_error  # fmt: skip
    found = measured(metric, task, labels, candidate, baseline, weights if weighted else None)
    points = drawn(np.arange(size), -1)
    count = (weights > 0).sum()
    for estimate, point, error in zip(found, points, errors, strict=True):
        assert estimate.point == pytest.approx(point, abs=1e-9)
        assert estimate.sigma / math.sqrt(count) == pytest.approx(error, rel=0.15)
        assert (estimate.high - estimate.low) / 2 / 1.645 == pytest.approx(error, rel=0.15)


@pytest.mark.parametrize("case", CASES)
def test_more_confidence_is_wider_and_sides_can_be_swapped(case):
    metric, task, make, _ = CASES[case]
    labels, candidate, baseline = make(np.random.default_rng(5), 120)
    found = [measured(metric, task, labels, candidate, baseline, confidence=each)[2] for each in (0.8, 0.95, 0.99)]
    for narrow, wide in pairwise(found):
        assert wide.low < narrow.low < narrow.point < narrow.high < wide.high
    _, _, swapped = measured(metric, task, labels, baseline, candidate)
    assert (swapped.point, swapped.sigma) == pytest.approx((-found[1].point, found[1].sigma), rel=0.05)
    # Drawn test sets are not mirrored when the sides are.
    width = found[1].high - found[1].low
    assert (swapped.low, swapped.high) == pytest.approx((-found[1].high, -found[1].low), abs=0.05 * width)


@pytest.mark.parametrize("case", CASES)
def test_few_rows_say_nothing_certain(case):
    metric, task, make, _ = CASES[case]
    for size in range(1, 9):
        for seed in range(8):
            labels, candidate, baseline = make(np.random.default_rng(seed), size)
            for weights in (None, np.full(size, 2.0), np.arange(size) + 0.5):
                change = measured(metric, task, labels, candidate, baseline, weights)[2]
                assert change is None or change.high - change.low > 1e-3, (size, seed, weights)
