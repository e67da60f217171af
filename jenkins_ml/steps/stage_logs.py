"""A stage's log for machines: a line when it begins, one for each that it tells people, and one when it ends."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

from jenkins_ml import names
from jenkins_ml.adapters.clock import now, rfc3339
from jenkins_ml.adapters.log_file import LogFile
from jenkins_ml.core import ecs, tracing
from jenkins_ml.core.history import release_number
from jenkins_ml.core.tracing import Trace
from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.reporting.console import reporter
from jenkins_ml.steps.common import Project, built_by, current_run
from jenkins_ml.steps.observed import End, Stage

_LOGGER = "jenkins_ml.steps"
_MOST_METRICS = 50  # a label each: an index takes a thousand fields


@dataclass
class StageLogs:
    """Writes what a stage does to a file, as lines of Elastic Common Schema.

    Args:
        file: where to.
    """

    file: LogFile
    _stage: Stage | None = field(default=None, init=False)
    _commit: str | None = field(default=None, init=False)
    _quiet: bool = field(default=False, init=False)

    def began(self, stage: Stage) -> None:
        """The first line. From here on it hears what people are told."""
        self._stage = stage
        if stage.project is not None:
            with contextlib.suppress(JenkinsMLError):  # the stage itself will say so, if it needs the commit
                self._commit = stage.project.commit.sha
        self._write(rfc3339(stage.began), "info", f"{stage.name} begins", {"event.type": "start"})
        reporter().heard = self._hear

    def ended(self, stage: Stage, end: End) -> None:
        """The last line."""
        reporter().heard = None
        failed = end.exit_code != 0
        told = f"{stage.name} ended with {end.exit_code}: {end.error.what}" if end.error else f"{stage.name} ended"
        fields: dict[str, object] = {
            "event.type": "end",
            "event.outcome": "failure" if failed else "success",
            "event.duration": end.seconds * 1e9,
            "process.exit_code": end.exit_code,
        }
        if end.error is not None:
            fields["error.type"] = type(end.error).__name__
            fields["error.message"] = str(end.error)
        if end.cause is not None:
            fields["error.stack_trace"] = "".join(traceback.format_exception(end.cause))
        self._write(rfc3339(end.at), "error" if failed else "info", told, fields | _facts(stage))

    def _hear(self, level: ecs.Level, text: str) -> None:
        if not self._quiet:
            self._write(now(), level, text, {"event.type": "info"})

    def _write(self, at: str, level: ecs.Level, message: str, fields: Mapping[str, object]) -> None:
        if self._stage is None:
            return
        written = ecs.line(at, level, message, {**_about(self._stage, self._commit), **fields})
        self._quiet = True  # the warning that it cannot be written is not to be written
        try:
            self.file.append(written)
        finally:
            self._quiet = False


def stage_logs(project: Project, directory: str) -> StageLogs:
    """The log of a project's stages, in a folder that the stages of all its runs share."""
    return StageLogs(LogFile(project.directory / directory / f"{project.config.model}.stages.ndjson", reporter().warn))


def _about(stage: Stage, commit: str | None) -> dict[str, object]:
    """What stands in every line."""
    run = stage.run or (current_run() if os.environ.get(names.ENV_RUN) else None)
    trace = tracing.parse(os.environ.get(names.ENV_TRACEPARENT, "")) or (tracing.of_run(run) if run else Trace(""))
    return {
        "log.logger": _LOGGER,
        "event.dataset": ecs.DATASET_STAGES,
        "event.kind": "event",
        "event.category": "process",
        "event.action": stage.name,
        "process.pid": os.getpid(),
        "process.name": "jenkins-ml",
        "service.name": stage.project.config.model if stage.project else None,
        "service.environment": stage.environment,
        "service.version": stage.version,
        "trace.id": trace.id,
        "span.id": trace.span,
        "labels.run": run,
        "labels.build": built_by(),
        "labels.commit": commit,
        "labels.node": os.environ.get(names.ENV_NODE),
    }


def _facts(stage: Stage) -> dict[str, object]:
    """What a stage has found out."""
    measured = sorted(stage.metrics.items())[:_MOST_METRICS]
    found: dict[str, object] = {ecs.label(f"{of}_{metric}"): f"{value:.6g}" for (of, metric), value in measured}
    found["labels.rows"] = stage.rows
    if stage.project is not None and stage.environment is not None and stage.version is not None:
        with contextlib.suppress(JenkinsMLError):  # a journal that cannot be read is a reason more to log the end
            entries = stage.project.store.journal.entries()
            found["labels.release"] = release_number(entries, stage.environment, stage.version)
    return found
