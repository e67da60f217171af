"""A rollback while the store cannot be reached: the target knows where to go back to, and keeps what has to be journalled."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.release import Author
from jenkins_ml.adapters.target import Target
from jenkins_ml.errors import IntegrityError, Unavailable, UsageError
from jenkins_ml.records import VersionRef

_KNOWN: Final = "known-good"  # what is in production and what was before, as the journal had it last
_PENDING: Final = "pending-rollback"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the target was told is in production, and the version before it that it keeps warm; None for none."""

    production: VersionRef
    previous: VersionRef | None


def remember(target: Target, production: VersionRef, previous: VersionRef | None) -> None:
    """Tell the target what the journal says."""
    text = json.dumps({"production": _plain(production), "previous": _plain(previous) if previous else None})
    if target.recall(_KNOWN) != text:
        target.remember(_KNOWN, text)


def known(target: Target) -> Known | None:
    """What the target was told; None when it never was."""
    text = target.recall(_KNOWN)
    if text is None:
        return None
    try:
        fields = json.loads(text)
        previous = fields["previous"]
        return Known(production=_version(fields["production"]), previous=_version(previous) if previous else None)
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"what the target keeps of production cannot be read: {error}", "roll back when the store is reached again"
        ) from error


def roll_back(target: Target, to: int | None, reason: str, run: str, by: str) -> tuple[VersionRef, int]:
    """Switch the traffic to the version that is kept warm, and leave word for the journal; the target must be held.

    Args:
        target: where.
        to: the version that is asked for; None for the one before.
        reason: why, for the journal.
        run: that asks for it, for the journal.
        by: who does, for the journal.

    Returns:
        The version that gets the traffic now, and the one that did before.

    Raises:
        UsageError: another version is asked for than the one that is warm, or none is.
        Unavailable: the target does not answer.
    """
    told = known(target)
    pending = target.recall(_PENDING)
    if told is None or told.previous is None or pending is not None:
        raise UsageError("no version is kept warm to go back to", "roll back when the store is reached again")
    goal, left = told.previous, told.production.version
    if to not in (None, goal.version):
        raise UsageError(f"only version {goal.version} is kept warm", "others when the store is reached again")
    running = target.serving().find(goal.version)
    if running is None or running.ready < 1:
        raise Unavailable(f"version {goal.version} is not ready any more", "roll back when the store is reached again")
    entry = {"goal": _plain(goal), "left": left, "reason": reason, "run": run, "by": by, "time": now()}
    target.remember(_PENDING, json.dumps(entry))  # the intention first
    target.route(goal.version, None, 0)
    return goal, left


def write_what_is_pending(target: Target, writer: Author, note: Callable[[str], None]) -> None:
    """Write a rollback into the journal that happened while the store was away; the release lock must be held."""
    text = target.recall(_PENDING)
    if text is None:
        return
    fields = json.loads(text)
    goal = _version(fields["goal"])
    reason = f"{fields['reason']} (by {fields['by']} at {fields['time']}, while the store could not be reached)"
    entries = writer.journal.entries()
    if not any(entry.reason == reason and entry.kind == "rolled_back" for entry in entries):
        writer.write("rollback_started", goal, fields["left"], reason)
        writer.write("rolled_back", goal, fields["left"], reason)
        note(f"journalled: back to version {goal.version}, {reason}")
    target.remember(_PENDING, None)


def _plain(version: VersionRef) -> dict[str, Any]:
    return {"version": version.version, "manifest_digest": version.manifest_digest}


def _version(fields: dict[str, Any]) -> VersionRef:
    return VersionRef(version=int(fields["version"]), manifest_digest=str(fields["manifest_digest"]))
