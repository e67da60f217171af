"""What a decision is about, in words: versions, or predictions in files."""

from __future__ import annotations

from typing import Final

from jenkins_ml.records import Decision
from jenkins_ml.reporting.text import one_line

_LONGEST_FILE: Final = 120


def candidate(decision: Decision) -> str:
    """What was decided about."""
    if decision.candidate is not None:
        return f"version {decision.candidate.version}"
    return f"predictions in {one_line(decision.candidate_file, _LONGEST_FILE)}"


def other(decision: Decision) -> str:
    """What stands beside the candidate, in one word."""
    return "production" if decision.candidate is not None else "baseline"


def against(decision: Decision) -> str:
    """What it was compared with."""
    if decision.baseline is not None:
        return f"version {decision.baseline.version} in {decision.environment}"
    if decision.baseline_file:
        return f"predictions in {one_line(decision.baseline_file, _LONGEST_FILE)}"
    if decision.candidate is None:
        return "no other predictions"
    return f"no version in {decision.environment}"
