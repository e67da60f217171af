"""How what is served does right now: by version, against what was promised, and what was noticed. Pure.

Numbers come from Prometheus, or from what the servers themselves count. What is not known is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from jenkins_ml import names
from jenkins_ml.core.judging.windows import Window

Number = float | None

_RATES: Final = {
    "jenkins_ml_version:requests:rate": "requests",
    "jenkins_ml_version:failures:rate": "failures",
    "jenkins_ml_version:nan:rate": "nan",
    "jenkins_ml_version:latency_seconds:p50": "p50",
    "jenkins_ml_version:latency_seconds:p99": "p99",
    "jenkins_ml_version:traffic:share": "traffic",
}
_SLO: Final = {
    "jenkins_ml:slo:objective": "objective",
    "jenkins_ml:slo:burn_rate": "burn_rate",
    "jenkins_ml:slo:budget_left": "budget_left",
}
_LIVE: Final = {names.METRIC_LIVE: "value", names.METRIC_LIVE_LOW: "low", names.METRIC_LIVE_HIGH: "high"}
_ALERTS: Final = "ALERTS"
# Every series that the picture is made of.
SERIES: Final = (*_RATES, *_SLO, *_LIVE, names.METRIC_DRIFT_DETECTED, _ALERTS)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A metric of the model on what users ask.

    Args:
        metric: its name.
        source: "labels" where they came back, "estimate" where they did not.
        value: what it is.
        low, high: what it is not below and not above.
    """

    metric: str
    source: str
    value: Number = None
    low: Number = None
    high: Number = None


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What was compared with earlier data.

    Args:
        against: "training" or "stable".
        looked_at: how many features, the prediction among them.
        moved: the names of those that have moved.
    """

    against: str
    looked_at: int
    moved: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version.

    Args:
        version: its number.
        traffic: its share of all requests, 0 to 1.
        requests_per_second: answered and failed.
        error_share: of those, that failed or were answered with NaN.
        p50_seconds, p99_seconds: so long took that share of the answers at most.
        drift: against what it was compared.
        accuracy: metrics on what users ask.
    """

    version: int
    traffic: Number = None
    requests_per_second: Number = None
    error_share: Number = None
    p50_seconds: Number = None
    p99_seconds: Number = None
    drift: tuple[Moved, ...] = ()
    accuracy: tuple[Measured, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Promise:
    """How a promise is kept.

    Args:
        slo: "availability" or "latency".
        objective: the share of requests that has to be good.
        burn_rate: how many times as quickly as it may the budget for bad requests is being used up.
        budget_left: share of the budget that is left; below 0 more was used than there was.
    """

    slo: str
    objective: Number = None
    burn_rate: Number = None
    budget_left: Number = None


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert that fires; `version` None where it names none."""

    name: str
    severity: str
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Live:
    """The picture of one environment.

    Args:
        source: where the numbers come from.
        versions: by number.
        promises: by name.
        alerts: that fire; None where nobody knows.
        problem: why there is no picture; empty where there is one.
    """

    source: Literal["prometheus", "servers"]
    versions: tuple[Version, ...] = ()
    promises: tuple[Promise, ...] = ()
    alerts: tuple[Alert, ...] | None = None
    problem: str = ""


def of_prometheus(samples: Iterable[tuple[Mapping[str, str], float]]) -> Live:
    """The picture in what Prometheus knows now.

    Args:
        samples: labels, "__name__" among them, and value of each of `SERIES` of one model and environment.
    """
    rates: dict[int, dict[str, float]] = {}
    promises: dict[str, dict[str, float]] = {}
    drift: dict[tuple[int, str], dict[str, bool]] = {}
    measured: dict[tuple[int, str, str], dict[str, float]] = {}
    alerts = set()
    for labels, value in samples:
        name, version = labels.get("__name__", ""), _version(labels)
        if name == _ALERTS:
            if labels.get("alertstate") == "firing":
                alerts.add((labels.get("alertname", ""), labels.get("severity", ""), version))
        elif not math.isfinite(value):
            continue
        elif name in _SLO:
            promises.setdefault(labels.get("slo", ""), {})[_SLO[name]] = value
        elif version is None:
            continue
        elif name in _RATES:
            rates.setdefault(version, {})[_RATES[name]] = value
        elif name == names.METRIC_DRIFT_DETECTED:
            drift.setdefault((version, labels.get("against", "")), {})[labels.get("feature", "")] = value > 0
        elif name in _LIVE:
            key = (version, labels.get("metric", ""), labels.get("from", ""))
            measured.setdefault(key, {})[_LIVE[name]] = value
    known = {*rates, *(version for version, _ in drift), *(version for version, _, _ in measured)}
    return Live(
        source="prometheus",
        versions=tuple(_of_version(version, rates.get(version, {}), drift, measured) for version in sorted(known)),
        promises=tuple(Promise(slo=slo, **found) for slo, found in sorted(promises.items())),
        alerts=tuple(
            Alert(name=name, severity=severity, version=version)
            for name, severity, version in sorted(alerts, key=lambda each: (each[0], each[1], each[2] or 0))
        ),
    )


def _of_version(
    version: int,
    rates: Mapping[str, float],
    drift: Mapping[tuple[int, str], Mapping[str, bool]],
    measured: Mapping[tuple[int, str, str], Mapping[str, float]],
) -> Version:
    requests, failures = rates.get("requests"), rates.get("failures")
    share = (failures + rates.get("nan", 0.0)) / requests if requests and failures is not None else None
    return Version(
        version=version,
        traffic=rates.get("traffic"),
        requests_per_second=requests,
        error_share=share,
        p50_seconds=rates.get("p50"),
        p99_seconds=rates.get("p99"),
        drift=tuple(
            Moved(
                against=against,
                looked_at=len(found),
                moved=tuple(sorted(name for name, moved in found.items() if moved)),
            )
            for (of, against), found in sorted(drift.items())
            if of == version
        ),
        accuracy=tuple(
            Measured(metric=metric, source=source, **found)
            for (of, metric, source), found in sorted(measured.items())
            if of == version
        ),
    )


def of_counters(windows: Mapping[int, tuple[Window, float | None]]) -> Live:
    """The picture in what the servers count.

    Args:
        windows: version -> its answers since the look before, and how many seconds ago that was; None: this is the first
            look, which only begins to count.
    """
    total = sum(window.requests for window, seconds in windows.values() if seconds)
    return Live(
        source="servers",
        versions=tuple(
            _counted(version, window, seconds, total) for version, (window, seconds) in sorted(windows.items())
        ),
    )


def _counted(version: int, window: Window, seconds: float | None, total: int) -> Version:
    if not seconds:
        return Version(version=version)
    if not window.requests:
        return Version(version=version, traffic=0.0 if total else None, requests_per_second=0.0)
    return Version(
        version=version,
        traffic=window.requests / total,
        requests_per_second=window.requests / seconds,
        error_share=window.bad / window.requests,
        p50_seconds=quantile(window.latencies, 0.5),
        p99_seconds=quantile(window.latencies, 0.99),
    )


def quantile(counts: Sequence[int], share: float) -> float | None:
    """What that share of the latencies is not above, in seconds; None without any.

    Within a bucket they are taken to lie evenly, and above the last bound at that bound, as Prometheus'
    histogram_quantile has it.

    Args:
        counts: how many took how long, by names.LATENCY_BOUNDS.
        share: 0 to 1.
    """
    rank, below, lower = share * sum(counts), 0, 0.0
    if not rank:
        return None
    for count, bound in zip(counts, names.LATENCY_BOUNDS, strict=False):
        if count and below + count >= rank:
            return lower + (bound - lower) * (rank - below) / count
        below, lower = below + count, bound
    return names.LATENCY_BOUNDS[-1]


def _version(labels: Mapping[str, str]) -> int | None:
    text = labels.get("version", "")
    return int(text) if text.isascii() and text.isdigit() else None
