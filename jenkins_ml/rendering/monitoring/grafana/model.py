"""The dashboard of one model."""

from __future__ import annotations

from jenkins_ml import names
from jenkins_ml.config.model import Config
from jenkins_ml.config.monitor import Monitor
from jenkins_ml.core.monitoring.promql import select
from jenkins_ml.rendering.monitoring.grafana import dashboard, panels, serving, work
from jenkins_ml.rendering.monitoring.grafana.asking import Asking
from jenkins_ml.rendering.monitoring.grafana.dashboard import annotation, link, variable
from jenkins_ml.rendering.monitoring.grafana.panels import Json, Row
from jenkins_ml.rendering.monitoring.grafana.words import releases


def model_dashboard(config: Config, monitor: Monitor) -> Json:
    """The dashboard of a model: its environment and versions are chosen above it.

    Args:
        config: of the model.
        monitor: its section of that name.
    """
    ask = Asking(config, monitor)
    return dashboard.dashboard(
        dashboard.uid(config.model),
        f"Model {config.model}",
        f"What the model {config.model} answers, how well, and how its pipeline fares. Made by `jenkins-ml generate`; "
        "how to read it: docs/dashboards.md of jenkins-ml.",
        variables=_variables(ask),
        annotations=_annotations(ask),
        links=[link("All models", f"/d/{dashboard.FLEET_UID}"), link("Models")],
        panels=panels.place(_rows(ask)),
    )


def _variables(ask: Asking) -> list[Json]:
    promised = select("jenkins_ml:slo:objective", model=ask.config.model)
    made = [
        variable("environment", "Environment", promised, value=ask.config.serve.environment),
        variable("version", "Version", ask.series("jenkins_ml_version:requests:rate"), several=True),
    ]
    if ask.pushes:
        made.append(variable("measure", "Measure of drift", ask.series(names.METRIC_DRIFT_DISTANCE)))
    return made


def _annotations(ask: Asking) -> list[Json]:
    firing = ask.series("ALERTS", alertstate="firing")
    made = [annotation("Alerts", firing, "{{alertname}}", "{{severity}}, version {{version}}", "red")]
    if ask.pushes:
        released, version = ask.series(names.METRIC_RELEASED), ask.series(names.METRIC_RELEASED_VERSION)
        made += releases(released, version, "version {{version}}")
    return made


def _rows(ask: Asking) -> list[Row]:
    rows = [serving.now(ask), serving.traffic(ask), serving.errors(ask), serving.promises(ask), serving.canary(ask)]
    if ask.pushes:
        rows += [work.drift(ask), work.quality(ask), work.pipeline(ask)]
    return [*rows, work.alerts(ask)]
