"""What a dashboard asks about one model: its series, in the environment and the versions that are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jenkins_ml.config.model import Config, seconds
from jenkins_ml.config.monitor import Monitor, Slo
from jenkins_ml.core.monitoring.alerts import Watched
from jenkins_ml.core.monitoring.promql import select
from jenkins_ml.core.monitoring.recording import objectives, ratio
from jenkins_ml.core.monitoring.windows import Windows
from jenkins_ml.rendering.monitoring import environments
from jenkins_ml.rendering.monitoring.grafana import panels
from jenkins_ml.rendering.monitoring.grafana.panels import Steps

CHOSEN: Final = 'version=~"$version"'
BY_VERSION: Final = "on (model, environment, version)"
_HERE: Final = 'environment="$environment"'
_HERE_OR_NOWHERE: Final = 'environment=~"$environment|"'  # stages such as `train` have no environment


@dataclass(frozen=True)
class Asking:
    """Queries about one model.

    Args:
        config: of the model.
        monitor: its section of that name.
    """

    config: Config
    monitor: Monitor

    @property
    def slo(self) -> Slo:
        """What is promised."""
        return self.monitor.slo

    @property
    def pushes(self) -> bool:
        """Whether stages report what they do: without that there are no releases, drift or quality in Prometheus."""
        return self.monitor.pipeline is not None

    @property
    def counts_nan(self) -> bool:
        """Whether some environment's server counts answers with NaN; TensorFlow Serving does not."""
        return any(each.series.counts_nan for each in self._watched)

    @property
    def promises(self) -> tuple[str, ...]:
        """What is promised, and counted by some environment's server."""
        return tuple(dict.fromkeys(slo for each in self._watched for slo in objectives(each.series, each.promise)))

    @property
    def _watched(self) -> list[Watched]:
        return [each.watched(self.monitor) for each in environments.of(self.config)]

    def series(self, name: str, *matchers: str, **labels: str) -> str:
        """Series of this model in the environment that is chosen."""
        return select(name, _HERE, *matchers, model=self.config.model, **labels)

    def versions(self, name: str) -> str:
        """Series of the versions that are chosen."""
        return self.series(name, CHOSEN)

    def anywhere(self, name: str, *matchers: str, **labels: str) -> str:
        """Series of this model in the environment that is chosen, or without one."""
        return select(name, _HERE_OR_NOWHERE, *matchers, model=self.config.model, **labels)

    def share(self, part: str, *matchers: str) -> str:
        """Which share of its requests each version answered so."""
        whole = self.series("jenkins_ml_version:requests:rate", *matchers)
        return f"{self.series(part, *matchers)} / {BY_VERSION} {whole}"

    def burn(self, window: str, slo: str) -> str:
        """How many times as fast as the promise allows the budget was used up, over a window."""
        bad = self.series(ratio(window), slo=slo)
        return f"{bad} / on (model, environment, slo) (1 - {self.series('jenkins_ml:slo:objective', slo=slo)})"

    def latency_steps(self) -> Steps:
        """Green up to the promise, where there is one."""
        limit = self.slo.latency_p99_ms
        return panels.GOOD if limit is None else ((None, "green"), (limit / 1000, "red"))

    def window(self, name: str) -> str:
        """How long a window of the rules is, such as 1h: their names are those for a period of 30 days."""
        return Windows(seconds(self.slo.period), seconds(self.monitor.scrape_interval)).length(name)
