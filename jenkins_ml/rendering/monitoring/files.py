"""All files that watch a model, by name relative to the folder of jenkins-ml.yaml; see docs/monitoring.md."""

from __future__ import annotations

from jenkins_ml.config.model import Config
from jenkins_ml.rendering.monitoring import alertmanager, dashboards, elastic, monitors, rules, scrape


def files(config: Config) -> dict[str, str]:
    """The files, each with its text; none without the `monitor` section."""
    return {
        name: text
        for each in (rules, scrape, monitors, alertmanager, dashboards, elastic)
        for name, text in each.files(config).items()
    }
