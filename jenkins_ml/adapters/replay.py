"""Recorded requests, sent again: what a canary is judged by where there is too little live traffic."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from jenkins_ml.adapters.local_server import LocalServer


def replay(
    server: LocalServer,
    versions: tuple[int, ...],
    bodies: Sequence[bytes],
    requests_per_version: int,
    concurrency: int = 4,
    deadline_seconds: float = 60.0,
) -> int:
    """Send recorded requests to each of some versions in turn, whatever the traffic; the server counts the outcomes.

    Args:
        server: where.
        versions: each gets the same requests.
        bodies: JSON of the requests; used again from the first when there are fewer than wanted.
        requests_per_version: how many each version gets.
        concurrency: how many are under way at once.
        deadline_seconds: none is sent after this long.

    Returns:
        how many were sent, to all versions together.

    Raises:
        Unavailable: the server does not answer.
    """
    deadline = time.monotonic() + deadline_seconds
    questions = _interleaved(versions, bodies, requests_per_version)
    lock = threading.Lock()

    def send() -> int:
        sent = 0
        while time.monotonic() < deadline:
            with lock:
                question = next(questions, None)
            if question is None:
                break
            server.predict(*question)
            sent += 1
        return sent

    with ThreadPoolExecutor(concurrency) as pool:
        return sum([future.result() for future in [pool.submit(send) for _ in range(concurrency)]])


def _interleaved(versions: tuple[int, ...], bodies: Sequence[bytes], count: int) -> Iterator[tuple[int, bytes]]:
    return ((version, bodies[index % len(bodies)]) for index in range(count) for version in versions)
