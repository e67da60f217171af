"""What summarising requests costs the embedded server: with a reference beside the model and without one, in turns."""

from __future__ import annotations

import json
import random
import shutil
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.figures import Result, Section, Table
from benchmarks.project import project
from benchmarks.server_logs import MOST_RATIO, Look, _look, _server
from benchmarks.traffic import example_body
from jenkins_ml import names
from jenkins_ml.adapters.local_server import LocalServer
from jenkins_ml.core.drift.reference import Reference
from jenkins_ml.server.summaries import Summariser

ROWS = (1, 32)  # of a request to the digits model: a single one of a user, and a batch
REQUESTS = (("1 row of 4 values", 1, (4,)), ("32 rows of 784 values", 32, (784,)), ("32 rows of 50 values", 32, (50,)))
RATES = (100, 1000)  # requests a second
_TIMED = 4.0  # seconds of such requests


def measure(repeat: int) -> Section:
    """Requests as fast as the answers come; each pair of looks is one with summaries and one without, next to each other."""
    with project("digits") as made:
        print("server-drift: training the digits model", flush=True)
        made.jenkins_ml("run", "--from", "train", "--until", "gate", run_name="bench")
        version = next((made.folder / ".jenkins-ml/models/digits/versions").iterdir())
        plain = made.folder / "plain"
        shutil.copytree(version, plain)
        (plain / names.REFERENCE).unlink()
        with (
            _server(made.folder / "without", plain, None) as without,
            _server(made.folder / "with", version, None) as own,
        ):
            results = []
            for rows in ROWS:
                print(f"server-drift: requests of {rows} rows", flush=True)
                results += _results(f"{rows} rows of 64 values", own, without, _body(made.folder, rows), repeat)
            summary = own.summary(1)
            if summary is None or not summary[1].rows or without.summary(1) is not None:
                raise SystemExit("the servers are not what they should be")
    return Section(
        results=tuple(results),
        peer="without summaries",
        tables=(
            Table(
                title="CPU of the summaries alone, for a request of which the sample may have 1,000 rows a second",
                columns=("request", *(f"{rate} requests a second" for rate in RATES)),
                rows=tuple(
                    (name, *(f"{_alone(rows, shape, rate):.1f} µs" for rate in RATES)) for name, rows, shape in REQUESTS
                ),
            ),
        ),
    )


def _results(name: str, own: LocalServer, without: LocalServer, body: bytes, repeat: int) -> list[Result]:
    for server in (without, own):
        _look(server, body)  # warms up
    pairs: list[tuple[Look, Look]] = []
    for number in range(repeat):
        order = (own, without) if number % 2 else (without, own)
        looks = {server.pid: _look(server, body) for server in order}
        pairs.append((looks[own.pid], looks[without.pid]))
    ours, others = zip(*pairs, strict=True)
    return [
        Result(
            name=f"{name}: CPU of one request",
            unit="ms",
            ours=median(look.cpu for look in ours),
            peer=median(look.cpu for look in others),
            most_ratio=MOST_RATIO,
            note=f"median ratio of a pair {median(one.cpu / other.cpu for one, other in pairs):.3f}",
        ),
        Result(
            name=f"{name}: time between two answers",
            unit="ms",
            ours=median(1000 / look.rate for look in ours),
            peer=median(1000 / look.rate for look in others),
            most_ratio=MOST_RATIO,
            note=f"median ratio of a pair {median(other.rate / one.rate for one, other in pairs):.3f}",
        ),
        Result(
            name=f"{name}: 99th percentile of the latency",
            unit="ms",
            ours=median(look.slowest for look in ours),
            peer=median(look.slowest for look in others),
        ),
    ]


def _body(folder: Path, rows: int) -> bytes:
    [row] = json.loads(example_body(folder))["instances"]
    return json.dumps({"instances": [row] * rows}).encode()


def _alone(rows: int, shape: tuple[int, ...], rate: int) -> float:
    """CPU-microseconds a request, once the first second has told how many there are."""
    generator = np.random.default_rng(1)
    made = Reference()
    made.add({"x": generator.random((3000, *shape))}, generator.random((3000, 10)))
    summary = made.summary()
    if summary is None:
        raise SystemExit("there is no reference")
    now = [0.0]
    summariser = Summariser(summary, random.Random(1), lambda: now[0])
    inputs = {"x": generator.random((rows, *shape)).astype(np.float32)}
    outputs = {"y": generator.random((rows, 10)).astype(np.float32)}
    began = 0.0
    for number in range(round(rate * (_TIMED + 1.5))):
        if now[0] >= 1.5 and not began:
            began, first = time.process_time(), number
        now[0] += 1 / rate
        summariser.offer(inputs, outputs)
    return (time.process_time() - began) / (number + 1 - first) * 1e6
