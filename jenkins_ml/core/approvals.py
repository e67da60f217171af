"""What an approval agrees to, and whether it still does. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jenkins_ml.errors import GateRejected, IntegrityError, JenkinsMLError
from jenkins_ml.records import Approval, JournalEntry, VersionRef


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A release that somebody has to agree to.

    Args:
        model: whose version.
        environment: where.
        candidate: the version.
        baseline: the version in production there; None for none.
        entry: number of the journal entry that brought that one into production; 0 for none.
    """

    model: str
    environment: str
    candidate: VersionRef
    baseline: VersionRef | None
    entry: int


def brought(entries: Iterable[JournalEntry], environment: str) -> int:
    """The number of the entry that brought into production what is there now; 0 for none.

    It tells one time of a version in production from another: whoever agreed before a rollback did not know of it.
    """
    came = ("released", "rollback_started")
    return max(
        (entry.number for entry in entries if entry.environment == environment and entry.kind in came), default=0
    )


def objection(approval: Approval, wanted: Wanted, *, expired: bool) -> JenkinsMLError | None:
    """Why an approval is none of this release; None when it is. Whether its signature holds is looked at elsewhere.

    Args:
        approval: what somebody has signed.
        wanted: what is to be released.
        expired: whether its time is over.
    """
    version, environment = wanted.candidate.version, wanted.environment
    again = f"approve it again: jenkins-ml approve {version} --environment {environment}"
    if (approval.model, approval.environment) != (wanted.model, environment):
        return IntegrityError(
            f"an approval for {environment} is about {approval.model} in {approval.environment}",
            "do not copy approvals by hand",
        )
    if approval.candidate != wanted.candidate:
        return IntegrityError(
            f"the approval of version {approval.candidate.version} is about other files than version {version} has now",
            "look who changed the version",
        )
    if (approval.baseline, approval.entry) != (wanted.baseline, wanted.entry):
        then = f"version {approval.baseline.version}" if approval.baseline else "nothing"
        return GateRejected(
            f"production has moved since version {version} was approved: it was to follow {then}, as entry "
            f"{approval.entry} of the journal had it",
            again,
        )
    if expired:
        return GateRejected(f"the approval of version {version} has expired at {approval.expires}", again)
    return None
