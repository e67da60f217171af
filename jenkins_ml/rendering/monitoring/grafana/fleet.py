"""The dashboard of all models. It is the same for every model's configuration, so that one file serves them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jenkins_ml import names
from jenkins_ml.core.monitoring.promql import select
from jenkins_ml.core.monitoring.recording import AVAILABILITY, ratio
from jenkins_ml.core.monitoring.windows import PERIOD
from jenkins_ml.rendering.monitoring.grafana import dashboard, panels
from jenkins_ml.rendering.monitoring.grafana.dashboard import annotation, link, variable
from jenkins_ml.rendering.monitoring.grafana.panels import Column, Json, Query
from jenkins_ml.rendering.monitoring.grafana.words import BUDGET, BURN, releases, runbook

_CHOSEN: Final = ('model=~"$model"', 'environment=~"$environment"')
_OR_NOWHERE: Final = ('model=~"$model"', 'environment=~"$environment|"')  # stages such as `train` have no environment
_OURS: Final = 'alertname=~"JenkinsML.+"'
_EACH: Final = "by (model, environment)"
_MOST: Final = 20
# A row of the table: an environment of a model whose rules are loaded, whether it is asked or not; its value is 0.
_ROWS: Final = f"0 * max {_EACH} ({select('jenkins_ml:slo:objective', *_CHOSEN)})"
_FAILED: Final = f"{select(names.METRIC_STAGE_EXIT_CODE, *_OR_NOWHERE)} > bool 0"


def fleet_dashboard() -> Json:
    """The dashboard of all models that this Prometheus knows."""
    promised = "jenkins_ml:slo:objective"
    released, version = (select(name, *_CHOSEN) for name in (names.METRIC_RELEASED, names.METRIC_RELEASED_VERSION))
    return dashboard.dashboard(
        dashboard.FLEET_UID,
        "All models",
        "All models of jenkins-ml that this Prometheus knows: what is in production, and who needs somebody. Made by "
        "`jenkins-ml generate`; how to read it: docs/dashboards.md of jenkins-ml.",
        variables=[
            variable("model", "Model", promised, several=True),
            variable("environment", "Environment", promised, several=True),
        ],
        annotations=[
            annotation(
                "Pages",
                _firing(severity="page"),
                "{{alertname}}",
                "{{model}}, {{environment}}, version {{version}}",
                "red",
            ),
            *releases(released, version, "{{model}}, {{environment}}, version {{version}}"),
        ],
        links=[link("Models")],
        panels=panels.place([("Now", _now()), ("Models", [_models()]), ("Over time", _over_time())]),
    )


def _now() -> Sequence[Json]:
    budget = select("jenkins_ml:slo:budget_left", *_CHOSEN)
    return [
        panels.stat(
            "Models",
            "Models whose rules this Prometheus has.",
            Query(f"count(count by (model) ({select('jenkins_ml:slo:objective', *_CHOSEN)}))"),
            steps=((None, "blue"),),
            width=4,
        ),
        panels.stat(
            "Requests",
            "Requests a second, all together." + runbook("JenkinsMLNoData"),
            Query(f"sum({select('jenkins_ml_version:requests:rate', *_CHOSEN)})"),
            unit="reqps",
            steps=((None, "blue"),),
            width=4,
        ),
        panels.stat(
            "Promises broken",
            "How many promises have no budget left." + runbook("JenkinsMLErrorBudgetBurnSlow"),
            Query(f"count({budget} < 0) or vector(0)"),
            steps=panels.BAD,
            width=4,
        ),
        panels.stat(
            "Pages",
            "Alerts that are firing and wake somebody up. Each has a page of its name in docs/runbooks of jenkins-ml.",
            Query(f"count({_firing(severity='page')}) or vector(0)"),
            steps=panels.BAD,
            width=4,
        ),
        panels.stat(
            "Tickets",
            "Alerts that are firing and can wait for a day. Each has a page of its name in docs/runbooks of jenkins-ml.",
            Query(f"count({_firing(severity='ticket')}) or vector(0)"),
            steps=((None, "green"), (1, "orange")),
            width=4,
        ),
        panels.stat(
            "Stages that failed",
            "Stages whose last run ended with any exit code but 0." + runbook("JenkinsMLPipelineFailing"),
            Query(f"sum({_FAILED})"),
            steps=((None, "green"), (1, "orange")),
            width=4,
        ),
    ]


def _models() -> Json:
    def of(series: str, how: str = "max", **labels: str) -> str:
        return f"{how} {_EACH} ({select(series, *_CHOSEN, **labels)})"

    columns = [
        Column(
            title="Alerts",
            expr=f"count {_EACH} ({_firing()}) or {_ROWS}",
            steps=panels.BAD,
        ),
        Column(title="Version", expr=of(names.METRIC_RELEASED_VERSION)),
        Column(title="Since", expr=f"{of(names.METRIC_RELEASED)} * 1000", unit="dateTimeFromNow"),
        Column(title="Requests", expr=of("jenkins_ml_version:requests:rate", "sum"), unit="reqps"),
        Column(title="Availability", expr=f"1 - {of(ratio(PERIOD), slo=AVAILABILITY)}", unit="percentunit"),
        Column(title="Budget left", expr=of("jenkins_ml:slo:budget_left", "min"), unit="percentunit", steps=BUDGET),
        Column(title="Burn rate", expr=of("jenkins_ml:slo:burn_rate"), steps=BURN),
        Column(title="p99", expr=of("jenkins_ml_version:latency_seconds:p99"), unit="s"),
        Column(title="Drift", expr=of(names.METRIC_DRIFT_DETECTED, "sum"), steps=((None, "green"), (1, "orange"))),
        Column(
            title="Stages failed",
            expr=f"sum by (model) ({_FAILED}) + on (model) group_right () ({_ROWS})",
            steps=((None, "green"), (1, "orange")),
        ),
        Column(
            title="Dashboard",
            expr=f"{_ROWS} + on (model) group_left (uid) {select('jenkins_ml:dashboard:info', _CHOSEN[0])}",
        ),
    ]
    to_model = {
        "title": "Open the dashboard of ${__data.fields.model}",
        "url": "/d/${__data.fields.uid}?var-environment=${__data.fields.environment}&${__url_time_range}",
        "targetBlank": False,
    }
    return panels.table(
        "Models",
        "A row for each environment of each model; a click on the model opens its dashboard. Version and since: of the last "
        "release. Availability and budget: of the whole period of the promise. Burn rate: 1 uses the budget up in exactly "
        "the period; the worst promise counts. p99: of the slowest version. Drift: how many features have moved. Stages "
        "failed: those whose last run did not end with 0."
        + runbook("JenkinsMLErrorBudgetBurn", "JenkinsMLInputDrift", "JenkinsMLPipelineFailing"),
        {"model": "Model", "environment": "Environment"},
        columns,
        height=14,
        hidden=("uid", "Dashboard"),
        links={"Model": to_model},
    )


def _over_time() -> Sequence[Json]:
    legend = "{{model}}, {{environment}}"
    burn, left, asked = (
        select(name, *_CHOSEN)
        for name in ("jenkins_ml:slo:burn_rate", "jenkins_ml:slo:budget_left", "jenkins_ml_version:requests:rate")
    )
    return [
        panels.lines(
            "Burn rate",
            f"The {_MOST} that use up their budgets most quickly. 1 uses it up in exactly the period."
            + runbook("JenkinsMLErrorBudgetBurn", "JenkinsMLLatencyBudgetBurn"),
            Query(f"topk({_MOST}, {burn})", f"{legend}, {{{{slo}}}}"),
            steps=BURN,
            width=8,
        ),
        panels.lines(
            "Budget left",
            f"The {_MOST} that have least left." + runbook("JenkinsMLErrorBudgetBurnSlow"),
            Query(f"bottomk({_MOST}, {left})", f"{legend}, {{{{slo}}}}"),
            unit="percentunit",
            steps=((None, "red"), (0, "green")),
            highest=1,
            lowest=None,
            width=8,
        ),
        panels.lines(
            "Requests",
            f"The {_MOST} that are asked most; requests a second." + runbook("JenkinsMLNoData"),
            Query(f"topk({_MOST}, sum {_EACH} ({asked}))", legend),
            unit="reqps",
            width=8,
        ),
    ]


def _firing(**labels: str) -> str:
    return select("ALERTS", _OURS, *_CHOSEN, alertstate="firing", **labels)
