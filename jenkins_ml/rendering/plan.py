"""What becomes of a generated file that people may have edited: decided here, on texts alone.

Three texts tell: what is there now, what was generated last time (the base), and what is generated now. Line ends make
no difference: whoever reads the files gives all three the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from jenkins_ml.rendering.jenkinsfile import made_by_us

State = Literal[
    "current",  # as it would be generated
    "edited",  # nothing new is generated; what people edited stays
    "adopted",  # the file is right, and only its base is written
    "created",  # it was not there
    "updated",  # nobody edited it: it is replaced
    "merged",  # it has the edits and what is new
    "marked",  # both sides stand in it, between conflict markers
    "replaced",  # what was there is dropped, as asked for
    "removed",  # it is no longer asked for, and nobody edited it
    "kept",  # it is no longer asked for, and was edited
    "conflict",  # refused: people edited what is generated anew
    "unresolved",  # refused: it has conflict markers
    "unknown",  # refused: made by us, but what was generated is not known
    "foreign",  # refused: made by somebody else
]
REFUSED: Final = frozenset({"conflict", "unresolved", "unknown", "foreign"})

_MARKER: Final = re.compile(r"^(?:<{7}|\|{7}|>{7})(?: |$)", re.MULTILINE)


@dataclass(frozen=True)
class Merged:
    """The outcome of a merge.

    Args:
        text: both sides; what excludes each other stands between conflict markers.
        conflicts: how many such places there are.
    """

    text: str
    conflicts: int


# (what is there, the base or None when it is not known, what is generated now) -> both.
Merge = Callable[[str, str | None, str], Merged]


@dataclass(frozen=True)
class Found:
    """A generated file as it lies in the checkout.

    Args:
        present: its text; None when it is not there.
        base: what was generated last time; None when that is not known.
        interrupted: writing it was cut short, and what that left has to be finished.
    """

    present: str | None = None
    base: str | None = None
    interrupted: bool = False


@dataclass(frozen=True)
class Plan:
    """What becomes of one file.

    Args:
        name: relative to the folder that is written to.
        state: what it is, or will be.
        found: how it lies there.
        text: what it shall hold; None when it shall not be there.
        base: what its base shall hold; None when there shall be none.
        merged: of a conflict: both sides.
    """

    name: str
    state: State
    found: Found
    text: str | None
    base: str | None
    merged: Merged | None = None

    @property
    def refused(self) -> bool:
        """Whether nothing may be written before somebody has decided about this file."""
        return self.state in REFUSED

    @property
    def writes(self) -> bool:
        """Whether carrying it out would change the file or its base."""
        base_changes = self.base != self.found.base or self.found.interrupted
        return not self.refused and (self.text != self.found.present or base_changes)


def plan(
    name: str, found: Found, generated: str | None, merge: Merge, *, force: bool = False, mark: bool = False
) -> Plan:
    """Decide about one file.

    Args:
        name: relative to the folder that is written to.
        found: how it lies there.
        generated: its text as it is generated now; None when it is no longer asked for.
        merge: puts edits and what is new together.
        force: drop what people edited or wrote.
        mark: where edits and what is new exclude each other, write both between conflict markers.
    """
    if generated is None:
        return _no_longer(name, found, force)
    present, base = found.present, found.base

    def to(state: State, text: str | None) -> Plan:
        return Plan(name, state, found, text, generated)

    if not present:
        return to("created", generated)
    if present == generated:
        return to("current" if base == generated and not found.interrupted else "adopted", generated)
    if force:
        return to("replaced", generated)
    if base is None and not found.interrupted and not made_by_us(present):
        return _left(name, "foreign", found)
    if unresolved(present):
        return _left(name, "unresolved", found)
    if base is None or unresolved(base):
        return to("marked", merge(present, None, generated).text) if mark else _left(name, "unknown", found)
    if base == generated:
        return to("adopted" if found.interrupted else "edited", present)
    if present == base:
        return to("updated", generated)
    merged = merge(present, base, generated)
    if not merged.conflicts:
        return to("merged", merged.text)
    return to("marked", merged.text) if mark else _left(name, "conflict", found, merged)


def unresolved(text: str) -> bool:
    """Whether a text has conflict markers, ours or those of git."""
    return _MARKER.search(text) is not None


def _left(name: str, state: State, found: Found, merged: Merged | None = None) -> Plan:
    return Plan(name, state, found, found.present, found.base, merged)


def _no_longer(name: str, found: Found, force: bool) -> Plan:
    if found.base is None and not found.interrupted:  # then it is none of ours
        return _left(name, "current", found)
    if found.present is None or found.present == found.base or force:
        return Plan(name, "removed", found, None, None)
    return _left(name, "kept", found)
