"""What the embedded server answers over REST: information, without a target."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from statistics import median, quantiles

from benchmarks.figures import Result, Section
from benchmarks.project import project
from benchmarks.traffic import Client, example_body

CONNECTIONS = (1, 4)
SECONDS = 5.0


def measure(repeat: int) -> Section:
    """Requests as fast as the answers come, from one process a connection."""
    results = []
    with project("digits") as made:
        print("server: training and releasing the digits model", flush=True)
        made.jenkins_ml("run", "--from", "train", run_name="bench")
        url, body = made.server()["rest"], example_body(made.folder)
        for connections in CONNECTIONS:
            _load(url, body, connections, 1.0)  # warms up
            looks = [_load(url, body, connections, SECONDS) for _ in range(repeat)]
            of = f"{connections} connection{'s' * (connections > 1)}"
            for name, unit, values in zip(
                ("requests", "median latency", "99th percentile of the latency"),
                ("a second", "ms", "ms"),
                zip(*looks, strict=True),
                strict=True,
            ):
                results.append(Result(name=f"{of}: {name}", unit=unit, ours=median(values)))
            print(f"server: {of}: {results[-3].ours:.0f} requests a second", flush=True)
    return Section(results=tuple(results))


def _load(url: str, body: bytes, connections: int, seconds: float) -> tuple[float, float, float]:
    """Requests a second, and the 50th and 99th percentile of the latency in milliseconds."""
    with ProcessPoolExecutor(connections, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(time.sleep, [0.5] * connections))  # all of them have started
        begins = time.monotonic() + 0.2
        futures = [pool.submit(_ask, url, body, begins, seconds) for _ in range(connections)]
        latencies = [latency for future in futures for latency in future.result()]
    cuts = quantiles(latencies, n=100)
    return len(latencies) / seconds, cuts[49] * 1000, cuts[98] * 1000


def _ask(url: str, body: bytes, begins: float, seconds: float) -> list[float]:
    """Latencies in seconds; every answer must be one."""
    client = Client(url, body)
    latencies = []
    time.sleep(max(0.0, begins - time.monotonic()))
    while time.monotonic() < begins + seconds:
        answer = client.ask()
        if not answer.ok:
            raise RuntimeError(f"a request failed: {answer}")
        latencies.append(answer.took)
    client.close()
    return latencies
