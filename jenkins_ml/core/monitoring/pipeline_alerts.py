"""The alerts about what the pipeline and `monitor` tell: drift, accuracy, models that are too old, stages that fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from jenkins_ml import names
from jenkins_ml.core.monitoring.alerts import Alert, Watched
from jenkins_ml.core.monitoring.promql import one_of, select
from jenkins_ml.core.monitoring.recording import BY_ENVIRONMENT
from jenkins_ml.core.monitoring.series import BY_VERSION
from jenkins_ml.core.monitoring.windows import duration

FAILURES_IN_A_DAY: Final = 3
_DAY: Final = 86_400_000
_PREDICTION: Final = "prediction"  # the name of the output among the features


@dataclass(frozen=True)
class Limit:
    """A limit of the gate that holds in production, too.

    Args:
        metric: its name.
        least: the value must be at least this; None: no such limit.
        most: the value must be at most this; None: no such limit.
    """

    metric: str
    least: float | None
    most: float | None


def drift(watched: Watched, retrain: str) -> Iterator[Alert]:
    """The alerts about what `monitor` found.

    Args:
        watched: the environment.
        retrain: the command that trains the model anew.
    """
    kinds = {
        "JenkinsMLInputDrift": ("!=", "inputs"),
        "JenkinsMLPredictionDrift": ("=", "predictions"),
    }
    for name, (operator, what) in kinds.items():
        found = watched.select(names.METRIC_DRIFT_DETECTED, f'feature{operator}"{_PREDICTION}"')
        yield Alert(
            name=name,
            expression=f"count by ({BY_VERSION}, against) ({found} == 1)",
            severity="ticket",
            action="retrain",
            summary=f"The {what} of {watched.what} have moved",
            description=f"The {what} that version {{{{ $labels.version }}}} has are no more those of the "
            '{{ if eq $labels.against "training" }}training data{{ else }}{{ $labels.against }} version{{ end }}, by more than '
            "chance and `monitor.drift.tolerance` explain; distributions that have moved: {{ $value }}.",
            command=retrain,
        )


def accuracy(watched: Watched, limits: Iterable[Limit], retrain: str) -> Iterator[Alert]:
    """An alert for each limit: the whole interval of what was measured is on its wrong side."""
    for limit in limits:
        sides = [
            ("min", limit.least, names.METRIC_LIVE_HIGH, "<", "at most", "at least"),
            ("max", limit.most, names.METRIC_LIVE_LOW, ">", "at least", "at most"),
        ]
        for key, bound, name, comparison, is_now, has_to in sides:
            if bound is not None:
                found = f"max by ({BY_VERSION}, metric, from) ({watched.select(name, metric=limit.metric)})"
                yield Alert(
                    name="JenkinsMLAccuracyLow",
                    expression=f"{found} {comparison} {bound:.10g}",
                    severity="ticket",
                    action="retrain",
                    summary=f"{limit.metric} of {watched.what} is worse than the gate lets pass",
                    description=f"By {{{{ $labels.from }}}}, {limit.metric} of version {{{{ $labels.version }}}} is {is_now} "
                    f'{{{{ $value | printf "%.4g" }}}}; the gate asks for {has_to} {bound:.10g}.',
                    command=retrain,
                    labels={"limit": f"gate.metrics.{limit.metric}.{key}"},
                )


def release_stale(watched: Watched, after: int) -> Alert:
    """No release for so many milliseconds."""
    newest = f"max by ({BY_ENVIRONMENT}) ({watched.select(names.METRIC_RELEASED)})"
    return Alert(
        name="JenkinsMLReleaseStale",
        expression=f"time() - {newest} > {after / 1000:.10g}",
        severity="ticket",
        action="none",
        summary=f"No release of {watched.what} for long",
        description=f"The last one was {{{{ $value | humanizeDuration }}}} ago; `monitor.stale.release` is {duration(after)}.",
        command=f"jenkins-ml status {watched.where}",
    )


def training_stale(model: str, after: int, retrain: str) -> Alert:
    """No training of the model has succeeded for so many milliseconds."""
    newest = f"max by (model) ({select(names.METRIC_STAGE_SUCCEEDED, model=model, stage='train')})"
    return Alert(
        name="JenkinsMLTrainingStale",
        expression=f"time() - {newest} > {after / 1000:.10g}",
        severity="ticket",
        action="retrain",
        summary=f"{model} was not trained for long",
        description="The last training that succeeded was {{ $value | humanizeDuration }} ago; `monitor.stale.training` is "
        f"{duration(after)}.",
        command=retrain,
    )


def failing(model: str, environment: str, stages: tuple[str, ...]) -> Alert:
    """A stage fails again and again.

    Args:
        model: its name.
        environment: that the alert is about.
        stages: the `environment` that the stages report: that one, and "" for those that know none.
    """
    where = one_of("environment", stages)

    def of(name: str) -> str:
        return select(name, where, model=model)

    by = "model, stage"
    failures = f"max by ({by}) (changes({of(names.METRIC_STAGE_FAILED)}[{duration(_DAY)}])) >= {FAILURES_IN_A_DAY}"
    since = f"max by ({by}) ({of(names.METRIC_STAGE_SUCCEEDED)}) >= max by ({by}) ({of(names.METRIC_STAGE_FAILED)})"
    return Alert(
        name="JenkinsMLPipelineFailing",
        expression=f"{failures} unless ({since})",
        severity="ticket",
        action="none",
        summary=f"Stage {{{{ $labels.stage }}}} of {model} fails again and again",
        description=f"{{{{ $value }}}} failures within {duration(_DAY)}, and no success since.",
        command=f"jenkins-ml status --environment {environment}",
    )
