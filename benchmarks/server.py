"""What the embedded server answers over REST: information, without a target."""

from __future__ import annotations

from dataclasses import astuple
from statistics import median

from benchmarks.figures import Result, Section
from benchmarks.load import Load
from benchmarks.project import project
from benchmarks.traffic import example_body

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
            with Load(connections) as load:
                load.ask(url, body, 1.0)  # warms up
                looks = [astuple(load.ask(url, body, SECONDS)) for _ in range(repeat)]
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
