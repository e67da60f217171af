"""What the proxy has counted since it was started, by version, and as windows of the judge. Pure.

A request counts for the version that it was first put to. Two places know of it: the table `seen` (see
rendering/haproxy.py) of requests that were answered by a version in the end, whichever; and the columns `econ` and `eresp`
of `show stat`, kept by the version that was asked last, of those that none answered.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from jenkins_ml.core.judge import Window
from jenkins_ml.rendering.haproxy import BINS, FAILED, SLOW, SPLIT

_ENTRY: Final = re.compile(r"key=v(\d+)/(\+?)(\d+) .*?((?:gpc\d+=\d+ ?)+)", re.A)
_COUNTER: Final = re.compile(r"gpc(\d+)=(\d+)", re.A)
_NONE: Final = (0,) * (SLOW + 1)
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
class Snapshot:
    """All that the proxy has counted up to a moment, as two kinds of keys have it.

    Args:
        answered: by version that answered in the end, and how: "" at once, "again" after having failed itself, "other"
            after the other version had failed; answers by latency, then those that failed, and the slow ones.
        unanswered: by version that was asked last.
    """

    answered: Mapping[tuple[int, str], tuple[int, ...]] = field(default_factory=dict)
    unanswered: Mapping[int, int] = field(default_factory=dict)

    def since(self, earlier: Snapshot) -> Snapshot:
        """What came after. When a count went down, the proxy was started anew: all of it came after."""
        answered = {
            key: tuple(now - then for now, then in zip(counts, earlier.answered.get(key, _NONE), strict=True))
            for key, counts in self.answered.items()
        }
        unanswered = {version: count - earlier.unanswered.get(version, 0) for version, count in self.unanswered.items()}
        gone = earlier.answered.keys() - answered.keys()
        if gone or any(min(counts) < 0 for counts in answered.values()) or min(unanswered.values(), default=0) < 0:
            return self
        return Snapshot(answered, unanswered)

    def window(self, version: int, other: int | None) -> Window:
        """The answers of one version.

        Args:
            version: which.
            other: the version that shares the traffic with it and can answer; None where it has the traffic alone.
        """
        at_once = self.answered.get((version, ""), _NONE)
        again = sum(self.answered.get((version, "again"), _NONE)[:BINS])
        rescued = sum(self.answered.get((other, "other"), _NONE)[:BINS]) if other is not None else 0
        # With two versions, the one that was asked last is not the one that was asked first.
        lost = self.unanswered.get(version if other is None else other, 0)
        failed = again + rescued + lost
        return Window(
            requests=sum(at_once[:BINS]) + failed,
            failed=at_once[FAILED] + failed,
            slow=at_once[SLOW],
            latencies=at_once[:BINS],
        )


def snapshot(table: str, known: Iterable[Server]) -> Snapshot:
    """What has been counted.

    Args:
        table: the answer to `show table seen`.
        known: the versions in all backends.
    """
    answered = {}
    for match in _ENTRY.finditer(table):
        how = "other" if match[2] else "again" if match[3] != "0" else ""
        counts = {int(index): int(value) for index, value in _COUNTER.findall(match[4])}
        answered[int(match[1]), how] = tuple(counts.get(index, 0) for index in range(SLOW + 1))
    unanswered: dict[int, int] = {}
    for server in known:
        if server.backend in SPLIT:
            unanswered[server.version] = unanswered.get(server.version, 0) + server.unanswered
    return Snapshot(answered, unanswered)


def servers(text: str) -> list[Server]:
    """The versions in an answer to `show stat`."""
    lines = [line for line in text.lstrip("# ").splitlines() if line.strip()]
    return [
        Server(
            backend=row["pxname"],
            version=int(match[1]),
            status=row["status"],
            weight=int(row["weight"] or 0),
            sessions=int(row["scur"] or 0),
            unanswered=int(row["econ"] or 0) + int(row["eresp"] or 0),
            check=" ".join(part for part in (row["check_status"], row["last_chk"]) if part),
        )
        for row in csv.DictReader(lines)
        if (match := _SERVER.fullmatch(row["svname"] or ""))
    ]
