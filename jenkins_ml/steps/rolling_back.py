"""What `rollback` and `alert-hook` share: putting a version that was good back into production."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from jenkins_ml.adapters.held import HeldTarget
from jenkins_ml.adapters.target import Target
from jenkins_ml.core.history import History
from jenkins_ml.errors import Unavailable, UsageError
from jenkins_ml.records import JournalEntry, VersionRef
from jenkins_ml.reporting.console import Reporter
from jenkins_ml.steps import offline, serving
from jenkins_ml.steps.common import Project, built_by

_ENDS: Final = ("released", "release_rolled_back", "release_abandoned", "rolled_back")


class LeftAlone(UsageError):
    """What was asked for does not hold any more: nothing was changed."""


def _nothing(_: tuple[JournalEntry, ...]) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A rollback that is asked for.

    Args:
        reason: why, for the journal.
        to: the version to go back to; None for the one before.
        leaving: the only version that may be left; None for whatever is in production.
        why_not: what in the journal speaks against it, asked before and under the release lock; None for nothing.
        evidence: what else the journal keeps.
    """

    reason: str
    to: int | None = None
    leaving: int | None = None
    why_not: Callable[[tuple[JournalEntry, ...]], str | None] = _nothing
    evidence: Mapping[str, object] = field(default_factory=dict)


def roll_back(
    project: Project, environment: str, run: str, wanted: Wanted, report: Reporter
) -> tuple[VersionRef, int | None]:
    """Roll an environment back, or finish what has died half-way where production returns to the same by that.

    Returns:
        the version that is in production now, and the one that was taken out.

    Raises:
        LeftAlone: something speaks against it.
        UsageError: there is nothing to go back to.
        Unavailable: somebody else changes the environment, or the target does not answer.
    """
    target = serving.target_of(project, environment, report)
    away = _store_is_away(project, target, environment)
    if away is not None:
        report.warn(f"{away}; going by what the target keeps")
        return _without_store(target, wanted, run)
    _refuse(project, wanted)
    with serving.releasing(project, target, environment, "rollback", report) as held:
        return _finish(project, held, environment, run, wanted, report) or _begin(
            project, held, environment, run, wanted, report
        )


def _refuse(project: Project, wanted: Wanted) -> None:
    if (reason := wanted.why_not(project.store.journal.entries())) is not None:
        raise LeftAlone(reason)


def _store_is_away(project: Project, target: Target, environment: str) -> str | None:
    """Why the journal cannot be asked although the target serves; None when it can, or when only it can help."""
    if project.config.serve.of(environment).target == "local":
        return None  # its server is found through the store
    try:
        if project.store.journal.history(environment).production is not None:
            return None
        reason = f"the store {project.store.root} knows of no release in {environment}"
    except Unavailable as error:
        reason = error.what
    return reason if offline.known(target) is not None else None


def _without_store(target: Target, wanted: Wanted, run: str) -> tuple[VersionRef, int | None]:
    with target.hold(f"process {os.getpid()} (rollback) on {socket.gethostname()}"):
        if wanted.leaving is not None:
            told = offline.known(target)
            if told is None or {told.production.version, target.serving().stable} != {wanted.leaving}:
                raise LeftAlone(f"version {wanted.leaving} is not in production, as far as the target knows")
        return offline.roll_back(target, wanted.to, wanted.reason, run, built_by())


def _finish(
    project: Project, target: HeldTarget, environment: str, run: str, wanted: Wanted, report: Reporter
) -> tuple[VersionRef, int | None] | None:
    """End what has died half-way, or find that this run has rolled back already.

    Returns:
        the version that is in production by that and the one that it took out; None when something else is asked for.
    """
    journal = project.store.journal
    died = journal.history(environment).open
    history = serving.end_what_was_left(project, target, environment, run, report)
    ended = [entry for entry in journal.entries() if entry.environment == environment and entry.kind in _ENDS]
    if history.production is None or not ended or wanted.to not in (None, history.production.version):
        return None
    last = ended[-1]
    if died is None and (last.kind, history.run) != ("rolled_back", run):
        return None
    left = last.previous if last.kind == "rolled_back" else last.version
    if wanted.leaving not in (None, left):
        return None  # a release has ended, and the version that is to be left is still there
    target.start()
    serving.settle(project, target, history, environment)
    return history.production, left


def _begin(
    project: Project, target: HeldTarget, environment: str, run: str, wanted: Wanted, report: Reporter
) -> tuple[VersionRef, int]:
    """Roll back; answers the version that is in production now and the one that was."""
    _refuse(project, wanted)
    journal = project.store.journal
    goal, left = _goal(journal.history(environment), wanted.to, environment)
    running = target.serving().find(goal.version)
    warm = running is not None and 0 < running.replicas <= running.ready
    if not warm:
        project.store.verify(goal)
    writer, evidence = serving.author(project, target, environment, run), dict(wanted.evidence)
    writer.write("rollback_started", goal, left, wanted.reason, evidence=evidence)
    if warm:
        target.route(goal.version, None, 0)  # users first; the rest can take its time
        report.note(f"version {goal.version} gets the traffic")
    target.start()
    serving.settle(project, target, journal.history(environment), environment)
    writer.write("rolled_back", goal, left, wanted.reason, evidence=evidence)
    return goal, left


def _goal(history: History, to: int | None, environment: str) -> tuple[VersionRef, int]:
    """Where to go, and the version that is left."""
    if history.production is None:
        raise UsageError(f"nothing is in production in {environment}", "release a version first: jenkins-ml run")
    earlier = history.good[:-1]
    if not earlier:
        raise UsageError(
            f"version {history.production.version} is the only one that was ever good in {environment}",
            "there is nothing to go back to; release a better version",
        )
    if to is None:
        return earlier[-1], history.production.version
    for reference in earlier:
        if reference.version == to:
            return reference, history.production.version
    known = ", ".join(str(reference.version) for reference in earlier)
    raise UsageError(f"version {to} is not one to go back to in {environment}", f"these were good: {known}")
