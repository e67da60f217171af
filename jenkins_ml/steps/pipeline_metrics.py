"""Which stages report metrics, and what: an observer of stages, and the removal of what is no longer so."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.pipeline_metrics import Group, Sink, sink_of
from jenkins_ml.config.monitor import Pipeline
from jenkins_ml.core import stage_samples
from jenkins_ml.core.history import after
from jenkins_ml.core.samples import Sample
from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.pipeline import build
from jenkins_ml.records import JournalEntry
from jenkins_ml.steps.common import Project
from jenkins_ml.steps.observed import End, Stage

RELEASE: Final = "release"  # the group of what is in production, whichever stage brought it there
MEASURED: Final = "measured"  # the group of what a look at production found
_OF_CODE: Final = ("test", "train", "gate", "serve", "promote")  # report from the release branch only
_OF_ENVIRONMENT: Final = ("gate", "serve", "promote", "rollback", "monitor", "destroy", RELEASE, MEASURED)
_OF_PRODUCTION: Final = ("serve", "promote", "rollback", "monitor")  # those after which production is reported anew
_OF_CELLS: Final = ("train", "gate")


class PipelineMetrics:
    """Reports the end of every stage that counts."""

    def __init__(self, project: Project, settings: Pipeline) -> None:
        self._project = project
        self._settings = settings

    def began(self, stage: Stage) -> None:
        """Nothing is reported of a stage before its end."""

    def ended(self, stage: Stage, end: End) -> None:
        """Report a stage that has ended.

        Raises:
            Unavailable: where it should be reported to does not answer in time.
        """
        if not counts(self._project, stage):
            return
        sink = sink_of(self._settings, self._project.directory)
        model, environment = self._project.config.model, stage.environment or ""
        if stage.name == "destroy" and not end.exit_code:
            _remove(sink, (group for group in sink.groups(model) if group.environment == environment))
            return
        sink.add(Group(model, stage.name, environment), _samples(stage, end))
        if stage.measured is not None:
            sink.replace(Group(model, MEASURED, environment), stage.measured)
        if stage.name in _OF_PRODUCTION and (production := _production(self._project, environment)):
            sink.add(Group(model, RELEASE, environment), production)


def counts(project: Project, stage: Stage) -> bool:
    """Whether a stage is one of the pipeline that releases.

    Not those of pull requests and other branches, nor of cells of a matrix that are not what is released. Stages that
    act on production count from wherever they are started; a stage of an environment only once it knows which.
    """
    if stage.aside or (stage.name in _OF_ENVIRONMENT and stage.environment is None):
        return False
    if stage.name in _OF_CELLS:
        first = build(project.config).cells[0].suffix
        if not os.environ.get(names.ENV_RUN, first).endswith(first):
            return False
    return stage.name not in _OF_CODE or project.not_released is None


def remove_stale(project: Project) -> tuple[Group, ...]:
    """Remove what is reported of stages and environments that the configuration no longer has; answers what that was.

    Raises:
        Unavailable: where it is reported to does not answer in time.
    """
    monitor = project.config.monitor
    if monitor is None or monitor.pipeline is None:
        return ()
    sink = sink_of(monitor.pipeline, project.directory)
    stages, environments = _stages(project), _environments(project)
    stale = (
        group
        for group in sink.groups(project.config.model)
        if group.stage not in stages
        or (group.environment not in environments if group.stage in _OF_ENVIRONMENT else group.environment)
    )
    return _remove(sink, stale)


def _remove(sink: Sink, groups: Iterable[Group]) -> tuple[Group, ...]:
    removed = tuple(groups)
    for group in removed:
        sink.remove(group)
    return removed


def _stages(project: Project) -> set[str]:
    tested = () if project.config.test is None else ("test",)
    return {"train", *tested, *_OF_ENVIRONMENT}


def _environments(project: Project) -> set[str]:
    """Those of the configuration; where it names none, any may be used, and the journal knows which were."""
    serve = project.config.serve
    used = () if serve.environments else (entry.environment for entry in project.store.journal.entries())
    return {serve.environment, *serve.environments, *used}


def _samples(stage: Stage, end: End) -> tuple[Sample, ...]:
    if end.exit_code:
        return stage_samples.failed(end.at, end.exit_code)
    return stage_samples.succeeded(end.at, end.seconds, stage.rows, stage.version, stage.metrics)


def _production(project: Project, environment: str) -> tuple[Sample, ...]:
    """What the journal says is in production; nothing where it cannot be read."""
    try:
        entries = project.store.journal.entries()
    except JenkinsMLError:  # a rollback without the store; the next look at production reports it
        return ()
    production = after(entries, environment).production
    if production is None:
        return ()
    return stage_samples.released(production.version, next(_releases(entries, environment, production.version), None))


def _releases(entries: tuple[JournalEntry, ...], environment: str, version: int) -> Iterator[float]:
    """When a version was released, the last time first, in seconds since 1970."""
    for entry in reversed(entries):
        if (entry.kind, entry.environment, entry.version) == ("released", environment, version):
            yield datetime.fromisoformat(entry.time).timestamp()
