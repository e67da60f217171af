"""What logging every request for machines costs the embedded server: the same server with and without, in turns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.figures import Result, Section
from benchmarks.project import project
from benchmarks.server import _load
from benchmarks.traffic import example_body
from jenkins_ml.adapters import server_process
from jenkins_ml.adapters.local_server import LocalServer
from jenkins_ml.core.origin import Origin

CONNECTIONS = 4
SECONDS = 2.0
# "Monitoring costs the server at most 5 % of its throughput": then a request costs at most 1 / 0.95 as much.
MOST_RATIO = 1 / 0.95
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Look:
    """Requests a second, CPU-milliseconds of the server for one, and the 99th percentile of the latency in milliseconds."""

    rate: float
    cpu: float
    slowest: float


def measure(repeat: int) -> Section:
    """Requests as fast as the answers come; each pair of looks is one with logs and one without, next to each other."""
    with project("digits") as made:
        print("server-logs: training the digits model", flush=True)
        made.jenkins_ml("run", "--from", "train", "--until", "gate", run_name="bench")
        version = next((made.folder / ".jenkins-ml/models/digits/versions").iterdir())
        body, logs = example_body(made.folder), made.folder / "logs"
        with (
            _server(made.folder / "without", version, None) as without,
            _server(made.folder / "with", version, logs) as own,
        ):
            for server in (without, own):
                _look(server, body)  # warms up
            pairs = []
            for number in range(repeat):
                order = (own, without) if number % 2 else (without, own)
                looks = {server.pid: _look(server, body) for server in order}
                pairs.append((looks[own.pid], looks[without.pid]))
            written = sum(path.stat().st_size for path in logs.iterdir())
            lines = sum(path.read_bytes().count(b"\n") for path in logs.iterdir())
    ours, peers = zip(*pairs, strict=True)
    return Section(
        results=(
            Result(
                name="CPU of one request",
                unit="ms",
                ours=median(look.cpu for look in ours),
                peer=median(look.cpu for look in peers),
                most_ratio=MOST_RATIO,
                note=f"median ratio of a pair {median(a.cpu / b.cpu for a, b in pairs):.3f}",
            ),
            Result(
                name="time between two answers",
                unit="ms",
                ours=median(1000 / look.rate for look in ours),
                peer=median(1000 / look.rate for look in peers),
                most_ratio=MOST_RATIO,
                note=f"median ratio of a pair {median(b.rate / a.rate for a, b in pairs):.3f}",
            ),
            Result(
                name="99th percentile of the latency",
                unit="ms",
                ours=median(look.slowest for look in ours),
                peer=median(look.slowest for look in peers),
            ),
            Result(name="size of a line", unit="bytes", ours=written / lines),
        )
    )


@contextmanager
def _server(folder: Path, version: Path, logs: Path | None) -> Iterator[LocalServer]:
    server = server_process.start(folder / "state", "digits", "production", 0, 0, folder / "log", logs=logs)
    try:
        server.tell_origin(
            1, Origin(run="digits-17", commit="0" * 40, build="https://ci.example.com/job/digits/17/", release=1)
        )
        server.load(1, version)
        server.set_traffic(1, None, 0, 0)
        yield server
    finally:
        server.stop()


def _look(server: LocalServer, body: bytes) -> Look:
    began = _cpu_seconds(server.pid)
    rate, _, slowest = _load(server.rest_url("digits"), body, CONNECTIONS, SECONDS)
    return Look(rate, (_cpu_seconds(server.pid) - began) / (rate * SECONDS) * 1000, slowest)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
