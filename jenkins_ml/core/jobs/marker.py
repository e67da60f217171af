"""Who manages a job, and what it was made from: a line at the end of its description, for people and for us.

A description is the one text of a job that every server keeps, shows, and lists for all jobs in one answer. The owner
keeps users of one server from touching each other's jobs; the digest tells without reading a configuration that a job
was made from what jobs.yaml says today.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_LINE: Final = "Made by jenkins-ml from the jobs.yaml of {owner} ({digest}); edit it there."
_PATTERN: Final = re.compile(
    r"(?:\A|\s*\n\s*)Made by jenkins-ml from the jobs\.yaml of ([A-Za-z0-9._/-]{1,100}) \(([0-9a-f]{32})\); edit it there\.\s*\Z"
)


class Marker(NamedTuple):
    """What the line says; `text` is the rest of the description."""

    owner: str
    digest: str
    text: str


def mark(text: str, owner: str, digest: str) -> str:
    """A description with the line of its owner."""
    line = _LINE.format(owner=owner, digest=digest)
    return f"{text}\n\n{line}" if text else line


def read(description: str | None) -> Marker | None:
    """What the line in a description says; None where there is none."""
    match = _PATTERN.search(description or "")
    return Marker(match[1], match[2], (description or "")[: match.start()]) if match else None
