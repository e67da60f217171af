"""Carries out the rollout state machine on a target, and keeps the journal: the one place where releases happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.journal import Journal
from jenkins_ml.core import rollout
from jenkins_ml.core.judge import Evidence
from jenkins_ml.core.rollout import Plan, State
from jenkins_ml.errors import IntegrityError, JenkinsMLError
from jenkins_ml.records import JournalEntry, JournalKind, VersionRef


class Target(Protocol):
    """What can serve versions and split traffic between two of them."""

    def load(self, version: int) -> None:
        """Load and warm a version; IntegrityError when it cannot be."""

    def unload(self, version: int) -> None:
        """Take a version out."""

    def route(self, stable: int | None, canary: int | None, weight: int) -> None:
        """Give `weight` percent of the traffic to the canary and the rest to stable."""

    def watch(self, candidate: int, stable: int | None) -> Evidence:
        """Watch one interval, and answer what was seen in it."""


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who writes journal entries, and about what; `approver` is who agreed to it, where somebody was asked."""

    journal: Journal
    environment: str
    run: str
    by: str
    approver: str | None = None

    def write(
        self,
        kind: JournalKind,
        version: VersionRef,
        previous: int | None,
        reason: str,
        weight: int | None = None,
        evidence: dict[str, object] | None = None,
    ) -> JournalEntry:
        """Append one entry."""
        approved = {"approver": self.approver} if self.approver else {}
        return self.journal.append(
            lambda number: JournalEntry(
                number=number,
                time=now(),
                kind=kind,
                environment=self.environment,
                version=version.version,
                manifest_digest=version.manifest_digest,
                previous=previous,
                run=self.run,
                by=self.by,
                reason=reason,
                weight=weight,
                evidence={**(evidence or {}), **approved},
            )
        )


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release, to be carried out.

    Args:
        plan: what to do.
        version: the candidate, exactly.
        target: where.
        author: who keeps the journal.
        note: takes a line about what has happened.
        busy: takes a line about what is under way.
    """

    plan: Plan
    version: VersionRef
    target: Target
    author: Author
    note: Callable[[str], None]
    busy: Callable[[str], None]

    def carry_out(self) -> State:
        """Carry it out; answers the state in which it ended: released or rolled_back.

        Raises:
            BaseException: what stopped it (KeyboardInterrupt, Unavailable); traffic is back on production then
                as far as the target still answers, and the journal says that the release was abandoned.
        """
        state, pending = rollout.advance(self.plan, State(), rollout.Begun())
        try:
            while True:
                observation: rollout.Observation | None = None
                for action in pending:
                    observation = self._perform(action) or observation
                if state.ended:
                    return state
                if observation is None:
                    raise AssertionError("a state that has not ended must have something to observe")
                state, pending = rollout.advance(self.plan, state, observation)
        except BaseException as error:
            if not state.ended:
                self._abandon(state, error)
            raise

    def _perform(self, action: rollout.Action) -> rollout.Observation | None:
        match action:
            case rollout.Load(number):
                self.busy(f"loading version {number}")
                try:
                    self.target.load(number)
                except IntegrityError as error:
                    return rollout.LoadFailed(error.what)
                return rollout.Loaded()
            case rollout.Unload(number):
                self.target.unload(number)
            case rollout.Traffic(stable, canary, weight):
                self.target.route(stable, canary, weight)
            case rollout.Watch():
                self.busy(f"watching version {self.plan.candidate}")
                return rollout.Looked(self.target.watch(self.plan.candidate, self.plan.stable))
            case rollout.Record(kind, reason, weight):
                self.author.write(kind, self.version, self.plan.stable, reason, weight, action.evidence_json())
                self.note(_line(kind, self.version.version, reason, weight))
        return None

    def _abandon(self, state: State, error: BaseException) -> None:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        _, actions = rollout.advance(self.plan, state, rollout.Stopped(f"stopped: {reason}"))
        for action in actions:
            try:
                self._perform(action)
            except JenkinsMLError as problem:
                self.note(f"could not clean up: {problem.what}")


def _line(kind: JournalKind, version: int, reason: str, weight: int | None) -> str:
    match kind:
        case "release_step":
            return f"{weight} % of the traffic to version {version} ({reason})"
        case "released":
            return f"version {version} is in production: {reason}"
        case "release_rolled_back":
            return f"version {version} was rolled back: {reason}"
        case "release_abandoned":
            return f"the release of version {version} was abandoned: {reason}"
    return reason
