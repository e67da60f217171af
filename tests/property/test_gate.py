"""Laws of the gate, for any examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jenkins_ml.config.gate import Gate
from jenkins_ml.core.evaluation.metric import ALWAYS
from jenkins_ml.records import Decision, VersionRef, decode, encode
from tests.versions import Version, decide, score

law = settings(deadline=None, max_examples=40)
margins = st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.5])
RANK = {"failed": 0, "inconclusive": 1, "passed": 2}


@st.composite
def versions(draw) -> tuple[Version, Version]:
    """Candidate and baseline of a task on the same examples, often close to each other."""
    task = draw(st.sampled_from(["binary", "multiclass", "regression"]))
    size = draw(st.integers(1, 60))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    apart = draw(st.sampled_from([0.0, 0.1, 1.0]))
    if task == "regression":
        labels = draw(arrays.arrays(float, size, elements=st.floats(-1e3, 1e3)))
        answers = labels + generator.normal(size=size)
        return score(labels, answers + apart * generator.normal(size=size), task), score(labels, answers, task)
    labels = draw(arrays.arrays(int, size, elements=st.integers(0, 1 if task == "binary" else 3)))
    scores = generator.random((size, 4)) + np.eye(4)[labels] / 2
    pair = []
    for one in (scores + apart * generator.random((size, 4)), scores):
        normalised = one / one.sum(axis=1, keepdims=True)
        pair.append(score(labels, normalised if task == "multiclass" else np.round(one[:, 1] / 2.5, 1), task))
    return pair[0], pair[1]


def asking(limits: dict[str, object], task: str, **fields: object) -> Gate:
    return Gate.model_validate({"metrics": dict.fromkeys(ALWAYS[task], limits), **fields})


@law
@given(versions(), margins, margins)
def test_a_wider_margin_never_makes_a_verdict_worse(models, margin, more):
    candidate, baseline = models
    narrow, wide = (
        decide(asking({"max_regression": limit}, candidate.task), candidate, baseline, True).conditions
        for limit in (margin, margin + more)
    )
    for before, after in zip(narrow, wide, strict=True):
        assert RANK[before.outcome] <= RANK[after.outcome]


@law
@given(versions(), margins)
def test_more_confidence_settles_less(models, margin):
    candidate, baseline = models
    sure, surer = (
        decide(asking({"max_regression": margin}, candidate.task, confidence=confidence), candidate, baseline, True)
        for confidence in (0.8, 0.99)
    )
    for before, after in zip(sure.conditions, surer.conditions, strict=True):
        assert after.outcome in (before.outcome, "inconclusive")


@law
@given(versions(), margins)
def test_a_version_does_not_regress_against_itself(models, margin):
    for version in models:
        judgement = decide(asking({"max_regression": margin}, version.task), version, version, False)
        defined = [found for found in judgement.conditions if found.candidate is not None]
        assert all(found.outcome == "passed" for found in defined)
        assert (judgement.verdict == "approved") == (len(defined) == len(judgement.conditions))


@law
@given(versions(), margins, st.booleans(), st.sampled_from(["fail", "warn", "pass"]))
def test_the_verdict_follows_from_the_outcomes(models, margin, with_baseline, policy):
    candidate, baseline = models
    asked = asking({"min": 0.1, "max_regression": margin}, candidate.task, inconclusive=policy)
    judgement = decide(asked, candidate, baseline if with_baseline else None, first_release_allowed=False)
    outcomes = {found.outcome for found in judgement.conditions}
    if "failed" in outcomes:
        expected = "rejected"
    elif not with_baseline or ("inconclusive" in outcomes and policy == "fail"):
        expected = "inconclusive"
    else:
        expected = "approved"
    assert judgement.verdict == expected
    assert ("skipped" in outcomes) <= (not with_baseline)
    assert ("warned" in outcomes) <= (policy == "warn")


@law
@given(versions(), st.floats(-1, 2))
def test_a_value_passes_min_or_max_and_both_only_at_the_limit(models, limit):
    candidate, baseline = models
    judgement = decide(asking({"min": limit, "max": limit}, candidate.task), candidate, baseline, True)
    for low, high in zip(judgement.conditions[::2], judgement.conditions[1::2], strict=True):
        if low.candidate is None:
            assert (low.outcome, high.outcome) == ("failed", "failed")
        else:
            both = low.outcome == high.outcome == "passed"
            assert "passed" in (low.outcome, high.outcome)
            assert both == (low.candidate == pytest.approx(limit, rel=1e-9, abs=0))


@law
@given(versions(), margins)
def test_every_judgement_becomes_a_record_and_comes_back(models, margin):
    candidate, baseline = models
    asked = asking({"min": 0.1, "max_regression": margin}, candidate.task)
    version = VersionRef(version=1, manifest_digest="00")
    written = []
    for _ in range(2):
        judgement = decide(asked, candidate, baseline, False)
        decision = Decision(
            run="run", model="model", environment="production", verdict=judgement.verdict, summary=judgement.summary,
            candidate=version, baseline=version, data_digest="00", count=candidate.count, confidence=asked.confidence,
            conditions=judgement.conditions, metrics=judgement.metrics, baseline_metrics=judgement.baseline_metrics,
            created="2026-01-01T00:00:00Z",
        )  # fmt: skip
        assert decode(Decision, encode(decision), "test") == decision
        written.append(encode(decision))
    assert written[0] == written[1]
    for found in judgement.conditions:
        assert found.reason
        assert not any(word in found.reason for word in ("nan", "inf ", "None"))
        assert (found.needed is None) or (found.needed > candidate.count and found.outcome == "inconclusive")


@law
@given(versions(), margins, st.randoms(use_true_random=False))
def test_the_order_of_the_examples_does_not_matter(models, margin, random):
    candidate, baseline = models
    order = list(range(candidate.count))
    random.shuffle(order)
    shuffled = (score(one.labels[order], one.predictions[order], one.task) for one in models)
    asked = asking({"max_regression": margin}, candidate.task)
    found = decide(asked, candidate, baseline, False).conditions
    again = decide(asked, *shuffled, False).conditions
    for before, after in zip(found, again, strict=True):
        assert after.low == (None if before.low is None else pytest.approx(before.low, abs=1e-9))
        assert after.high == (None if before.high is None else pytest.approx(before.high, abs=1e-9))
