from __future__ import annotations

from dataclasses import replace

import pytest
from report_examples import BINARY_DECISION, CONDITIONS, DECISION, MEASUREMENTS, measured

from jenkins_ml.records import Measurement
from jenkins_ml.reporting import differences


def test_differences_are_signed_so_that_the_margin_lies_on_the_worse_side() -> None:
    accuracy, loss, recall = differences.overall(DECISION)
    assert (accuracy.name, accuracy.margin, accuracy.lower_is_better) == ("accuracy max_regression", -0.005, False)
    assert (loss.name, loss.margin, loss.lower_is_better) == ("loss max_regression", 0.01, True)
    assert (recall.name, recall.margin, recall.low, recall.high) == ("recall", None, None, None)


def test_what_has_no_number_is_not_compared() -> None:
    broken = replace(CONDITIONS[1], candidate=None)
    assert differences.overall(replace(DECISION, conditions=(broken,), metrics={"f1": None})) == ()


def test_metrics_without_a_condition_come_as_they_were_measured() -> None:
    roc_auc, accuracy, loss = differences.overall(BINARY_DECISION)
    assert (roc_auc.name, roc_auc.margin, roc_auc.count) == ("roc_auc max_regression", -0.002, 68_000)
    assert (accuracy.name, accuracy.margin) == ("accuracy", None)
    assert accuracy.low == MEASUREMENTS[0].low
    assert loss.lower_is_better


@pytest.mark.parametrize(
    ("metric", "kind", "limit", "margin"),
    [
        ("accuracy", "max_regression", 0.01, -0.01),
        ("loss", "warn_max_regression", 0.01, 0.01),
        ("accuracy", "max_relative_regression", 0.1, -0.05),
        ("accuracy", "min_improvement", 0.02, 0.02),
        ("loss", "min_relative_improvement", 0.1, -0.05),
    ],
)
def test_each_limit_of_a_change_is_a_margin(metric: str, kind: str, limit: float, margin: float) -> None:
    condition = replace(
        CONDITIONS[1], kind=kind, limit=limit, candidate=0.4, baseline=-0.5, lower_is_better=metric == "loss"
    )
    [found] = differences.overall(replace(DECISION, conditions=(condition,), metrics={}))
    assert found.margin == margin


def test_a_cap_on_improvement_is_no_margin() -> None:
    condition = replace(CONDITIONS[1], kind="max_improvement")
    [found] = differences.overall(replace(DECISION, conditions=(condition,), metrics={"accuracy": 0.9}))
    assert (found.name, found.margin) == ("accuracy", None)


def order(*measurements: Measurement) -> list[str]:
    decision = replace(BINARY_DECISION, measurements=measurements, conditions=())
    return [finding.measurement.slice for finding in differences.worst_first(decision)]


def test_a_slice_that_has_surely_lost_comes_before_a_tiny_one_that_scatters() -> None:
    tiny, large = measured("accuracy", "tiny", 20, 0.7, 0.9, 1), measured("accuracy", "large", 50_000, 0.88, 0.9, 0.4)
    better = measured("accuracy", "better", 50_000, 0.91, 0.9, 0.4)
    unknown = replace(tiny, slice="unknown", low=None, high=None)
    assert order(better, unknown, tiny, large) == ["large", "tiny", "unknown", "better"]


def test_more_loss_is_worse() -> None:
    up, down = measured("loss", "up", 100, 0.4, 0.3, 0.1), measured("loss", "down", 100, 0.2, 0.3, 0.1)
    assert order(down, up) == ["up", "down"]


def test_without_production_slices_are_held_against_all_examples() -> None:
    def alone(where: str, value: float) -> Measurement:
        return Measurement(
            metric="accuracy", slice=where, count=9, candidate=value, candidate_low=value - 0.1,
            candidate_high=value + 0.1,
        )  # fmt: skip

    assert order(alone("", 0.9), alone("good", 0.95), alone("bad", 0.7)) == ["bad", "good"]


def test_a_slice_whose_condition_does_not_hold_comes_first() -> None:
    found = differences.worst_first(BINARY_DECISION)
    assert [(item.measurement.slice, item.outcome) for item in found[:2]] == [
        ("country=PL", "failed"),
        ("country=AT", "inconclusive"),
    ]
    assert len(found) == len(MEASUREMENTS) - 3


def test_of_several_margins_the_tightest_is_shown() -> None:
    loose = replace(BINARY_DECISION.conditions[-4], limit=0.05, name="loose")
    assert loose.slice == "country=PL"
    decision = replace(BINARY_DECISION, conditions=(*BINARY_DECISION.conditions, loose))
    assert differences.worst_first(decision)[0].margin == -0.01
