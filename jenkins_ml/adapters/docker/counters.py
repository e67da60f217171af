"""What the proxy has counted since it was started, by version, and as windows of the judge. Pure.

A request counts for the version that it was first put to. Two places know of it: the table `seen` (see
rendering/haproxy.py) of requests that were answered by a version in the end, whichever; and the columns `econ` and `eresp`
of `show stat`, kept by the version that was asked last, of those that none answered.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from jenkins_ml.core.judge import Window
from jenkins_ml.rendering.haproxy import BINS, FAILED, SLOW, SPLIT

_ENTRY: Final = re.compile(r"key=v(\d+)/(\+?)(\d+) .*?((?:gpc\d+=\d+ ?)+)", re.A)
_COUNTER: Final = re.compile(r"gpc(\d+)=(\d+)", re.A)
_SERVER: Final = re.compile(r"v(\d+)", re.A)


@dataclass(frozen=True)
class Server:
    """A version in one of the proxy's backends, as `show stat` has it.

    Args:
        backend: which.
        version: its number.
        status: UP, DOWN, MAINT, DRAIN, "no check", ...
        weight: its weight.
        sessions: requests that it is at.
        unanswered: that it did not answer, in all.
        check: what the last look at it found.
    """

    backend: str
    version: int
    status: str
    weight: int
    sessions: int
    unanswered: int
    check: str

    @property
    def up(self) -> bool:
        """Whether it gets requests, if it has a weight."""
        return self.status.startswith(("UP", "no check", "DRAIN"))


@dataclass(frozen=True)
class Entry:
    """An entry of the table `seen`.

    Args:
        answered: the version that answered in the end.
        other: whether the other one had been asked before, and had failed.
        again: whether it had been asked before itself, and had failed.
        counts: answers by latency, then those that failed, and the slow ones.
    """

    answered: int
    other: bool
    again: bool
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Totals:
    """Answers of a version since the proxy was started.

    Args:
        requests: how many.
        failed: how many of them failed.
        slow: how many were slower than the limit.
        latencies: answers by bucket of latency, of those that it answered at the first attempt.
    """

    requests: int = 0
    failed: int = 0
    slow: int = 0
    latencies: tuple[int, ...] = (0,) * BINS

    def since(self, earlier: Totals) -> Window:
        """What came after. Counters that went down were begun anew: all of it came after."""
        if self.requests < earlier.requests or self.failed < earlier.failed:
            earlier = Totals()
        return Window(
            requests=self.requests - earlier.requests,
            failed=self.failed - earlier.failed,
            slow=max(0, self.slow - earlier.slow),
            latencies=tuple(max(0, now - then) for now, then in zip(self.latencies, earlier.latencies, strict=True)),
        )


def servers(text: str) -> list[Server]:
    """The versions in an answer to `show stat`."""
    lines = [line for line in text.lstrip("# ").splitlines() if line.strip()]
    found = []
    for row in csv.DictReader(lines):
        if match := _SERVER.fullmatch(row["svname"] or ""):
            check = " ".join(part for part in (row.get("check_status"), row.get("last_chk")) if part)
            found.append(
                Server(
                    backend=row["pxname"],
                    version=int(match[1]),
                    status=row["status"],
                    weight=int(row["weight"] or 0),
                    sessions=int(row["scur"] or 0),
                    unanswered=int(row["econ"] or 0) + int(row["eresp"] or 0),
                    check=check,
                )
            )
    return found


def entries(text: str) -> list[Entry]:
    """The entries in an answer to `show table seen`."""
    found = []
    for match in _ENTRY.finditer(text):
        counts = {int(index): int(value) for index, value in _COUNTER.findall(match[4])}
        found.append(
            Entry(
                answered=int(match[1]),
                other=bool(match[2]),
                again=not match[2] and match[3] != "0",
                counts=tuple(counts.get(index, 0) for index in range(SLOW + 1)),
            )
        )
    return found


def totals(version: int, counted: Iterable[Entry], known: Iterable[Server], other: int | None) -> Totals:
    """The answers of one version.

    Args:
        version: which.
        counted: the entries of the table.
        known: the versions in all backends.
        other: the version that shares the traffic with it; None where it has it alone.
    """
    requests = failed = slow = 0
    latencies = [0] * BINS
    for entry in counted:
        answers = sum(entry.counts[:BINS])
        if entry.answered == version and not entry.other:
            requests += answers
            failed += answers if entry.again else entry.counts[FAILED]
            if not entry.again:
                slow += entry.counts[SLOW]
                latencies = [one + another for one, another in zip(latencies, entry.counts[:BINS], strict=True)]
        elif entry.answered == other and entry.other:
            requests += answers
            failed += answers
    unanswered = _unanswered(known)
    # With two versions the one that was asked last is not the one that was asked first.
    last = version if other is None or not _up(known, other) else other
    lost = unanswered.get(last, 0)
    return Totals(requests + lost, failed + lost, slow, tuple(latencies))


def _up(known: Iterable[Server], version: int) -> bool:
    return any(server.up for server in known if server.version == version and server.backend in SPLIT)


def _unanswered(known: Iterable[Server]) -> Mapping[int, int]:
    counts: dict[int, int] = {}
    for server in known:
        if server.backend in SPLIT:
            counts[server.version] = counts.get(server.version, 0) + server.unanswered
    return counts
