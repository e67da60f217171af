from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from report_examples import BINARY_DECISION, CONDITIONS, DECISION

from jenkins_ml.reporting.conditions import RANK, lines, tally
from jenkins_ml.reporting.estimate import Estimate


def test_what_did_not_pass_comes_first_and_slices_stay_together() -> None:
    names = [line.condition.slice for line in lines(BINARY_DECISION).sliced]
    assert names[:4] == ["country=PL", "country=AT", "country=LU", "country=DE"]
    passed = replace(CONDITIONS[0], slice="a")
    failed = replace(CONDITIONS[1], slice="b", outcome="failed")
    beside = replace(CONDITIONS[0], slice="b")
    found = lines(replace(DECISION, conditions=(passed, beside, failed, CONDITIONS[0])))
    assert [line.condition for line in found.overall] == [CONDITIONS[0]]
    assert [line.condition for line in found.sliced] == [failed, beside, passed]


@given(st.lists(st.tuples(st.sampled_from(list(RANK)), st.sampled_from(["", "a", "b"])), max_size=12))
def test_no_condition_is_lost(rows: list) -> None:
    conditions = tuple(
        replace(CONDITIONS[0], name=str(n), outcome=outcome, slice=where) for n, (outcome, where) in enumerate(rows)
    )
    found = lines(replace(DECISION, conditions=conditions))
    listed = [line.condition for line in (*found.overall, *found.sliced)]
    assert sorted(listed, key=lambda item: int(item.name)) == list(conditions)
    assert [RANK[line.condition.outcome] for line in found.overall] == sorted(
        RANK[item.outcome] for item in conditions if not item.slice
    )


def test_a_comparison_shows_the_interval_that_decided_and_the_others_as_measured() -> None:
    [line] = [line for line in lines(BINARY_DECISION).overall if line.condition.metric == "roc_auc"]
    assert line.candidate.written() == "0.9417 [0.93902, 0.94438]"
    assert line.difference.written() == "0.0065 [0.0052, 0.0078]"  # measured: 0.00516 to 0.00784


def test_an_interval_of_the_metric_itself_stays_with_the_candidate() -> None:
    latency = replace(CONDITIONS[0], metric="model", kind="latency", candidate=41.0, baseline=None, low=None, high=44.0)
    [line] = lines(replace(DECISION, conditions=(latency,))).overall
    assert line.candidate.written() == "41 [at most 44]"
    assert line.numbers("production") == "candidate 41 [at most 44], limit 0.95, 10,000 examples"


def test_what_is_about_no_value_borrows_none() -> None:
    [line] = [line for line in lines(BINARY_DECISION).overall if line.condition.kind == "warn_slices"]
    assert (line.candidate, line.production, line.difference) == (Estimate(), Estimate(), Estimate())
    assert line.numbers("production") == "5,200 examples"


def test_outcomes_are_counted_worst_first() -> None:
    assert tally(BINARY_DECISION.conditions) == "1 failed, 1 inconclusive, 1 warned, 1 skipped, 8 passed"
    assert tally(()) == ""
