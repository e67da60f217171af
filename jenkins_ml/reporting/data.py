"""What a report is made from."""

from __future__ import annotations

from dataclasses import dataclass

from jenkins_ml.records import Decision, Manifest

Confusion = tuple[tuple[int, ...], ...]
"""Counts of examples, square: one row a true class, one column a predicted class, both in the order of the labels."""


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """A decision and what it was about.

    Args:
        decision: what the gate decided.
        candidate: the version that it decided about.
        baseline: the version that was in production; None for a first release.
        confusion: the candidate's confusion matrix; None for regression.
        baseline_confusion: production's on the same examples; None for regression and without a baseline.
    """

    decision: Decision
    candidate: Manifest
    baseline: Manifest | None
    confusion: Confusion | None
    baseline_confusion: Confusion | None
