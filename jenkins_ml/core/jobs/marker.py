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
    r"Made by jenkins-ml from the jobs\.yaml of ([A-Za-z0-9._/-]{1,100}) \(([0-9a-f]{32})\); edit it there\."
)


class Marker(NamedTuple):
    """What the line says; `text` is the rest of the description, tidied."""

    owner: str
    digest: str
    text: str


def mark(text: str, owner: str, digest: str) -> str:
    """A description with the line of its owner."""
    line, text = _LINE.format(owner=owner, digest=digest), tidied(text)
    return f"{text}\n\n{line}" if text else line


def read(description: str | None) -> Marker | None:
    """What the line in a description says; None where there is none."""
    # Taken apart without a pattern: anybody may have written it, and white space without end would hold us up.
    text, _, line = tidied(description or "").rpartition("\n")
    match = _PATTERN.fullmatch(line.strip())
    return Marker(match[1], match[2], tidied(text)) if match else None


def tidied(text: str) -> str:
    """A description as it can be told apart from the line: without white space at its end, and with one kind of line end.

    A text of several lines in YAML ends with a line break, and a web page sends its own kind of them.
    """
    return text.replace("\r\n", "\n").rstrip()
