"""Recording and alerting rules of Prometheus, for a model in all its environments."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jenkins_ml.config.model import Config, seconds
from jenkins_ml.config.monitor import Monitor
from jenkins_ml.core.monitoring import pipeline_alerts, recording, serving_alerts, windows
from jenkins_ml.core.monitoring.alerts import RUNBOOKS, Alert, Watched
from jenkins_ml.core.monitoring.pipeline_alerts import Limit
from jenkins_ml.core.monitoring.recording import Record
from jenkins_ml.core.monitoring.windows import SHORT, Windows, duration
from jenkins_ml.rendering.kubernetes.text import text
from jenkins_ml.rendering.monitoring import environments
from jenkins_ml.rendering.monitoring.grafana.dashboard import uid

FILE: Final = "monitoring/prometheus/rules.yaml"
_MADE: Final = "# Made by jenkins-ml from jenkins-ml.yaml: what is edited here stays, and is merged.\n"
_PIPELINE_SECONDS: Final = 60  # how often the rules are evaluated about what no scrape changes
_RARELY: Final = 5  # times within the short window, which the long ones are put together of

Rule = dict[str, Any]


def files(config: Config) -> dict[str, str]:
    """The file with all rules of the model; none without `monitor`."""
    monitor = config.monitor
    if monitor is None:
        return {}
    return {
        FILE: _MADE + "".join(f"# {line}\n" for line in _remarks(config, monitor)) + text({"groups": groups(config)})
    }


def groups(config: Config) -> list[Rule]:
    """The groups of rules, as Prometheus and its operator have them; none without `monitor`."""
    monitor = config.monitor
    if monitor is None:
        return []
    found = []
    for environment in environments.of(config):
        watched = environment.watched(monitor)
        labels, name = watched.series.labels, f"jenkins-ml:{config.model}:{environment.name}"
        records = recording.quick(watched.series, watched.promise, watched.windows)
        often, seldom = round(watched.windows.scrape * 1000), watched.windows.milliseconds(SHORT) // _RARELY
        found.append(_group(name, often, labels, records, serving_alerts.quick(watched)))
        records = recording.slow(watched.series, watched.promise, watched.windows)
        found.append(_group(f"{name}:budget", max(often, seldom), labels, records, serving_alerts.slow(watched)))
        if monitor.pipeline is not None:
            told = _told(config, monitor, watched)
            found.append(_group(f"{name}:pipeline", _PIPELINE_SECONDS * 1000, labels, (), told))
    often = round(seconds(monitor.scrape_interval) * 1000)
    # Of no environment: one may be called "dashboard".
    found.append(_group(f"jenkins-ml:{config.model}::dashboard", often, {}, _dashboard(config.model), iter(())))
    return found


def retraining(config: Config) -> str:
    """The command that trains the model anew, as a template of Prometheus."""
    hook = config.monitor.alerts.hook if config.monitor is not None else None
    if hook is not None and hook.retrain_job is not None:
        job = shlex.quote(hook.retrain_job).replace("{{", '{{"{{"}}')  # to a shell, by way of Prometheus' templates
        return f"jenkins-ml jobs trigger {job} --wait"
    return "jenkins-ml run"


def _told(config: Config, monitor: Monitor, watched: Watched) -> Iterator[Alert]:
    """The alerts about what the pipeline tells of an environment."""
    retrain = retraining(config)
    yield from pipeline_alerts.drift(watched, retrain)
    limits = [Limit(name, each.min, each.max) for name, each in config.gate.metrics.items()]
    yield from pipeline_alerts.accuracy(watched, limits, retrain)
    if monitor.stale.release is not None:
        yield pipeline_alerts.release_stale(watched, round(seconds(monitor.stale.release) * 1000))
    name = watched.series.environment
    if name != config.serve.environment:
        yield pipeline_alerts.failing(config.model, name, (name,))
        return
    # Training and the gate know no environment; they are for the one that is released to by default.
    yield pipeline_alerts.failing(config.model, name, (name, ""))
    if monitor.stale.training is not None:
        yield pipeline_alerts.training_stale(config.model, round(seconds(monitor.stale.training) * 1000), retrain)


def _dashboard(model: str) -> Iterator[Record]:
    """Where Grafana has the model's dashboard, for that of all models: what it is called there cannot be put into a link."""
    yield Record("jenkins_ml:dashboard:info", "vector(1)", {"model": model, "uid": uid(model)})


def _group(
    name: str,
    interval: int,
    labels: Mapping[str, str],
    records: Iterator[Record] | tuple[()],
    alerting: Iterator[Alert],
) -> Rule:
    rules = [*(_record(each, labels) for each in records), *(_alert(each, labels) for each in alerting)]
    return {"name": name, "interval": duration(interval), "rules": rules}


def _record(record: Record, labels: Mapping[str, str]) -> Rule:
    # Most expressions have these labels already; by them promtool sees that no two rules record the same.
    return {"record": record.name, "expr": record.expression, "labels": {**labels, **record.labels}}


def _alert(alert: Alert, labels: Mapping[str, str]) -> Rule:
    rule: Rule = {"alert": alert.name, "expr": alert.expression}
    if alert.hold:
        rule["for"] = duration(alert.hold)
    return {
        **rule,
        "labels": {**labels, **alert.labels, "severity": alert.severity, "action": alert.action},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook": f"{RUNBOOKS}/{alert.name}.md",
            "command": alert.command,
        },
    }


def _remarks(config: Config, monitor: Monitor) -> Iterator[str]:
    """What a reader of the file should know."""
    scale = Windows(seconds(monitor.slo.period), seconds(monitor.scrape_interval))
    lengths = ", ".join(f"{name} {scale.length(name)}" for name in windows.PER_PERIOD)
    yield f"Windows, by the names that they have for a period of 30 days: {lengths}."
    if scale.widened:
        yield (
            f"Longer than their share of the period, to hold {windows.LEAST_SCRAPES} scrapes: {', '.join(scale.widened)}. "
            "A shorter `monitor.scrape_interval` would keep their proportions."
        )
    yield f"The budget needs Prometheus to keep {scale.length(windows.PERIOD)}: --storage.tsdb.retention.time."
    if monitor.pipeline is None:
        yield "`monitor.pipeline` is not set: there are no alerts about drift, accuracy, stale models and failing stages."
    for environment in environments.of(config):
        series, slo = environment.watched(monitor).series, monitor.slo
        if slo.latency_p99_ms is not None:
            bound = series.bound(slo.latency_p99_ms)
            if bound is None:
                yield f"{environment.name}: no bound that latencies are counted by is as high as {slo.latency_p99_ms:g} ms."
            else:
                milliseconds = bound * 1000 if series.kind == "jenkins-ml" else bound / 1000
                yield f"{environment.name}: slow is what takes longer than {milliseconds:.6g} ms, the next bound counted by."
