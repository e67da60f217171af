"""Changes against production: regressions and improvements, absolute and relative, caps, warnings, point values.

The semantics are those that users of TFX know: both ends included, production of 0 fails what is relative, what is
missing fails, and a first release leaves changes out and says so.
"""

import math

import numpy as np
import pytest
from gate_examples import answered, condition, gate, pair
from hypothesis import given
from hypothesis import strategies as st

from tests.versions import decide, score

CHANGES = (
    "max_regression",
    "max_relative_regression",
    "min_improvement",
    "min_relative_improvement",
    "max_improvement",
    "max_relative_improvement",
)


def judged(candidate, baseline, metric="accuracy", **limits):
    return decide(gate(metrics={metric: limits}), candidate, baseline, False)


@pytest.mark.parametrize(
    ("gained", "lost", "limits", "outcome"),
    [
        # accuracy 0.9 -> 0.95 on 4,000 examples: surely more than 3 points, surely not 8
        (400, 200, {"min_improvement": 0.03}, "passed"),
        (400, 200, {"min_improvement": 0.08}, "failed"),
        (400, 200, {"min_improvement": 0.05}, "inconclusive"),
        (400, 200, {"min_improvement": 0.0}, "passed"),
        (400, 200, {"min_relative_improvement": 0.03}, "passed"),
        (400, 200, {"min_relative_improvement": 0.09}, "failed"),
        (400, 200, {"max_improvement": 0.05}, "passed"),
        (400, 200, {"max_improvement": 0.0499}, "failed"),
        (400, 200, {"max_relative_improvement": 0.06}, "passed"),
        (400, 200, {"max_relative_improvement": 0.05}, "failed"),
        (200, 400, {"max_relative_regression": 0.07}, "passed"),
        (200, 400, {"max_relative_regression": 0.04}, "failed"),
        (200, 400, {"max_relative_regression": 0.053}, "inconclusive"),
        (200, 400, {"max_improvement": 0.0}, "passed"),
        # by the point values alone
        (400, 200, {"min_improvement": 0.05, "compare": "point"}, "passed"),
        (400, 200, {"min_improvement": 0.0501, "compare": "point"}, "failed"),
        (200, 400, {"max_regression": 0.05, "compare": "point"}, "passed"),
        (200, 400, {"max_regression": 0.0499, "compare": "point"}, "failed"),
    ],
)
def test_a_change_is_held_against_its_limit(gained, lost, limits, outcome):
    candidate, baseline = pair(4000, gained, lost)
    judgement = judged(candidate, baseline, **limits)
    [found] = judgement.conditions
    assert found.outcome == outcome, found.reason
    assert found.limit == next(value for value in limits.values() if value != "point")
    assert judgement.verdict == {"passed": "approved", "failed": "rejected"}.get(outcome, outcome)
    assert (found.low is None) == (
        "point" in limits.values() or (found.kind.endswith("improvement") and "max" in found.kind)
    )


def test_better_is_less_for_a_loss():
    labels = np.arange(2000) % 2
    sure, unsure = answered(labels, np.ones(2000, bool), 0.95), answered(labels, np.ones(2000, bool), 0.8)
    assert judged(sure, unsure, "loss", min_improvement=0.1).conditions[0].outcome == "passed"
    assert judged(unsure, sure, "loss", min_improvement=0.1).conditions[0].outcome == "failed"
    assert judged(unsure, sure, "loss", max_relative_regression=3.0).conditions[0].outcome == "failed"
    assert judged(sure, unsure, "loss", max_improvement=0.1).conditions[0].outcome == "failed"


@pytest.mark.parametrize("kind", ["max_relative_regression", "min_relative_improvement", "max_relative_improvement"])
def test_nothing_is_relative_to_nothing(kind):
    """MLflow passes some of these; what cannot be said is not passed."""
    labels = np.arange(100) % 2
    right, wrong = answered(labels, np.ones(100, bool)), answered(labels, np.zeros(100, bool))
    [found] = judged(right, wrong, **{kind: 0.5}).conditions
    assert found.outcome == "failed"
    assert "accuracy of production is 0" in found.reason


def test_a_share_is_of_productions_value_without_its_sign():
    # A negative baseline: squared errors cannot be negative, so the rule is seen on the loss of a regression near 0.
    truth = np.linspace(1, 2, 500)
    baseline, candidate = score(truth, truth + 0.1), score(truth, truth + 0.11)
    [found] = judged(candidate, baseline, "loss", max_relative_regression=0.5).conditions
    assert found.outcome == "passed", found.reason
    [found] = judged(candidate, baseline, "loss", max_relative_regression=0.1).conditions
    assert found.outcome == "failed", found.reason


@pytest.mark.parametrize("kind", CHANGES)
def test_a_first_release_leaves_changes_out_and_says_so(kind):
    candidate, _ = pair(100, 0, 0)
    judgement = decide(gate(metrics={"accuracy": {"min": 0.5, kind: 0.1}}), candidate, None, True)
    found = condition(judgement, f"accuracy {kind}")
    assert (found.outcome, judgement.verdict) == ("skipped", "approved")
    assert "nothing is in production" in found.reason
    assert "a first release" in judgement.summary


@pytest.mark.parametrize("kind", CHANGES)
def test_a_metric_that_is_not_defined_fails_every_change(kind):
    labels = np.zeros(50, int)
    [found] = judged(score(labels, labels + 0.1), score(labels, labels + 0.2), "roc_auc", **{kind: 0.5}).conditions
    assert found.outcome == "failed"


@pytest.mark.parametrize(("kind", "outcome"), [("max_regression", "passed"), ("min_improvement", "failed")])
def test_versions_that_answer_alike_are_no_better_and_no_worse(kind, outcome):
    candidate, _ = pair(30, 0, 0)
    [found] = judged(candidate, candidate, **{kind: 0.001}).conditions
    assert found.outcome == outcome
    assert "both answer every example alike" in found.reason


def test_both_an_absolute_and_a_relative_limit_must_hold():
    candidate, baseline = pair(4000, 200, 400)  # 5 points, 5.26 %
    both = judged(candidate, baseline, max_regression=0.1, max_relative_regression=0.01)
    assert [each.outcome for each in both.conditions] == ["passed", "failed"]
    assert both.verdict == "rejected"


def test_a_warning_stops_nothing_and_is_told():
    candidate, baseline = pair(4000, 200, 400)
    judgement = judged(candidate, baseline, min=0.5, warn={"min": 0.99, "max_regression": 0.001, "max": 1.0})
    assert judgement.verdict == "approved"
    assert [(each.name, each.outcome) for each in judgement.conditions] == [
        ("accuracy min", "passed"),
        ("accuracy warn_min", "warned"),
        ("accuracy warn_max", "passed"),
        ("accuracy warn_max_regression", "warned"),
    ]
    assert "warned of: accuracy warn_min, accuracy warn_max_regression" in judgement.summary


def test_warnings_alone_approve_nothing():
    candidate, baseline = pair(100, 0, 0)
    judgement = judged(candidate, baseline, warn={"min": 0.1})
    assert judgement.verdict == "rejected"
    assert "nothing but warnings was asked" in judgement.summary


def test_float_noise_at_a_boundary_passes():
    """0.80 + 0.05 is not 0.85 in binary."""
    candidate, baseline = pair(100, 5, 0, wrong=15)  # 0.85 against 0.80
    [found] = judged(candidate, baseline, min_improvement=0.05, compare="point").conditions
    assert found.outcome == "passed", found.reason
    [found] = judged(candidate, baseline, max_improvement=0.05).conditions
    assert found.outcome == "passed", found.reason


@given(
    gained=st.integers(0, 60),
    lost=st.integers(0, 60),
    limit=st.floats(0, 0.3),
    kind=st.sampled_from(CHANGES),
    point=st.booleans(),
)
def test_laws_of_changes(gained, lost, limit, kind, point):
    """A looser limit never fails where a tighter one passes, and the point value always lies within its interval."""
    candidate, baseline = pair(200, gained, lost)
    compare = "point" if point else "paired"
    order = {"failed": 0, "inconclusive": 1, "passed": 2}
    [found] = judged(candidate, baseline, compare=compare, **{kind: limit}).conditions
    looser = limit / 2 if kind.startswith("min") else limit * 2
    [other] = judged(candidate, baseline, compare=compare, **{kind: looser}).conditions
    if found.baseline:
        assert order[other.outcome] >= order[found.outcome]
    if found.low is not None:
        change = (gained - lost) / 200
        assert found.low - 1e-12 <= change <= found.high + 1e-12
    assert found.needed is None or (found.outcome == "inconclusive" and found.needed > 200)
    assert not any(math.isnan(value) for value in (found.low or 0, found.high or 0))
