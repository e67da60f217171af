"""What each kind of server counts, as expressions of Prometheus that say the same of both.

TensorFlow Serving counts probes and requests for metadata as answered requests, too; so what went well is counted by its
latency histogram, which names the interface, and only what failed by its request counter. Its series have the labels
model, environment and version from whoever scrapes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from jenkins_ml import names
from jenkins_ml.core.monitoring.promql import one_of, select

Server = Literal["tensorflow-serving", "jenkins-ml"]

# The server's fault. What a client sent wrong is none.
FAILURES: Final = (
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "ABORTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
)
TF_REQUESTS: Final = ":tensorflow:serving:request_count"
TF_LATENCY: Final = ":tensorflow:serving:request_latency"
# In microseconds, and as they stand in `le`: six digits.
TF_BOUNDS: Final = tuple(10 * 1.8**power for power in range(33))
BY_VERSION: Final = "model, environment, version"


@dataclass(frozen=True)
class Series:
    """The series of one environment of a model.

    Args:
        kind: of its servers.
        model: its name.
        environment: its name.
    """

    kind: Server
    model: str
    environment: str

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels that every series of the environment has."""
        return {"model": self.model, "environment": self.environment}

    @property
    def counts_nan(self) -> bool:
        """Whether its servers tell answers with NaN."""
        return self.kind == "jenkins-ml"

    def requests(self, window: str) -> str:
        """Requests within a window that were answered, or failed by the server's fault; by version."""
        if self.kind == "jenkins-ml":
            counted = increase(self._select(names.METRIC_REQUESTS, one_of("code", ("OK", *FAILURES))), window)
        else:
            counted = f"{increase(self._latency('count'), window)} or {increase(self._failed(), window)}"
        return by_version(counted)

    def failures(self, window: str) -> str:
        """Requests within a window that failed by the server's fault; nothing where none ever did."""
        return by_version(increase(self._failed(), window))

    def nan(self, window: str) -> str:
        """Answers within a window with NaN or an infinity in them."""
        return by_version(increase(self._select(names.METRIC_NAN), window))

    def slow(self, window: str, limit_ms: float) -> str | None:
        """Requests within a window that took longer than a limit, which is rounded up to a bound that is counted by.

        Args:
            window: as Prometheus writes it.
            limit_ms: in milliseconds.

        Returns:
            The expression; None where no bound is as high as the limit.
        """
        bound = self.bound(limit_ms)
        if bound is None:
            return None
        quick = increase(self._latency("bucket", f'le=~"{_bound_text(bound)}"'), window)
        every = by_version(increase(self._latency("count"), window))
        # Both are estimates up to the window's ends, and may differ a little where nothing was slow.
        return f"clamp_min({every} - {by_version(quick)}, 0)"

    def bound(self, limit_ms: float) -> float | None:
        """The least bound that latencies are counted by that is not below a limit, in the server's own unit."""
        bounds, unit = (names.LATENCY_BOUNDS, 1e-3) if self.kind == "jenkins-ml" else (TF_BOUNDS, 1e3)
        # A limit that is a bound stays that one, whatever the last digits are after the change of units.
        return next((bound for bound in bounds if bound >= limit_ms * unit * (1 - 1e-9)), None)

    def quantile(self, share: float, window: str) -> str:
        """The latency in seconds that this share of requests within a window did not exceed, by version."""
        rates = f"sum by ({BY_VERSION}, le) (rate({self._latency('bucket')}[{window}]))"
        seconds = f"histogram_quantile({share:g}, {rates})"
        return seconds if self.kind == "jenkins-ml" else f"{seconds} / 1e6"

    def _failed(self) -> str:
        if self.kind == "jenkins-ml":
            return self._select(names.METRIC_REQUESTS, one_of("code", FAILURES))
        return self._select(TF_REQUESTS, one_of("status", FAILURES))

    def _latency(self, part: str, *matchers: str) -> str:
        if self.kind == "jenkins-ml":
            return self._select(f"{names.METRIC_LATENCY}_{part}", *matchers)
        return self._select(f"{TF_LATENCY}_{part}", 'API!=""', *matchers)

    def _select(self, name: str, *matchers: str) -> str:
        if self.kind == "tensorflow-serving":
            return select(name, *matchers, **self.labels, model_name=self.model)
        return select(name, *matchers, **self.labels)


def increase(selected: str, window: str) -> str:
    """How much counters have grown within a window."""
    return f"increase({selected}[{window}])"


def by_version(expression: str) -> str:
    """The sum over pods, interfaces and statuses."""
    return f"sum by ({BY_VERSION}) ({expression})"


def _bound_text(bound: float) -> str:
    """A regular expression of a bound in `le`: servers write 1 or 1.0, and newer ones of Prometheus rewrite that."""
    text = f"{bound:g}".replace(".", "\\\\.").replace("+", "\\\\+")
    return text if "." in text else f"{text}(\\\\.0)?"
