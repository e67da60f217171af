"""What `jenkins-ml status` knows of right now: asked of Prometheus where there is one, else of the servers' counters."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from jenkins_ml.adapters.target import Serving, Target
from jenkins_ml.core import live_picture
from jenkins_ml.core.judging.windows import Window
from jenkins_ml.core.live_picture import Live
from jenkins_ml.core.monitoring.promql import one_of, select
from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.steps.common import Project

# A picture that comes this late is none; whoever looks again and again waits for it each time.
_QUERY_SECONDS: Final = 3.0


@dataclass
class Looker:
    """Looks at one environment, again and again.

    Args:
        project: the model.
        environment: which.
        target: where it is served.
        clock: seconds that only go forward.
    """

    project: Project
    environment: str
    target: Target
    clock: Callable[[], float] = time.monotonic
    _looked: dict[int, float] = field(default_factory=dict, init=False)

    @property
    def counts(self) -> bool:
        """Whether the numbers are those of the servers: then the first look only begins to count."""
        monitor = self.project.config.monitor
        return monitor is None or monitor.prometheus is None

    def look(self, now: Serving | None) -> Live:
        """The picture; that there is none is part of it.

        Args:
            now: what runs there; None where that is not known.
        """
        try:
            return self._counted(now or Serving()) if self.counts else self._asked()
        except JenkinsMLError as error:
            return Live(source="servers" if self.counts else "prometheus", problem=error.what)

    def _counted(self, now: Serving) -> Live:
        found: dict[int, tuple[Window, float | None]] = {}
        for running in now.versions:
            window = self.target.seen(running.version)
            at, before = self.clock(), self._looked.get(running.version)
            self._looked[running.version] = at
            found[running.version] = (window, None if before is None else at - before)
        return live_picture.of_counters(found)

    def _asked(self) -> Live:
        from jenkins_ml.adapters.prometheus import Prometheus

        monitor = self.project.config.monitor
        if monitor is None or monitor.prometheus is None:
            return Live(source="prometheus")
        prometheus = replace(Prometheus.of(monitor.prometheus), seconds=_QUERY_SECONDS)
        # Alerts about the training name no environment.
        wanted = (one_of("__name__", live_picture.SERIES), one_of("environment", (self.environment, "")))
        samples = prometheus.query(select("", *wanted, model=self.project.config.model))
        return live_picture.of_prometheus((sample.labels, sample.value) for sample in samples)
