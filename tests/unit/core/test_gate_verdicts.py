"""What each limit comes to, and what becomes of the whole."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from gate_examples import answered, condition, gate, pair

from jenkins_ml.core.statistics.intervals import POWER
from jenkins_ml.errors import StageFailed
from tests.versions import decide, score

LABELS = np.arange(20) % 2
GOOD = answered(LABELS, np.arange(20) >= 3)  # accuracy 0.85


@pytest.mark.parametrize(
    ("limits", "outcome", "reason"),
    [
        ({"min": 0.85}, "passed", "accuracy 0.85 is at least 0.85"),
        ({"min": 0.8}, "passed", "accuracy 0.85 is at least 0.8"),
        ({"min": 0.9}, "failed", "accuracy 0.85 is below the minimum of 0.9"),
        ({"max": 0.85}, "passed", "accuracy 0.85 is at most 0.85"),
        ({"max": 0.8}, "failed", "accuracy 0.85 is above the maximum of 0.8"),
        ({"min": 0.85000001}, "failed", "accuracy 0.85 is below the minimum of 0.85000001"),
    ],
)
def test_min_and_max_hold_the_point_value_with_both_ends(limits, outcome, reason):
    judgement = decide(gate(metrics={"accuracy": limits}), GOOD, GOOD, False)
    [found] = judgement.conditions
    assert (found.outcome, found.reason) == (outcome, reason)
    assert (found.candidate, found.low, found.high, found.needed, found.count) == (0.85, None, None, None, 20)
    assert judgement.verdict == ("approved" if outcome == "passed" else "rejected")


@pytest.mark.parametrize(
    ("gained", "lost", "margin", "outcome", "verdict"),
    [
        (4, 4, 0.03, "passed", "approved"),
        (40, 2, 0.0, "passed", "approved"),
        (0, 40, 0.03, "failed", "rejected"),
        (0, 8, 0.03, "inconclusive", "inconclusive"),
        (4, 4, 0.0, "inconclusive", "inconclusive"),
        (0, 40, 0.2, "passed", "approved"),
    ],
)
def test_a_comparison_passes_fails_or_cannot_tell(gained, lost, margin, outcome, verdict):
    candidate, baseline = pair(360, gained, lost)
    judgement = decide(gate(metrics={"accuracy": {"max_regression": margin}}), candidate, baseline, False)
    [found] = judgement.conditions
    assert (found.outcome, judgement.verdict) == (outcome, verdict)
    assert found.low < (gained - lost) / 360 < found.high
    if outcome == "passed":
        assert found.low >= -margin
    if outcome == "failed":
        assert found.high < -margin
    assert found.reason in judgement.summary or verdict == "approved"


def test_360_examples_settle_three_points_of_accuracy_for_an_equal_model():
    candidate, baseline = pair(360, gained=4, lost=3, wrong=7)  # 97 % right, 2 % discordant
    judgement = decide(gate(metrics={"accuracy": {"min": 0.95, "max_regression": 0.03}}), candidate, baseline, False)
    assert judgement.verdict == "approved"
    assert judgement.summary == "2 of 2 conditions passed on 360 examples"


def test_the_sentence_of_an_inconclusive_comparison_says_what_would_help():
    candidate, baseline = pair(100, gained=4, lost=4)
    judgement = decide(gate(metrics={"accuracy": {"max_regression": 0.03}}), candidate, baseline, False)
    [found] = judgement.conditions
    assert found.needed == 918  # 9.3 * 0.08 / 0.03**2 + 2.7 / 0.03
    assert (
        judgement.summary
        == found.reason
        == (
            "accuracy 0.96 against 0.96 in production: at 95 % confidence between 0.0524 better and 0.0524 worse, "
            "0.03 is allowed; there are 100 examples, about 918 would settle it"
        )
    )


@pytest.mark.parametrize(("gained", "lost", "margin"), [(0, 2, 0.03), (0, 5, 0.03), (3, 2, 0.01)])
def test_the_examples_needed_count_from_what_was_seen(gained, lost, margin):
    candidate, baseline = pair(100, gained, lost)
    [found] = decide(gate(metrics={"accuracy": {"max_regression": margin}}), candidate, baseline, False).conditions
    share, distance = (gained + lost) / 100, margin + (gained - lost) / 100
    assert found.outcome == "inconclusive"
    z, power = NormalDist().inv_cdf(0.95), NormalDist().inv_cdf(POWER)
    assert found.needed == math.ceil((z + power) ** 2 * share / distance**2 + z * z / abs(distance))


def test_a_lower_loss_is_better():
    candidate, baseline = pair(400, gained=4, lost=4)
    asked = gate(metrics={"loss": {"max_regression": 0.1}})
    better = decide(asked, candidate, baseline, False).conditions[0]
    worse = decide(asked, *(score(LABELS, np.where(LABELS == 1, p, 1 - p)) for p in (0.6, 0.9)), False).conditions[0]
    assert better.outcome == "passed"
    assert better.high < 0.1
    assert worse.outcome == "failed"
    assert worse.low > 0.1
    assert worse.reason == (
        "loss 0.5108 against 0.1054 in production: at 95 % confidence at best 0.4055 worse, only 0.1 is allowed"
    )


@pytest.mark.parametrize("metric", ["accuracy", "precision", "recall", "f1", "loss", "roc_auc"])
@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_the_same_answers_are_no_regression_at_all(metric, average):
    asked = gate(metrics={metric: {"max_regression": 0.0, "average": average}})
    judgement = decide(asked, GOOD, answered(LABELS, np.arange(20) >= 3), False)
    assert judgement.verdict == "approved"
    assert judgement.conditions[0].reason.endswith("in production: both answer every example alike")
    assert (judgement.conditions[0].low, judgement.conditions[0].high) == (0.0, 0.0)


def test_the_same_classes_with_other_scores_are_not_proof_on_few_examples():
    candidate, baseline = pair(20, 0, 0)
    assert (
        decide(gate(metrics={"accuracy": {"max_regression": 0.03}}), candidate, baseline, False).verdict
        == "inconclusive"
    )


def test_one_example_cannot_settle_a_loss():
    asked = gate(metrics={"loss": {"max_regression": 0.1}})
    [found] = decide(asked, score([1], [0.9]), score([1], [0.8]), False).conditions
    assert (found.outcome, found.low, found.high, found.needed) == ("inconclusive", None, None, None)
    assert "too few examples to tell how much worse it may be" in found.reason


@pytest.mark.parametrize(
    ("policy", "own", "outcome", "verdict"),
    [
        ("fail", None, "inconclusive", "inconclusive"),
        ("warn", None, "warned", "approved"),
        ("pass", None, "inconclusive", "approved"),
        ("pass", "fail", "inconclusive", "inconclusive"),
        ("fail", "warn", "warned", "approved"),
    ],
)
def test_the_policy_says_what_becomes_of_an_unsettled_comparison(policy, own, outcome, verdict):
    limits = {"min": 0.5, "max_regression": 0.03, "inconclusive": own}
    judgement = decide(gate(metrics={"accuracy": limits}, inconclusive=policy), *pair(100, 4, 4), False)
    assert condition(judgement, "accuracy max_regression").outcome == outcome
    assert judgement.verdict == verdict
    if verdict == "approved":
        assert judgement.summary == (
            "1 of 2 conditions passed on 100 examples; not settled, and let pass as configured: accuracy max_regression"
        )


def test_any_failure_rejects_whatever_the_others_say():
    asked = gate(
        metrics={"accuracy": {"min": 0.5, "max_regression": 0.03}, "recall": {"min": 0.99}, "loss": {"max": 0.0}}
    )
    judgement = decide(asked, *pair(100, 4, 4), False)
    assert [found.outcome for found in judgement.conditions] == ["passed", "inconclusive", "failed", "failed"]
    assert judgement.verdict == "rejected"
    assert judgement.summary == "recall 0.96 is below the minimum of 0.99 (and 1 more)"


@pytest.mark.parametrize(("allowed", "verdict"), [(True, "approved"), (False, "inconclusive")])
@pytest.mark.parametrize("limits", [{"min": 0.5}, {"min": 0.5, "max_regression": 0.03}])
def test_a_first_release_is_compared_with_nothing_and_says_so(allowed, verdict, limits):
    judgement = decide(gate(metrics={"accuracy": limits}, inconclusive="pass"), GOOD, None, allowed)
    assert judgement.verdict == verdict
    assert "nothing" in judgement.summary
    assert ("gate.first_release: allow" in judgement.summary) is not allowed
    assert [found.outcome for found in judgement.conditions] == ["passed", "skipped"][: len(limits)]
    assert judgement.baseline_metrics == {}
    assert judgement.baseline_confusion is None


def test_a_first_release_can_be_rejected():
    assert decide(gate(metrics={"accuracy": {"min": 0.9}}), GOOD, None, False).verdict == "rejected"


def test_everything_measured_is_reported_not_only_what_was_asked():
    candidate, baseline = pair(100, 4, 2)
    judgement = decide(gate(metrics={"accuracy": {"min": 0.5}}), candidate, baseline, False)
    assert list(judgement.metrics) == ["accuracy", "precision", "recall", "f1", "loss", "roc_auc"]
    assert judgement.metrics["accuracy"] == 0.98
    assert judgement.baseline_metrics["accuracy"] == 0.96
    assert judgement.confusion == ((49, 1), (1, 49))
    assert judgement.baseline_confusion == ((48, 2), (2, 48))


def test_regression_has_a_loss_and_no_classes():
    candidate, baseline = (score([0.5, 1.5, 2.5], np.array([0.5, 1.5, 2.5]) + off) for off in (0.1, 0.2))
    judgement = decide(gate(metrics={"loss": {"max": 0.02, "max_regression": 0.0}}), candidate, baseline, False)
    assert judgement.verdict == "approved"
    assert judgement.confusion is judgement.baseline_confusion is None


def test_versions_that_answer_in_other_ways_are_not_compared():
    both = score([0, 1], [[0.9, 0.1], [0.1, 0.9]])
    with pytest.raises(StageFailed, match="multiclass model, but production as a binary one"):
        decide(gate(metrics={"accuracy": {"min": 0.5}}), both, score([0, 1], [0.1, 0.9]), False)


def test_a_new_class_that_production_does_not_know_is_no_obstacle():
    labels = np.arange(30) % 2
    wide = score(labels, np.where(labels[:, None] == np.arange(3), 0.8, 0.1))
    narrow = score(labels, np.where(labels[:, None] == np.arange(2), 0.9, 0.1))
    asked = {metric: {"max_regression": 0.3} for metric in ("accuracy", "precision", "recall", "f1", "roc_auc", "loss")}
    judgement = decide(gate(metrics=asked, task="multiclass"), wide, narrow, False)
    assert judgement.verdict == "approved"
    assert len(judgement.confusion) == 3
    assert len(judgement.baseline_confusion) == 3
