"""Small examples for the tests of the gate."""

from typing import Any

import numpy as np

from jenkins_ml.config.gate import Gate
from jenkins_ml.core.gate import Judgement
from jenkins_ml.records import Condition, Decision, VersionRef
from tests.versions import Version, score


def gate(**fields: Any) -> Gate:
    return Gate.model_validate(fields)


def answered(labels, right, sure: float = 0.9) -> Version:
    """A binary model that is right on the examples where `right` is, each time as sure of it."""
    labels = np.asarray(labels)
    return score(labels, np.where((labels == 1) == right, sure, 1 - sure))


def pair(count: int, gained: int, lost: int, wrong: int = 0) -> tuple[Version, Version]:
    """Candidate and baseline with so many examples that only one of them has right, and so many that both have wrong."""
    labels = np.arange(count) % 2
    candidate, baseline = np.ones(count, bool), np.ones(count, bool)
    baseline[:gained] = False
    candidate[gained : gained + lost] = False
    candidate[count - wrong :] = baseline[count - wrong :] = False
    return answered(labels, candidate, 0.9), answered(labels, baseline, 0.8)


def condition(judgement: Judgement, name: str) -> Condition:
    [found] = [condition for condition in judgement.conditions if condition.name == name]
    return found


def decision(judgement: Judgement, count: int) -> Decision:
    """A record as the gate stage makes it."""
    version = VersionRef(version=2, manifest_digest="00")
    return Decision(
        run="run",
        model="model",
        environment="production",
        verdict=judgement.verdict,
        summary=judgement.summary,
        candidate=version,
        baseline=version,
        data_digest="00",
        count=count,
        confidence=0.95,
        conditions=judgement.conditions,
        metrics=judgement.metrics,
        baseline_metrics=judgement.baseline_metrics,
        created="2026-01-01T00:00:00Z",
    )
