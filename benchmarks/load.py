"""Predictions as fast as the answers come: each connection is kept open by a process of its own."""

from __future__ import annotations

import multiprocessing
import time
import uuid
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import quantiles
from types import TracebackType
from typing import Self

from benchmarks.traffic import Client


@dataclass(frozen=True)
class Speed:
    """Requests a second, and the 50th and 99th percentile of the latency in milliseconds."""

    rate: float
    usual: float
    slowest: float


class Load:
    """The processes, until the end of the block.

    Args:
        connections: how many.
    """

    def __init__(self, connections: int) -> None:
        self._connections = connections

    def __enter__(self) -> Self:
        self._pool = ProcessPoolExecutor(self._connections, multiprocessing.get_context("spawn"))
        list(self._pool.map(time.sleep, [0.5] * self._connections))  # all of them have started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def ask(self, url: str, body: bytes, seconds: float, *, named: bool = False) -> Speed:
        """Ask for that long; every answer must be one.

        Args:
            url: of the model.
            body: of each request.
            seconds: how long.
            named: whether each request has an id of its own.
        """
        begins = time.monotonic() + 0.2
        futures = [self._pool.submit(_ask, url, body, begins, seconds, named) for _ in range(self._connections)]
        latencies = [latency for future in futures for latency in future.result()]
        cuts = quantiles(latencies, n=100)
        return Speed(len(latencies) / seconds, cuts[49] * 1000, cuts[98] * 1000)


def _ask(url: str, body: bytes, begins: float, seconds: float, named: bool) -> list[float]:
    """Latencies in seconds."""
    client, prefix = Client(url, body), uuid.uuid4().hex
    latencies: list[float] = []
    time.sleep(max(0.0, begins - time.monotonic()))
    while time.monotonic() < begins + seconds:
        answer = client.ask(f"{prefix}-{len(latencies)}" if named else None)
        if not answer.ok:
            raise RuntimeError(f"a request failed: {answer}")
        latencies.append(answer.took)
    client.close()
    return latencies
