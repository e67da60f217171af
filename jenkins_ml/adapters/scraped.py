"""What Prometheus has scraped of two versions, as evidence for the canary's judge instead of the servers' own counters.

Counters are taken raw, and each server's restarts are recognised here: `increase()` would extrapolate, and the judge
counts answers. What the deployer itself asked is taken off as soon as it was scraped.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.prometheus import Prometheus, Sample
from jenkins_ml.adapters.server_counters import LATENCY_OF, REQUESTS_OF, Totals, own, totals
from jenkins_ml.adapters.target import Answer, Watched
from jenkins_ml.core.judge import Window
from jenkins_ml.core.monitoring.promql import matching
from jenkins_ml.core.monitoring.series import Server
from jenkins_ml.errors import Unavailable

_MISSED_SCRAPES: Final = 4  # that many in a row are a failure, and not chance
_LEAST_PATIENCE: Final = 5.0  # seconds
# What tells apart the series of one server. The rest of their labels are the server's own place: instance, pod, job, ...
_OF_SERIES: Final = frozenset({"code", "status", "le", "API", "entrypoint", "method", "model", "model_name", "version"})


@dataclass
class _Account:
    """What is known of one version.

    Args:
        begun: whether it was looked at.
        fresh: whether nothing was known of it then: all that its servers count came after.
        last: the totals of each of its servers when they were looked at.
        users: answers since the first look, and not of ours; it only grows.
        counted: answers since the first look, whoever asked.
        own: what was asked by us since then.
        first_own: when the first of that was asked.
    """

    begun: bool = False
    fresh: bool = False
    last: dict[frozenset[tuple[str, str]], Totals] = field(default_factory=dict)
    counted: Totals = field(default_factory=Totals)
    users: Totals = field(default_factory=Totals)
    own: Totals = field(default_factory=Totals)
    first_own: float | None = None


@dataclass
class ScrapedAnswers:
    """A release's target as Prometheus sees it; everything else is asked of the target itself. For any thread.

    Args:
        target: where the release goes on.
        prometheus: the server that scrapes it.
        model: name of the model.
        environment: name of the environment.
        server: what kind of server answers.
        limit_ms: answers that took longer are slow, in milliseconds; None: none are.
        scrape_seconds: how often it is scraped.
        clock: seconds that only go forward.
        wall: seconds since 1970.
    """

    target: Watched
    prometheus: Prometheus
    model: str
    environment: str
    server: Server
    limit_ms: float | None
    scrape_seconds: float
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    _accounts: defaultdict[int, _Account] = field(default_factory=lambda: defaultdict(_Account), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def patience(self) -> float:
        """Seconds after which what was not scraped is missing."""
        return max(_LEAST_PATIENCE, _MISSED_SCRAPES * self.scrape_seconds)

    def renew(self) -> None:
        """Say that the deployer still lives."""
        self.target.renew()

    def sample(self, percent: int) -> tuple[bytes, ...]:
        """Requests of users."""
        return self.target.sample(percent)

    def ask(self, version: int, body: bytes, seconds: float) -> Answer:
        """Ask one version; not counted in `seen`."""
        answer = self.target.ask(version, body, seconds)
        asked = own(answer.status, answer.seconds, answer.body, self.limit_ms)
        with self._lock:
            account = self._accounts[version]
            account.own += asked
            if account.first_own is None and asked != Totals():
                account.first_own = self.clock()
        return answer

    def seen(self, version: int) -> Window:
        """The answers of a version to users that were scraped since this was asked the last time; the first time begins.

        Raises:
            Unavailable: Prometheus does not answer, or no longer scrapes this version. A release without evidence ends.
        """
        of_version = matching(model=self.model, environment=self.environment, version=str(version))
        found = self._by_server(version, self.prometheus.query(self._everything(of_version)))
        account = self._accounts[version]
        with self._lock:
            self._take(account, found)
            due = account.first_own is not None and self.clock() - account.first_own > self.patience
        if due:
            self._make_sure_it_is_scraped(version, of_version)
        with self._lock:
            users = account.users.at_least(account.counted.without(account.own))
            new, account.users = users.beyond(account.users), users
        return Window(
            requests=new.well + new.failed, failed=new.failed, nan=new.nan, slow=new.slow, latencies=new.latencies
        )

    def _everything(self, of_version: str) -> str:
        """All counters of a version in one query."""
        latency = LATENCY_OF[self.server]
        metrics = (REQUESTS_OF[self.server], names.METRIC_NAN, f"{latency}_bucket", f"{latency}_count")
        return f'{{__name__=~"{"|".join(metrics)}",{of_version}}}'

    def _by_server(self, version: int, samples: Iterable[Sample]) -> dict[frozenset[tuple[str, str]], Totals]:
        servers: defaultdict[frozenset[tuple[str, str]], list[tuple[str, Mapping[str, str], float]]] = defaultdict(list)
        for sample in samples:
            place = frozenset(item for item in sample.labels.items() if item[0] not in {"__name__", *_OF_SERIES})
            servers[place].append((sample.labels.get("__name__", ""), sample.labels, sample.value))
        return {
            place: totals(series, self.server, self.model, version, self.limit_ms) for place, series in servers.items()
        }

    @staticmethod
    def _take(account: _Account, found: Mapping[frozenset[tuple[str, str]], Totals]) -> None:
        if not account.begun:
            account.begun, account.fresh = True, not found
        for place, current in found.items():
            before = account.last.get(place, Totals() if account.fresh else None)
            if before is not None:
                account.counted += current.since(before)
            account.last[place] = current

    def _make_sure_it_is_scraped(self, version: int, of_version: str) -> None:
        """We have asked this version ourselves, so its server has something to tell."""
        newest = self.prometheus.query(f"max(timestamp({REQUESTS_OF[self.server]}{{{of_version}}}))")
        if newest and self.wall() - newest[0].value <= self.patience:
            return
        known = f"nothing for {self.wall() - newest[0].value:.0f} s" if newest else "nothing at all"
        raise Unavailable(
            f"Prometheus has scraped {known} of version {version} in {self.environment}, which has been asked",
            "look at its targets, and whether monitoring/prometheus/scrape.yaml is loaded and monitor.scrape_interval is "
            "its interval; or judge by the servers' own counters: monitor.prometheus.judge: false",
        )
