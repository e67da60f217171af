"""What both dashboards say in the same words and colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jenkins_ml.core.monitoring.alerts import RUNBOOKS
from jenkins_ml.core.monitoring.windows import PAGES, TICKETS
from jenkins_ml.rendering.monitoring.grafana.dashboard import annotation
from jenkins_ml.rendering.monitoring.grafana.panels import Json, Steps

# Burn rates at which alerts begin, the mildest first.
BURN: Final[Steps] = (
    (None, "green"),
    *zip(sorted(each.factor for each in (*PAGES, *TICKETS)), ("yellow", "orange", "red", "dark-red"), strict=True),
)
BUDGET: Final[Steps] = ((None, "red"), (0, "orange"), (0.25, "yellow"), (0.5, "green"))
# Exit codes of stages (docs/exit-codes.md).
ENDED: Final[Mapping[str, tuple[str, str]]] = {
    "0": ("done", "green"),
    "1": ("failed", "red"),
    "2": ("wrong configuration", "red"),
    "3": ("rejected", "orange"),
    "4": ("undecided", "yellow"),
    "5": ("rolled back", "red"),
    "6": ("something was not available", "orange"),
    "7": ("integrity", "dark-red"),
    "130": ("interrupted", "blue"),
}


def runbook(*alerts: str) -> str:
    """The end of a panel's description: where it says what to do, by the names of the alerts."""
    pages = ", ".join(f"{RUNBOOKS}/{alert}.md" for alert in alerts)
    return f"\n\nWhat to do: {pages} of jenkins-ml."


def releases(released: str, version: str, text: str) -> list[Json]:
    """Marks where a version went to production, by a release or by a rollback.

    Args:
        released: series whose value is when the version in production was released; a rollback goes to an older one.
        version: series whose value is that version.
        text: of a mark, with {{label}}.
    """
    back = f"{released} and on (model, environment) ({version} < {version} offset 5m)"
    return [
        annotation("Releases", f"{released} * 1000", "Release", text, "blue", at_value=True),
        annotation("Rollbacks", back, "Rollback", text, "orange"),
    ]
