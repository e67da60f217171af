"""Which versions are still needed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from jenkins_ml.core.history import after
from jenkins_ml.records import JournalEntry


def released(entries: Sequence[JournalEntry]) -> frozenset[int]:
    """The versions that servers may show: in every environment production and the version before it.

    Args:
        entries: the whole journal.
    """
    needed: set[int] = set()
    for environment in {entry.environment for entry in entries}:
        needed |= {reference.version for reference in after(entries, environment).good[-2:]}
    return frozenset(needed)


def kept(versions: Sequence[int], entries: Sequence[JournalEntry], newest: int) -> frozenset[int]:
    """The versions that stay.

    Args:
        versions: all that exist, in order.
        entries: the whole journal.
        newest: how many of the newest stay in any case.

    Returns:
        the newest ones; in every environment production, the version before it, and what an open release or rollback
        names; versions whose last word is an approval that waits to be released, and those never gated.
    """
    stay = set(versions[len(versions) - newest :] if newest else ()) | released(entries)
    for environment in {entry.environment for entry in entries}:
        left = after(entries, environment).open
        if left is not None:
            stay |= {left.version, left.previous or left.version}
    last = {entry.version: entry for entry in entries}
    stay |= {
        entry.version for entry in last.values() if entry.kind == "decision" and entry.reason.startswith("approved")
    }
    # A run that is still between train and gate has written nothing into the journal yet.
    ungated = [version for version in versions if version not in last]
    return frozenset(stay) | frozenset(version for version in ungated if version > max(last, default=0))
