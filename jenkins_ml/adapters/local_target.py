"""The embedded server as a target of releases: live traffic is watched, and examples are replayed where it is short."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jenkins_ml.adapters import recorded, rest_json
from jenkins_ml.adapters.local_server import LocalServer
from jenkins_ml.adapters.replay import replay
from jenkins_ml.core.judge import Evidence, Window

# The canary's share falls back to 0 by itself when nobody renews it for this long.
LEASE_SECONDS = 10.0
_REPLAY_DEADLINE_SECONDS = 60.0


@dataclass
class LocalTarget:
    """One release on an embedded server.

    Args:
        server: the server.
        paths: where the files of a version lie.
        bodies: recorded prediction requests, to be replayed.
        interval: seconds that each step is watched.
        min_requests: answers of the canary that a step needs.
        slower_than_ms: the latency limit; None for none.
        sleep: waits for some seconds.
    """

    server: LocalServer
    paths: Mapping[int, Path]
    bodies: tuple[bytes, ...]
    interval: float
    min_requests: int
    slower_than_ms: float | None
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self._traffic: tuple[int | None, int | None, int] = (None, None, 0)

    def load(self, version: int) -> None:
        """Load and warm a version; one that was kept ready is taken as it is."""
        if not self.server.has(version):
            self.server.load(version, self.paths[version])

    def unload(self, version: int) -> None:
        """Take a version out."""
        self.server.unload(version)

    def route(self, stable: int | None, canary: int | None, weight: int) -> None:
        """Split the traffic."""
        self._traffic = (stable, canary, weight)
        self._renew()

    def watch(self, candidate: int, stable: int | None) -> Evidence:
        """Watch for one interval; replay what live traffic lacks to both versions; answer what was seen."""
        since = self._sequences()
        # A first release gets no live traffic yet that would be worth waiting for.
        ends = time.monotonic() + (self.interval if stable is not None else 0.0)
        while (left := ends - time.monotonic()) > 0:
            self.sleep(min(left, LEASE_SECONDS / 4))
            self._renew()
        missing = self.min_requests - self._seen(candidate, since, pinned=False).requests
        if missing > 0:
            versions = (candidate,) if stable is None else (candidate, stable)
            replay(self.server, versions, self.bodies, missing, deadline_seconds=_REPLAY_DEADLINE_SECONDS)
            self._renew()
        return Evidence(
            live=self._seen(candidate, since, pinned=False),
            live_stable=self._seen(stable, since, pinned=False),
            replayed=self._seen(candidate, since, pinned=True),
            replayed_stable=self._seen(stable, since, pinned=True),
        )

    def _renew(self) -> None:
        stable, canary, weight = self._traffic
        if stable is not None:
            self.server.set_traffic(stable, canary, weight, LEASE_SECONDS)

    def _sequences(self) -> dict[int, int]:
        return {int(version): state["sequence"] for version, state in self.server.state()["versions"].items()}

    def _seen(self, version: int | None, since: Mapping[int, int], *, pinned: bool) -> Window:
        """The answers of a version since then: replayed ones name it, live ones do not."""
        if version is None:
            return Window()
        seen = self.server.window(version, since.get(version, 0), self.slower_than_ms, pinned)
        return Window(requests=seen.requests, failed=seen.failed + seen.nan, slow=seen.slow)


def request_bodies(predictions: Path) -> tuple[bytes, ...]:
    """The examples kept beside predictions as REST predict requests, one row each."""
    with np.load(predictions, allow_pickle=False) as arrays:
        return rest_json.bodies(recorded.below(arrays, recorded.REPLAY))
