"""The environments of a model as monitoring sees them: what serves each, and how Prometheus reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jenkins_ml.config.model import Config, seconds
from jenkins_ml.config.monitor import Monitor
from jenkins_ml.config.serve import Serve
from jenkins_ml.core.monitoring.alerts import Watched
from jenkins_ml.core.monitoring.recording import Promise
from jenkins_ml.core.monitoring.series import Series, Server
from jenkins_ml.core.monitoring.windows import Windows


@dataclass(frozen=True)
class Environment:
    """One environment.

    Args:
        model: name of the model.
        name: its own.
        serve: the section, as it holds there.
    """

    model: str
    name: str
    serve: Serve

    @property
    def kind(self) -> Server:
        """Of its servers; the local target has the embedded one."""
        return "jenkins-ml" if self.serve.target == "local" else self.serve.server.kind

    @property
    def lacks(self) -> str | None:
        """The key that has to be set before Prometheus can be told where its metrics are; None for none."""
        if self.serve.target == "local" and self.serve.rest_port == 0:
            return "serve.rest_port"
        if self.serve.target == "docker" and self.serve.docker.metrics_port == 0:
            return "serve.docker.metrics_port"
        return None

    def watched(self, monitor: Monitor) -> Watched:
        """What its alerts are made of."""
        slo = monitor.slo
        return Watched(
            series=Series(self.kind, self.model, self.name),
            promise=Promise(slo.availability, slo.latency_p99_ms, slo.min_failures),
            windows=Windows(seconds(slo.period), seconds(monitor.scrape_interval)),
            reachable=self.lacks is None,
            weighted=self.serve.target == "local",
            canary=round(seconds(self.serve.canary.decided_within) * 1000),
        )


def of(config: Config) -> Iterator[Environment]:
    """All of them, the one that is released to by default first."""
    for name in dict.fromkeys((config.serve.environment, *config.serve.environments)):
        yield Environment(config.model, name, config.serve.of(name))
