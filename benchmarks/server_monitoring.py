"""What monitoring costs the embedded server, all of it and each part alone: beside the same server without, in turns."""

from __future__ import annotations

import json
import random
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.figures import Result, Section, Table
from benchmarks.load import Load
from benchmarks.processes import cpu_of
from benchmarks.project import project
from benchmarks.traffic import example_body
from jenkins_ml import names
from jenkins_ml.adapters import server_process
from jenkins_ml.adapters.local_server import LocalServer
from jenkins_ml.core.drift.reference import Reference
from jenkins_ml.core.origin import Origin
from jenkins_ml.server.summaries import Summariser

CONNECTIONS = 4
SECONDS = 2.0  # of a look
# Before it: the summaries' sample follows how many rows came in the second before, and a server that was left alone for a
# while would count all of them.
LEAD_SECONDS = 1.2
# "Monitoring costs the server at most 5 % of its throughput": then a request costs at most 1 / 0.95 as much.
MOST_RATIO = 1 / 0.95
_MODEL = "digits"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # all of it is on this machine


@dataclass(frozen=True)
class Watched:
    """How a server is watched: what it logs, summarises, keeps, and whether somebody scrapes its metrics each second."""

    logs: bool = False
    summaries: bool = False
    answers: bool = False
    scraped: bool = False


ALL = Watched(logs=True, summaries=True, answers=True, scraped=True)
PARTS = {
    "all of it": ALL,
    "a line for each request": Watched(logs=True),
    "summaries": Watched(summaries=True),
    "answers kept": Watched(answers=True),
    "metrics scraped each second": Watched(scraped=True),
}
# Rows of a request of 64 values each, and what is looked at: a single one of a user, and a batch, whose rows cost more.
REQUESTS = {1: tuple(PARTS), 32: ("all of it", "summaries", "answers kept")}
SUMMARISED = (
    ("1 row of 4 values", 1, (4,)),
    ("1 row of 64 values", 1, (64,)),
    ("32 rows of 50 values", 32, (50,)),
    ("32 rows of 784 values", 32, (784,)),
)
RATES = (100, 1000)  # requests a second
_TIMED = 4.0  # seconds of such requests


@dataclass(frozen=True)
class Look:
    """Requests a second, CPU-milliseconds of the server for one, and the 99th percentile of the latency in milliseconds."""

    rate: float
    cpu: float
    slowest: float


Pair = tuple[Look, Look]  # of one that is watched and, right before or after it, of one that is not


def measure(repeat: int) -> Section:
    """Requests as fast as the answers come, each with an id of its own; `repeat` pairs of looks for each part."""
    results: list[Result] = []
    with project("digits") as made, ExitStack() as stack:
        print("server-monitoring: training the digits model", flush=True)
        made.jenkins_ml("run", "--from", "train", "--until", "gate", run_name="bench")
        version = next((made.folder / ".jenkins-ml/models/digits/versions").iterdir())
        nothing = stack.enter_context(_server(made.folder / "nothing", version, Watched()))
        servers = {
            # Who is only scraped is the one without anything, while somebody scrapes it.
            name: nothing
            if watched == Watched(scraped=True)
            else stack.enter_context(_server(made.folder / name.replace(" ", "-"), version, watched))
            for name, watched in PARTS.items()
        }
        load = stack.enter_context(Load(CONNECTIONS))
        for rows, parts in REQUESTS.items():
            body = _body(made.folder, rows)
            pairs: dict[str, list[Pair]] = {name: [] for name in parts}
            for number in range(repeat):
                print(f"server-monitoring: requests of {rows} rows: {number + 1} of {repeat}", flush=True)
                for name in parts:
                    pairs[name].append(_pair(load, servers[name], nothing, body, PARTS[name], first=bool(number % 2)))
            for name, found in pairs.items():
                results += _results(f"{_rows(rows)}: {name}", found, whole=name == "all of it")
        _expect_watched(made.folder / "all-of-it", servers["all of it"], nothing)
    return Section(results=tuple(results), peer="the server alone", tables=(_summaries(),))


def _rows(rows: int) -> str:
    return f"{rows} row{'s' * (rows > 1)}"


def _pair(load: Load, own: LocalServer, nothing: LocalServer, body: bytes, watched: Watched, *, first: bool) -> Pair:
    asked = [(own, watched), (nothing, Watched())]
    looks = [_look(load, server, body, how) for server, how in (asked if first else reversed(asked))]
    one, other = looks if first else reversed(looks)
    return one, other


def _results(name: str, pairs: list[Pair], *, whole: bool) -> list[Result]:
    """Smaller is better: the time between two answers stands for their rate. The target is for all parts together."""
    ours, others = zip(*pairs, strict=True)
    most_ratio = MOST_RATIO if whole else None
    results = [
        Result(
            name=f"{name}: CPU of one request",
            unit="ms",
            ours=median(look.cpu for look in ours),
            peer=median(look.cpu for look in others),
            most_ratio=most_ratio,
            note=f"median ratio of a pair {median(one.cpu / other.cpu for one, other in pairs):.3f}",
        ),
        Result(
            name=f"{name}: time between two answers",
            unit="ms",
            ours=median(1000 / look.rate for look in ours),
            peer=median(1000 / look.rate for look in others),
            most_ratio=most_ratio,
            note=f"median ratio of a pair {median(other.rate / one.rate for one, other in pairs):.3f}",
        ),
    ]
    if whole:
        results.append(
            Result(
                name=f"{name}: 99th percentile of the latency",
                unit="ms",
                ours=median(look.slowest for look in ours),
                peer=median(look.slowest for look in others),
            )
        )
    return results


@contextmanager
def _server(folder: Path, version: Path, watched: Watched) -> Iterator[LocalServer]:
    model = folder / "model"
    shutil.copytree(version, model)
    if not watched.summaries:
        (model / names.REFERENCE).unlink()
    server = server_process.start(
        folder / "state",
        _MODEL,
        "production",
        0,
        0,
        folder / "log",
        logs=folder / "logs" if watched.logs else None,
        answers=(folder / "answers", 1.0) if watched.answers else None,
    )
    try:
        if watched.logs:
            server.tell_origin(
                1, Origin(run="digits-17", commit="0" * 40, build="https://ci.example.com/job/digits/17/", release=1)
            )
        server.load(1, model)
        server.set_traffic(1, None, 0, 0)
        yield server
    finally:
        server.stop()


def _look(load: Load, server: LocalServer, body: bytes, watched: Watched) -> Look:
    url = server.rest_url(_MODEL)
    with _scraped(server) if watched.scraped else ExitStack():
        load.ask(url, body, LEAD_SECONDS, named=True)
        began = cpu_of(server.pid)
        speed = load.ask(url, body, SECONDS, named=True)
        used = cpu_of(server.pid) - began
    return Look(speed.rate, used / (speed.rate * SECONDS) * 1000, speed.slowest)


@contextmanager
def _scraped(server: LocalServer) -> Iterator[None]:
    """Read its metrics after each second, as Prometheus does."""
    stop = threading.Event()

    def scrape() -> None:
        while not stop.wait(1.0):
            with _OPENER.open(f"http://127.0.0.1:{server.rest_port}/metrics", timeout=10) as answer:
                answer.read()

    thread = threading.Thread(target=scrape, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(15)


def _expect_watched(folder: Path, own: LocalServer, nothing: LocalServer) -> None:
    """Raises SystemExit unless the one has kept everything, and the other one nothing."""
    time.sleep(1.0)  # lines are written a little later
    summary = own.summary(1)
    kept = [
        "a line for each request" if any((folder / "logs").rglob("*")) else "",
        "answers" if any((folder / "answers").rglob("*.csv")) else "",
        "summaries" if summary is not None and summary[1].rows else "",
    ]
    if not all(kept) or nothing.summary(1) is not None:
        raise SystemExit(f"the servers are not what they should be: of all only {kept} were kept")


def _body(folder: Path, rows: int) -> bytes:
    [row] = json.loads(example_body(folder))["instances"]
    return json.dumps({"instances": [row] * rows}).encode()


def _summaries() -> Table:
    return Table(
        title="CPU of the summaries alone, for a request of which the sample may have 1,000 rows a second",
        columns=("request", *(f"{rate} requests a second" for rate in RATES)),
        rows=tuple(
            (name, *(f"{_alone(rows, shape, rate):.1f} µs" for rate in RATES)) for name, rows, shape in SUMMARISED
        ),
    )


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
