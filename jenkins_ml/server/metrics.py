"""What Prometheus scrapes at /metrics.

Each attempt counts for the version that made it: a canary's failure is a failure of the canary, though stable answers
the request. `code` is the canonical status ("OK", "INTERNAL", ...). What a version can come to is shown from when it is
available, as 0: a counter that begins with the first failure would hide that one from Prometheus.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from jenkins_ml import names
from jenkins_ml.core.monitoring.series import FAILURES
from jenkins_ml.server.dataplane import Attempt, DataPlane

_SHOWN: Final = ("OK", *FAILURES)


class Metrics:
    """The metrics of one server, in a registry of their own.

    Args:
        model: its name, a label of every metric.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._registry = registry = CollectorRegistry()
        per = ("model", "version")
        self._requests = Counter(names.METRIC_REQUESTS, "Predictions by status.", (*per, "code"), registry=registry)
        self._nan = Counter(names.METRIC_NAN, "Answers with a NaN or an infinity in them.", per, registry=registry)
        self._latency = Histogram(
            names.METRIC_LATENCY,
            "Seconds to answer, waiting included.",
            per,
            registry=registry,
            buckets=names.LATENCY_BOUNDS,
        )
        self._weight = Gauge(names.METRIC_WEIGHT, "Percent of requests without a version.", per, registry=registry)
        self._loaded = Gauge(names.METRIC_LOADED, "When it became available, since 1970.", per, registry=registry)

    def observe(self, attempt: Attempt) -> None:
        """Count one attempt."""
        version = str(attempt.version)
        self._requests.labels(self._model, version, attempt.code.name).inc()
        self._latency.labels(self._model, version).observe(attempt.seconds)
        if attempt.nan:
            self._nan.labels(self._model, version).inc()

    def text(self, plane: DataPlane) -> bytes:
        """All metrics, those of the traffic and the versions as they are now."""
        self._weight.clear()
        self._loaded.clear()
        for version in plane.versions.values():
            if version.state == "AVAILABLE" and version.loaded_at is not None:
                self._weight.labels(self._model, str(version.number)).set(plane.weight_of(version.number))
                self._loaded.labels(self._model, str(version.number)).set(version.loaded_at)
                self._begin(str(version.number))
        return generate_latest(self._registry)

    def _begin(self, version: str) -> None:
        for code in _SHOWN:
            self._requests.labels(self._model, version, code)
        self._nan.labels(self._model, version)
        self._latency.labels(self._model, version)
