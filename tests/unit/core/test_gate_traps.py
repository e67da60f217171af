"""Traps that other gates were seen to fall into, each by name."""

import numpy as np
import pytest
from gate_examples import answered, decision, gate, pair

from jenkins_ml.errors import StageFailed
from jenkins_ml.records import Decision, decode, encode
from tests.versions import decide, score

LABELS = np.arange(20) % 2


def test_float_noise_does_not_fail_a_model():
    candidate = answered(LABELS, np.arange(20) >= 3)
    assert 0.8 + 0.05 > 0.85
    assert decide(gate(metrics={"accuracy": {"min": 0.8 + 0.05}}), candidate, None, True).verdict == "approved"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_never_reach_a_comparison(bad):
    with pytest.raises(StageFailed, match="NaN or infinite"):
        score(LABELS, np.full(20, bad))
    with pytest.raises(StageFailed, match="NaN or infinite"):
        score(LABELS + 0.5, np.full(20, bad), "regression")


@pytest.mark.parametrize(
    ("metric", "labels", "predictions", "reason"),
    [
        ("roc_auc", [1, 1, 1], [0.9, 0.8, 0.7], "roc_auc is not defined on these examples: all are of one class"),
        ("recall", [0, 0, 0], [0.9, 0.8, 0.7], "recall is not defined on these examples: none is of class 1"),
        ("precision", [0, 0, 0], [0.9, 0.8, 0.7], "precision is not defined on these examples: none is of class 1"),
        ("loss", [1e200, 0.5], [-1e200, 0.5], "the loss is too large for a number"),
        (
            "roc_auc",
            [1.5, 2.5],
            [1.0, 2.0],
            "regression has no roc_auc, only loss, mse, rmse, mae, mape, r2, quantile_loss",
        ),
        (
            "accuracy",
            [1.5, 2.5],
            [1.0, 2.0],
            "regression has no accuracy, only loss, mse, rmse, mae, mape, r2, quantile_loss",
        ),
    ],
)
def test_a_metric_that_is_not_defined_fails_every_limit(metric, labels, predictions, reason):
    asked = gate(metrics={metric: {"min": 0.0, "max": 1.0, "max_regression": 1.0}})
    scored = score(labels, predictions)
    judgement = decide(asked, scored, scored, True)
    assert judgement.verdict == "rejected"
    assert [(found.outcome, found.reason, found.candidate) for found in judgement.conditions] == [
        ("failed", reason, None)
    ] * 3


def test_no_limits_do_not_mean_no_objections():
    candidate, baseline = pair(100, 50, 0)
    judgement = decide(gate(), candidate, baseline, True)
    assert judgement.verdict == "rejected"
    assert judgement.summary == "nothing was asked of the model: set limits under gate.metrics"
    assert judgement.conditions == ()


def test_a_change_without_a_baseline_is_skipped_and_not_a_crash():
    [found] = decide(gate(metrics={"accuracy": {"max_regression": 0.01}}), pair(100, 0, 0)[0], None, True).conditions
    assert found.outcome == "skipped"
    assert found.reason == "nothing is in production to compare accuracy 1 with"


def test_a_collapse_is_rejected():
    candidate, baseline = pair(100, gained=0, lost=80, wrong=10)  # accuracy 0.9 -> 0.1
    assert decide(gate(metrics={"accuracy": {"max_regression": 0.05}}), candidate, baseline, True).verdict == "rejected"


def test_the_interval_decides_and_not_the_point():
    candidate, baseline = pair(100, gained=3, lost=4)  # one point worse as seen, 2 points allowed
    [found] = decide(gate(metrics={"accuracy": {"max_regression": 0.02}}), candidate, baseline, True).conditions
    assert found.candidate > found.baseline - 0.02
    assert found.outcome == "inconclusive"


def test_a_suspiciously_good_model_can_be_stopped():
    candidate, baseline = pair(100, gained=0, lost=0)
    assert decide(gate(metrics={"accuracy": {"max": 0.99}}), candidate, baseline, True).verdict == "rejected"


def test_borderline_data_get_the_same_verdict_byte_for_byte():
    metrics = ("accuracy", "precision", "recall", "f1", "loss", "roc_auc")
    asked = gate(metrics={metric: {"min": 0.1, "max_regression": 0.02} for metric in metrics})
    written = set()
    for _ in range(2):
        candidate, baseline = pair(600, gained=6, lost=9, wrong=30)
        written.add(encode(decision(decide(asked, candidate, baseline, False), 600)))
    [data] = written
    assert encode(decode(Decision, data, "test")) == data
