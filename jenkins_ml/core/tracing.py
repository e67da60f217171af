"""Ids that lead from one line of a log to another: W3C's traceparent, ids of requests, and the trace of a run. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

# https://www.w3.org/TR/trace-context/#traceparent-header: version 00, and what later versions keep of it.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?", re.A
)
_VERSION_0_LENGTH: Final = 55
# What clients call their requests by: UUIDs, ULIDs, numbers, "host/123-45"; nothing that a log or a header would have to
# escape, and nothing that is long enough to fill a disk.
_REQUEST_ID: Final = re.compile(r"[\w.:/+=@-]{1,128}", re.A)


@dataclass(frozen=True)
class Trace:
    """Where a request or a stage belongs.

    Args:
        id: of the trace: 32 hexadecimal digits.
        span: of whoever asked: 16 of them; None where nobody has said.
    """

    id: str
    span: str | None = None


def parse(traceparent: str) -> Trace | None:
    """What a traceparent says; None for one that says nothing, which is to be treated as if it were not there."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or (traceparent.startswith("00-") and len(traceparent) != _VERSION_0_LENGTH):
        return None
    return Trace(found[1], found[2])


def request_id(text: str) -> str | None:
    """An id of a request as its client gave it; None for one that cannot be taken over."""
    return text if _REQUEST_ID.fullmatch(text) else None


def of_run(run: str) -> Trace:
    """The trace of a run: all its stages, on whatever machine, know it without being told."""
    return Trace(sha256(f"jenkins-ml run {run}".encode()).hexdigest()[:32])
