"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jenkins_ml.records import Decision, Manifest, Number, Verdict

if TYPE_CHECKING:
    from jenkins_ml.core.evaluation.curves import Curves  # it imports numpy

Confusion = tuple[tuple[int, ...], ...]
"""Counts of examples, square: one row a true class, one column a predicted class, both in the order of the labels."""


@dataclass(frozen=True, kw_only=True)
class PastDecision:
    """An earlier decision about this model in this environment.

    Args:
        version: the candidate of then.
        created: when, RFC 3339.
        verdict: what was decided.
        metrics: metric -> the candidate's value.
    """

    version: int
    created: str
    verdict: Verdict
    metrics: Mapping[str, Number]


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """A decision and what it was about.

    Args:
        decision: what the gate decided.
        candidate: the version that it decided about; None for predictions in a file.
        baseline: the version that was in production; None for a first release.
        confusion: the candidate's confusion matrix; None for regression.
        baseline_confusion: production's on the same examples; None for regression and without a baseline.
        curves, baseline_curves: the same for the scores of a binary model; else None.
        history: earlier decisions, oldest first, without this one.
    """

    decision: Decision
    candidate: Manifest | None
    baseline: Manifest | None
    confusion: Confusion | None
    baseline_confusion: Confusion | None
    curves: Curves | None = None
    baseline_curves: Curves | None = None
    history: tuple[PastDecision, ...] = ()
