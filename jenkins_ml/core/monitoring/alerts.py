"""What an alert is, and what it is about: an environment of a model. The alerts are in serving_alerts.py and pipeline_alerts.py.

What is told goes through Prometheus' templates: {{ $value }} is what the expression answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from jenkins_ml.core.monitoring.promql import select
from jenkins_ml.core.monitoring.recording import Promise
from jenkins_ml.core.monitoring.series import Series
from jenkins_ml.core.monitoring.windows import Windows

Severity = Literal["page", "ticket"]
Action = Literal["rollback", "retrain", "none"]

RUNBOOKS: Final = "docs/runbooks"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert.

    Args:
        name: of it, and of its runbook.
        expression: it holds for every series that this answers.
        hold: milliseconds that it has to hold; 0: none.
        severity: whether it wakes somebody up.
        action: what acts on it by itself.
        summary: one sentence.
        description: what was measured.
        command: what to type.
        labels: that tell it from others of the same name, beside model and environment.
    """

    name: str
    expression: str
    hold: int = 0
    severity: Severity
    action: Action
    summary: str
    description: str
    command: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Watched:
    """One environment of a model.

    Args:
        series: its.
        promise: to its users.
        windows: of the alerts.
        reachable: whether Prometheus is told where its servers are.
        weighted: whether its server says itself which share each version gets.
        canary: within how many milliseconds a release is decided.
    """

    series: Series
    promise: Promise
    windows: Windows
    reachable: bool
    weighted: bool
    canary: int

    @property
    def where(self) -> str:
        """The environment, as an argument of our commands."""
        return f"--environment {self.series.environment}"

    @property
    def what(self) -> str:
        """The model, in a sentence."""
        return f"{self.series.model} in {self.series.environment}"

    def select(self, name: str, *matchers: str, **labels: str) -> str:
        """The series of that name of this environment."""
        return select(name, *matchers, **self.series.labels, **labels)
