"""The one place where every stage is observed: when it begins, what it finds out, how it ends.

`steps/entry.py` begins and ends it, `Project.here` tells it the project, the stage itself adds what it knows
(`under_way().version = 3`). Observers are made only where the configuration asks for them, and nothing that they do or
fail at changes what the stage comes to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from jenkins_ml.core.samples import Sample
    from jenkins_ml.errors import JenkinsMLError
    from jenkins_ml.steps.common import Project


@dataclass
class Stage:
    """A stage under way. What it does not know (yet) is None.

    Args:
        name: of the command: "train".
        began: seconds since 1970.
        project: where it works; None until the configuration is read.
        run: the run it belongs to.
        environment: the one that it works on; None also for stages that have none.
        version: the version that it made, judged, released or looked at.
        rows: how many examples that rests on.
        metrics: (of, metric) -> value, where "of" is "training", "gate" or "production".
        measured: what a look at production has found; None where it has not come to one.
        aside: that this is no stage of the pipeline, such as a gate about predictions in files.
    """

    name: str
    began: float
    project: Project | None = None
    run: str | None = None
    environment: str | None = None
    version: int | None = None
    rows: int | None = None
    metrics: dict[tuple[str, str], float] = field(default_factory=dict)
    measured: list[Sample] | None = None
    aside: bool = False
    observers: tuple[Observer, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class End:
    """How a stage ended.

    Args:
        at: seconds since 1970.
        seconds: how long it took.
        exit_code: what Jenkins sees; 0 for success.
        error: the failure as one of ours; None for success.
        cause: what was raised, for its traceback; None for success.
    """

    at: float
    seconds: float
    exit_code: int
    error: JenkinsMLError | None = None
    cause: BaseException | None = None


class Observer(Protocol):
    """Who tells others of a stage. Neither method may take long."""

    def began(self, stage: Stage) -> None:
        """The configuration is known; the stage's own facts are not."""

    def ended(self, stage: Stage, end: End) -> None:
        """The stage has ended, whichever way; what it knew is in `stage`."""


_current: Stage | None = None


def begin(name: str) -> Callable[[int, JenkinsMLError | None, BaseException | None], None]:
    """A stage begins; answers what is to be called at its end with exit code, failure and cause."""
    global _current
    stage = _current = Stage(name, time.time())
    clock = time.monotonic()

    def end(exit_code: int, error: JenkinsMLError | None, cause: BaseException | None) -> None:
        ended = End(time.time(), time.monotonic() - clock, exit_code, error, cause)
        for observer in stage.observers:
            _safely(observer.ended, stage, ended)

    return end


def under_way() -> Stage:
    """The stage under way, to add facts to; one that nobody looks at where none is."""
    return _current or Stage("", time.time())


def know(project: Project) -> None:
    """The stage under way has read its configuration: from here on it is observed."""
    stage = under_way()
    if stage is not _current or stage.project is not None:
        return
    stage.project = project
    stage.observers = _observers(project)
    for observer in stage.observers:
        _safely(observer.began, stage)


def _observers(project: Project) -> tuple[Observer, ...]:
    """Who is told of this project's stages. Each is imported only where it is turned on."""
    monitor = project.config.monitor
    found: list[Observer] = []
    if monitor is None:
        return ()
    if monitor.pipeline is not None:
        from jenkins_ml.steps.pipeline_metrics import PipelineMetrics

        found.append(PipelineMetrics(project, monitor.pipeline))
    if monitor.logs is not None:
        from jenkins_ml.steps.stage_logs import stage_logs

        found.append(stage_logs(project, monitor.logs.directory))
    return tuple(found)


def _safely(tell: Callable[..., None], *what: Any) -> None:
    """Whatever an observer fails at, the stage goes on; one line says so."""
    try:
        tell(*what)
    except Exception as error:
        from jenkins_ml.errors import JenkinsMLError
        from jenkins_ml.reporting.console import reporter
        from jenkins_ml.reporting.text import one_line

        why = (
            f"{error.what}; {error.next_step}" if isinstance(error, JenkinsMLError) and error.next_step else str(error)
        )
        reporter().warn(one_line(f"could not tell of this stage: {why}", 300))
