"""What a server has answered since it started, by its own metrics. Pure.

Two formats become one kind of total. TensorFlow Serving counts probes and requests for metadata as answered requests,
too; so what went well is counted by its latency histogram, which names the interface, and only what failed by its
request counter. It counts no answers with NaN. A failure is one of the server: what a client sent wrong
(INVALID_ARGUMENT, NOT_FOUND, ...) is none.
"""

from __future__ import annotations

import math
import operator
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from jenkins_ml import names
from jenkins_ml.core.monitoring.series import FAILURES, TF_LATENCY, TF_REQUESTS, Server

# Where each kind of server has its metrics.
PATHS: Final[Mapping[Server, str]] = {
    "tensorflow-serving": "/monitoring/prometheus/metrics",
    "jenkins-ml": "/metrics",
}

_LINE: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# Counter of requests and histogram of latencies, by kind of server.
REQUESTS_OF: Final[Mapping[Server, str]] = {"tensorflow-serving": TF_REQUESTS, "jenkins-ml": names.METRIC_REQUESTS}
LATENCY_OF: Final[Mapping[Server, str]] = {"tensorflow-serving": TF_LATENCY, "jenkins-ml": names.METRIC_LATENCY}
_BINS: Final = len(names.LATENCY_BOUNDS) + 1

Sample = tuple[str, Mapping[str, str], float]


@dataclass(frozen=True)
class Totals:
    """Answers since a server started.

    Args:
        well: that went well.
        failed: that failed.
        nan: that held NaN or an infinity.
        slow: that were surely slower than the limit.
        latencies: how many took how long, by `names.LATENCY_BOUNDS`.
    """

    well: int = 0
    failed: int = 0
    nan: int = 0
    slow: int = 0
    latencies: tuple[int, ...] = (0,) * _BINS

    def __add__(self, other: Totals) -> Totals:
        return self._with(other, operator.add)

    def since(self, earlier: Totals) -> Totals:
        """What came after `earlier`. A counter that went down started anew: all of it came after."""
        if self.well < earlier.well or self.failed < earlier.failed:
            return self
        return self.beyond(earlier)

    def beyond(self, other: Totals) -> Totals:
        """What this has more than another, number by number."""
        return self._with(other, lambda mine, theirs: max(0, mine - theirs))

    def at_least(self, other: Totals) -> Totals:
        """The larger of each number."""
        return self._with(other, max)

    def _with(self, other: Totals, both: Callable[[int, int], int]) -> Totals:
        return Totals(
            both(self.well, other.well),
            both(self.failed, other.failed),
            both(self.nan, other.nan),
            both(self.slow, other.slow),
            tuple(both(mine, theirs) for mine, theirs in zip(self.latencies, other.latencies, strict=True)),
        )

    def without(self, own: Totals) -> Totals:
        """Without what the deployer itself asked for, which took it at least as long as it took the server."""
        left, due = list(self.latencies), 0
        for place in reversed(range(_BINS)):
            due += own.latencies[place]
            taken = min(due, left[place])
            left[place] -= taken
            due -= taken
        return Totals(
            max(0, self.well - own.well),
            max(0, self.failed - own.failed),
            max(0, self.nan - own.nan),
            max(0, self.slow - own.slow),
            tuple(left),
        )


def totals(series: Iterable[Sample], server: Server, model: str, version: int, limit_ms: float | None) -> Totals:
    """The totals of one version in what a server shows to Prometheus.

    Args:
        series: that page, or what Prometheus knows of it: name, labels and value of each series.
        server: whose it is.
        model: name of the model.
        version: which.
        limit_ms: answers that took longer are slow, in milliseconds; None: none are. Where it lies within a bucket of
            the histogram, those of that bucket count as quick: only what was surely too slow counts.
    """
    if server == "tensorflow-serving":
        mine = [sample for sample in series if sample[1].get("model_name") == model]
        times = [sample for sample in mine if sample[0].startswith(TF_LATENCY) and sample[1].get("API")]
        return Totals(
            well=_sum(value for name, _, value in times if name == f"{TF_LATENCY}_count"),
            failed=_sum(value for name, labels, value in mine if name == TF_REQUESTS and labels["status"] in FAILURES),
            slow=_slow(times, TF_LATENCY, None if limit_ms is None else limit_ms * 1000),
            latencies=_latencies(times, TF_LATENCY, 1e-6),
        )
    mine = [sample for sample in series if sample[1].get("model") == model and sample[1].get("version") == str(version)]
    requests = [(labels["code"], value) for name, labels, value in mine if name == names.METRIC_REQUESTS]
    return Totals(
        well=_sum(value for code, value in requests if code == "OK"),
        failed=_sum(value for code, value in requests if code in FAILURES),
        nan=_sum(value for name, _, value in mine if name == names.METRIC_NAN),
        slow=_slow(mine, names.METRIC_LATENCY, None if limit_ms is None else limit_ms / 1000),
        latencies=_latencies(mine, names.METRIC_LATENCY, 1.0),
    )


def own(status: int | None, seconds: float, body: bytes, limit_ms: float | None) -> Totals:
    """What one request of the deployer adds to the totals of a server, as far as the deployer can tell."""
    counts = [0] * _BINS
    counts[bisect_left(names.LATENCY_BOUNDS, seconds)] = 1
    slow = int(limit_ms is not None and seconds * 1000 > limit_ms)
    if status == 200:
        nan = int(b"NaN" in body or b"Infinity" in body)
        return Totals(well=1, nan=nan, slow=slow, latencies=tuple(counts))
    if status is not None and (status >= 500 or status in (409, 429)):
        return Totals(failed=1, slow=slow, latencies=tuple(counts))
    return Totals()


def samples(text: str) -> Iterator[Sample]:
    """The series on a page for Prometheus; what is none is left out."""
    for line in text.splitlines():
        if line.startswith("#") or (found := _LINE.match(line)) is None:
            continue
        try:
            value = float(found[3])
        except ValueError:
            continue
        yield found[1], dict(_LABEL.findall(found[2] or "")), value


def _sum(values: Iterable[float]) -> int:
    return int(math.fsum(values))


def _histograms(series: Iterable[Sample], name: str) -> list[list[tuple[float, float]]]:
    """The series of a histogram: upper bounds, rising, and how many observations are not above each."""
    found: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}
    for sample, labels, value in series:
        if sample == f"{name}_bucket":
            key = tuple(sorted((label, text) for label, text in labels.items() if label != "le"))
            found.setdefault(key, {})[float(labels["le"])] = value
    return [sorted(buckets.items()) for buckets in found.values()]


def _slow(series: Iterable[Sample], name: str, limit: float | None) -> int:
    """How many observations are surely above a limit, in the histogram's own unit."""
    if limit is None:
        return 0
    return _sum(
        buckets[-1][1] - next(count for bound, count in buckets if bound >= limit or bound == math.inf)
        for buckets in _histograms(series, name)
    )


def _latencies(series: Iterable[Sample], name: str, unit: float) -> tuple[int, ...]:
    """A histogram by our bounds: each bucket counts where its upper bound lies.

    Args:
        series: that it is among.
        name: of the histogram.
        unit: of it, in seconds.
    """
    counts = [0.0] * _BINS
    for buckets in _histograms(series, name):
        for (_, below), (bound, count) in zip_longest([(0.0, 0.0), *buckets[:-1]], buckets):
            counts[bisect_left(names.LATENCY_BOUNDS, bound * unit)] += count - below
    return tuple(int(count) for count in counts)
