"""The rows about what is not served itself: drift, quality, the pipeline, alerts."""

from __future__ import annotations

from typing import Final

from jenkins_ml import names
from jenkins_ml.config.gate import MetricLimits
from jenkins_ml.rendering.monitoring.grafana import panels
from jenkins_ml.rendering.monitoring.grafana.asking import CHOSEN, Asking
from jenkins_ml.rendering.monitoring.grafana.panels import Column, Json, Query, Row, Steps
from jenkins_ml.rendering.monitoring.grafana.words import ENDED, runbook

_MOST_FEATURES: Final = 10


def drift(ask: Asking) -> Row:
    """What has moved away from the training data and from the stable version."""

    def farthest(*matchers: str) -> str:
        found = ask.series(names.METRIC_DRIFT_DISTANCE, CHOSEN, 'measure="$measure"', *matchers)
        return f"topk({_MOST_FEATURES}, max by (feature, against, version) ({found}))"

    detected = ask.series(names.METRIC_DRIFT_DETECTED, CHOSEN)
    legend = "{{feature}}, version {{version}} against {{against}}"
    return "Drift", [
        panels.lines(
            "Inputs",
            f"How far inputs have moved from the training data's, and from those of the stable version: the "
            f"{_MOST_FEATURES} features that moved most. A distance has no limit of its own, for it depends on how "
            "much data there is; whether it counts as drift stands beside it." + runbook("JenkinsMLInputDrift"),
            Query(farthest('feature!="prediction"'), legend),
            width=8,
        ),
        panels.lines(
            "Predictions",
            "How far predictions have moved. With inputs that have not moved, the model or what feeds it has changed."
            + runbook("JenkinsMLPredictionDrift"),
            Query(farthest('feature="prediction"'), legend),
            width=8,
        ),
        panels.timeline(
            "Called drift",
            f"A band for what has moved by more than {ask.monitor.drift.tolerance:g} (monitor.drift.tolerance) beyond "
            f"chance. Without drift there is a band in {ask.monitor.drift.false_alarm_rate:g} of all versions."
            + runbook("JenkinsMLInputDrift", "JenkinsMLPredictionDrift"),
            Query(f"max by (feature, against, version) ({detected}) > 0", legend),
            words={"1": ("drift", "orange")},
            width=8,
        ),
    ]


def quality(ask: Asking) -> Row:
    """A panel for each metric of the gate, or one for all where it has none."""
    shown = [_metric(ask, name, limits) for name, limits in ask.config.gate.metrics.items()]
    return "Training, gate and live quality", shown or [
        panels.lines(
            "Metrics",
            "What training and gate measured, version after version." + runbook("JenkinsMLAccuracyLow"),
            Query(f"max by (metric, of) ({ask.anywhere(names.METRIC_MODEL)})", "{{metric}}, {{of}}"),
            width=panels.COLUMNS,
            lowest=None,
        )
    ]


def pipeline(ask: Asking) -> Row:
    """How the stages fare."""

    def by_stage(name: str) -> str:
        return f"max by (stage, environment) ({ask.anywhere(name)})"

    failing = runbook("JenkinsMLPipelineFailing")
    return "Pipeline", [
        panels.table(
            "Stages",
            "How each stage ended last. A failure later than the last success is one that still holds."
            + runbook("JenkinsMLPipelineFailing", "JenkinsMLTrainingStale"),
            {"stage": "Stage", "environment": "Environment"},
            [
                Column(title="Ended", expr=by_stage(names.METRIC_STAGE_EXIT_CODE), words=ENDED),
                Column(
                    title="Last success",
                    expr=f"{by_stage(names.METRIC_STAGE_SUCCEEDED)} * 1000",
                    unit="dateTimeFromNow",
                ),
                Column(
                    title="Last failure", expr=f"{by_stage(names.METRIC_STAGE_FAILED)} * 1000", unit="dateTimeFromNow"
                ),
                Column(
                    title="Last run", expr=f"{by_stage(names.METRIC_STAGE_COMPLETED)} * 1000", unit="dateTimeFromNow"
                ),
                Column(title="Took", expr=by_stage(names.METRIC_STAGE_DURATION), unit="s"),
                Column(title="Rows", expr=by_stage(names.METRIC_STAGE_ROWS), unit="short"),
                Column(title="Version", expr=by_stage(names.METRIC_STAGE_VERSION)),
            ],
        ),
        panels.lines(
            "Durations",
            "How long each stage took when it ended well last." + failing,
            Query(by_stage(names.METRIC_STAGE_DURATION), "{{stage}} {{environment}}"),
            unit="s",
        ),
        panels.timeline(
            "How stages ended",
            "How each stage had ended last, at each time." + failing,
            Query(by_stage(names.METRIC_STAGE_EXIT_CODE), "{{stage}} {{environment}}"),
            words=ENDED,
        ),
    ]


def alerts(ask: Asking) -> Row:
    """What is firing, and what was."""
    kinds = "alertname, severity, alertstate, version"
    return "Alerts", [
        panels.table(
            "Now",
            "Alerts that are firing, or pending: true, and not for long enough yet. Each has a page of its name in "
            "docs/runbooks of jenkins-ml, and its annotations have the command to type.",
            {"alertname": "Alert", "severity": "Severity", "alertstate": "State", "version": "Version"},
            [Column(title="Alerts", expr=f"count by ({kinds}) ({ask.series('ALERTS')})")],
            width=12,
        ),
        panels.timeline(
            "Then",
            "When which alert was firing. Each has a page of its name in docs/runbooks of jenkins-ml.",
            Query(
                f"max by (alertname, version) ({ask.series('ALERTS', alertstate='firing')})",
                "{{alertname}} {{version}}",
            ),
            words={"1": ("firing", "red")},
        ),
    ]


def _metric(ask: Asking, name: str, limits: MetricLimits) -> Json:
    """A metric of the gate: what training and gate measured, and how it is among users."""
    live = "live by {{from}}, version {{version}}"
    return panels.lines(
        name,
        "What training and gate measured, and how it is in production: from labels that came later, or estimated "
        "without them. Dashed: where the true value is, with the confidence of the estimate. The red line is the "
        "gate's limit." + runbook("JenkinsMLAccuracyLow"),
        Query(f"max by (of) ({ask.anywhere(names.METRIC_MODEL, metric=name)})", "{{of}}"),
        Query(ask.series(names.METRIC_LIVE, CHOSEN, metric=name), live),
        Query(ask.series(names.METRIC_LIVE_LOW, CHOSEN, metric=name), f"{live}, at least"),
        Query(ask.series(names.METRIC_LIVE_HIGH, CHOSEN, metric=name), f"{live}, at most"),
        steps=_limits(limits),
        lowest=None,
        dashed="at (least|most)$",
    )


def _limits(limits: MetricLimits) -> Steps:
    """Red where the gate would refuse it; a colour begins at its value, which the limit still allows."""
    steps: list[tuple[float | None, str]] = [(None, "green")]
    if limits.min is not None:
        steps = [(None, "red"), (limits.min, "green")]
    return steps if limits.max is None else [*steps, (limits.max, "red")]
