"""What the journal says: which version is in production, since when, and what is under way. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from jenkins_ml.records import JournalEntry, VersionRef


@dataclass(frozen=True, kw_only=True)
class History:
    """The state of one environment after some journal entries.

    Args:
        good: versions that were in production and not rolled back, oldest first; the last one is in production.
        since: time at which the last one came into production.
        run: the run that released it, or that rolled back to it.
        open: the entry that started a release or a rollback that has not ended; None when nothing is under way.
        left: the entry that started a release whose deployer stopped, or died, before its end, and after which nothing
            else has happened: it can be continued.
        weight: percent of the traffic that `left` came to; None before its first step.
    """

    good: tuple[VersionRef, ...] = ()
    since: str = ""
    run: str = ""
    open: JournalEntry | None = None
    left: JournalEntry | None = None
    weight: int | None = None

    @property
    def production(self) -> VersionRef | None:
        """The version in production, None before the first release."""
        return self.good[-1] if self.good else None

    @property
    def previous(self) -> VersionRef | None:
        """The version that a rollback goes to."""
        return self.good[-2] if len(self.good) > 1 else None


def after(entries: Iterable[JournalEntry], environment: str) -> History:
    """The history of an environment; entries come in the order of their numbers.

    A version that is rolled back is no longer known to be good, and neither is anything released after the version
    that a rollback went to. A rollback counts from its intention on: whoever dies between the intention and the
    switch leaves something to finish, not something to doubt.
    """
    history = History()
    for entry in entries:
        if entry.environment == environment:
            history = _apply(history, entry)
    return history


def _apply(history: History, entry: JournalEntry) -> History:
    version = VersionRef(version=entry.version, manifest_digest=entry.manifest_digest)
    match entry.kind:
        case "decision":
            return history
        case "release_step":
            return replace(history, weight=entry.weight)
        case "release_started":
            return replace(history, open=entry, left=entry, weight=None)
        case "released":
            good = (*(ref for ref in history.good if ref != version), version)
            return History(good=good, since=entry.time, run=entry.run)
        case "release_abandoned":
            return replace(history, open=None)
        case "release_rolled_back":
            return replace(history, open=None, left=None, weight=None)
        case "rollback_started":
            kept = history.good[: history.good.index(version)] if version in history.good else history.good[:-1]
            return History(good=(*kept, version), since=entry.time, run=entry.run, open=entry)
        case "rolled_back":
            return replace(history, since=entry.time, open=None)


def release_number(entries: Iterable[JournalEntry], environment: str, version: int) -> int | None:
    """The number of the entry that began the last release of a version in an environment; None where there was none."""
    numbers = (
        entry.number
        for entry in entries
        if (entry.kind, entry.environment, entry.version) == ("release_started", environment, version)
    )
    return max(numbers, default=None)
