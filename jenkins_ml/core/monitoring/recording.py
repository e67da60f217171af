"""The recording rules of an environment: one vocabulary above both kinds of servers.

What stands for a version is `jenkins_ml_version:...`, what stands for the environment `jenkins_ml:...`. A window in a name
is the one that it is for a period of 30 days, whatever the period is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from jenkins_ml.core.monitoring.promql import select
from jenkins_ml.core.monitoring.series import Series, by_version
from jenkins_ml.core.monitoring.windows import LONG, PERIOD, SHORT, Windows

AVAILABILITY: Final = "availability"
LATENCY: Final = "latency"
LATENCY_OBJECTIVE: Final = 0.99  # the promise is about the 99th percentile
BY_ENVIRONMENT: Final = "model, environment"
# Counted anew at each evaluation; longer windows are put together of these.
COUNTED: Final = ("2m", SHORT, "30m", LONG, "6h")
OF_ENVIRONMENT: Final = (SHORT, "30m", LONG, "6h")
PUT_TOGETHER: Final = ("2h", "1d", "3d", PERIOD)


@dataclass(frozen=True)
class Record:
    """A series that Prometheus records.

    Args:
        name: of it.
        expression: what it is.
        labels: that it gets beside those of the expression, and model and environment.
    """

    name: str
    expression: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Promise:
    """What users are promised, and how its alerts look at it.

    Args:
        availability: the share of requests that are answered.
        latency_p99_ms: 99 of 100 requests are answered this quickly; None: not looked at.
        min_failures: within the window of an alert before there is one.
    """

    availability: float
    latency_p99_ms: float | None
    min_failures: int


def requests(window: str) -> str:
    """The name of the series with the requests by version within a window; the pages' long one is plain."""
    return f"jenkins_ml_version:requests:increase{'' if window == LONG else window}"


def bad(window: str) -> str:
    """The name of the series with the requests that break the promise, by version and `slo`."""
    return f"jenkins_ml_version:bad:increase{window}"


def ratio(window: str) -> str:
    """The name of the series with the share of an environment's requests that breaks the promise, by `slo`."""
    return f"jenkins_ml:bad_per_request:ratio{window}"


def objectives(series: Series, promise: Promise) -> dict[str, float]:
    """What is promised and can be counted: the share of good requests by the name of the promise."""
    found = {AVAILABILITY: promise.availability}
    if promise.latency_p99_ms is not None and series.bound(promise.latency_p99_ms) is not None:
        found[LATENCY] = LATENCY_OBJECTIVE
    return found


def quick(series: Series, promise: Promise, windows: Windows) -> Iterator[Record]:
    """What is evaluated with every scrape: all that alerts which wake somebody up rest on, and the rates of now."""
    for window in COUNTED:
        yield from _of_versions(series, promise, window, windows.length(window))
    length = windows.length(SHORT)
    every, per_second = select(requests(SHORT), **series.labels), f"/ {windows.seconds(SHORT):g}"
    yield Record("jenkins_ml_version:requests:rate", f"{every} {per_second}")
    yield Record("jenkins_ml_version:failures:rate", f"({_or_none(series.failures(length), every)}) {per_second}")
    if LATENCY in objectives(series, promise):
        slow = select(bad(SHORT), **series.labels, slo=LATENCY)
        yield Record("jenkins_ml_version:slow:rate", f"{by_version(slow)} {per_second}")
    if series.counts_nan:
        yield Record("jenkins_ml_version:nan:rate", f"({_or_none(series.nan(length), every)}) {per_second}")
    for share in (0.5, 0.99):
        name = f"jenkins_ml_version:latency_seconds:p{share * 100:g}"
        yield Record(name, series.quantile(share, length))
    every = select(requests(LONG), **series.labels)
    failed = _or_none(series.failures(windows.length(LONG)), every)
    yield Record("jenkins_ml_version:failures:increase", failed)
    recent = select(requests(SHORT), **series.labels)
    whole = f"(sum by ({BY_ENVIRONMENT}) ({recent}) > 0)"
    yield Record("jenkins_ml_version:traffic:share", f"{recent} / on ({BY_ENVIRONMENT}) group_left () {whole}")
    for window in OF_ENVIRONMENT:
        yield Record(
            f"jenkins_ml:requests:increase{window}",
            f"sum by ({BY_ENVIRONMENT}) ({select(requests(window), **series.labels)})",
        )
        yield Record(
            f"jenkins_ml:bad:increase{window}",
            f"sum by ({BY_ENVIRONMENT}, slo) ({select(bad(window), **series.labels)})",
        )
        yield _ratio(series, window)
    yield from _burn(series, promise)


def slow(series: Series, promise: Promise, windows: Windows) -> Iterator[Record]:
    """What is evaluated rarely: the windows of tickets, and the budget of the whole period.

    They are sums over the short window, as often as it goes into them. Counters themselves would have to be read over
    30 days each time, and those of servers that are gone would be missing.
    """
    step = windows.length(SHORT)
    for window in PUT_TOGETHER:
        for what in ("requests", "bad"):
            recent = select(f"jenkins_ml:{what}:increase{SHORT}", **series.labels)
            yield Record(
                f"jenkins_ml:{what}:increase{window}", f"sum_over_time({recent}[{windows.length(window)}:{step}])"
            )
        yield _ratio(series, window)
    for slo, objective in objectives(series, promise).items():
        whole = select(ratio(PERIOD), **series.labels, slo=slo)
        yield Record("jenkins_ml:slo:budget_left", f"1 - {whole} / {1 - objective:.6g}", {"slo": slo})


def threshold(factor: float, objective: float) -> float:
    """The share of bad requests that uses up the budget this many times as fast as it may."""
    return float(f"{factor * (1 - objective):.6g}")


def _of_versions(series: Series, promise: Promise, window: str, length: str) -> Iterator[Record]:
    every = select(requests(window), **series.labels)
    yield Record(requests(window), series.requests(length))
    failed = _or_none(series.failures(length), every)
    if series.counts_nan:
        failed = f"({failed}) + ({_or_none(series.nan(length), every)})"
    yield Record(bad(window), failed, {"slo": AVAILABILITY})
    late = None if promise.latency_p99_ms is None else series.slow(length, promise.latency_p99_ms)
    if late is not None:
        yield Record(bad(window), _or_none(late, every), {"slo": LATENCY})


def _burn(series: Series, promise: Promise) -> Iterator[Record]:
    for slo, objective in objectives(series, promise).items():
        yield Record("jenkins_ml:slo:objective", f"vector({objective:.6g})", {"slo": slo})
        recent = select(ratio(LONG), **series.labels, slo=slo)
        yield Record("jenkins_ml:slo:burn_rate", f"{recent} / {1 - objective:.6g}", {"slo": slo})


def _ratio(series: Series, window: str) -> Record:
    some = f"({select(f'jenkins_ml:requests:increase{window}', **series.labels)} > 0)"
    broken = select(f"jenkins_ml:bad:increase{window}", **series.labels)
    return Record(ratio(window), f"{broken} / on ({BY_ENVIRONMENT}) group_left () {some}")


def _or_none(counted: str, every: str) -> str:
    """What was counted, and 0 for versions of which such a thing never was."""
    return f"{counted} or 0 * {every}"
