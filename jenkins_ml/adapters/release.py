"""Carries out the rollout state machine on a target, and keeps the journal: the one place where releases happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.journal import Journal
from jenkins_ml.adapters.release_lock import Fence, TakenOver
from jenkins_ml.adapters.target import Servable, Target
from jenkins_ml.adapters.watching import Watcher
from jenkins_ml.core import rollout
from jenkins_ml.core.rollout import Plan, State
from jenkins_ml.errors import IntegrityError, JenkinsMLError
from jenkins_ml.records import JournalEntry, JournalKind, VersionRef

_FROM_THE_START: Final = rollout.Begun()


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who writes journal entries, and about what.

    Args:
        journal: where.
        environment: what they are about.
        run: that does it.
        by: the build or user who does.
        approver: who agreed to it, where somebody was asked.
        fence: the right to change the environment; None where nobody else can.
    """

    journal: Journal
    environment: str
    run: str
    by: str
    approver: str | None = None
    fence: Fence | None = None

    def write(
        self,
        kind: JournalKind,
        version: VersionRef,
        previous: int | None,
        reason: str,
        weight: int | None = None,
        evidence: dict[str, object] | None = None,
    ) -> JournalEntry:
        """Append one entry.

        Raises:
            Unavailable: somebody else has taken the environment over.
        """
        approved = {"approver": self.approver} if self.approver else {}

        def make(number: int) -> JournalEntry:
            return JournalEntry(
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

        if self.fence is None:
            return self.journal.append(make)
        self.fence.check()
        entry = self.journal.append_after(self.fence.journal_seen, make)
        self.fence.journal_seen = entry.number
        return entry


@dataclass(kw_only=True)
class Release:
    """One release, to be carried out.

    Args:
        plan: what to do.
        servable: the candidate.
        target: where.
        watcher: looks at the canary.
        author: who keeps the journal.
        note: takes a line about what has happened.
        busy: takes a line about what is under way.
        progress: takes a line about how far the watching is, after every look.
        clock: seconds that only go forward.
    """

    plan: Plan
    servable: Servable
    target: Target
    watcher: Watcher
    author: Author
    note: Callable[[str], None]
    busy: Callable[[str], None]
    progress: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic

    def carry_out(self, begun: rollout.Begun = _FROM_THE_START) -> State:
        """Carry it out; answers the state in which it ended: released, rolled_back or inconclusive.

        Args:
            begun: how it begins: from the start, or where a deployer left it.

        Raises:
            BaseException: what stopped it (KeyboardInterrupt, Unavailable); traffic is back on production then
                as far as the target still answers, and the journal says that the release was abandoned. TakenOver:
                nothing was changed any more.
        """
        started = self.clock()
        state, pending = rollout.advance(self.plan, State(), begun)
        try:
            while True:
                observation: rollout.Observation | None = None
                for action in pending:
                    observation = self._perform(action, state, started) or observation
                if state.ended:
                    return state
                if observation is None:
                    raise AssertionError("a state that has not ended must have something to observe")
                state, pending = rollout.advance(self.plan, state, observation)
        except TakenOver:
            raise  # to go back is up to whoever took over
        except BaseException as error:
            if not state.ended:
                self._abandon(state, error)
            raise

    def _perform(self, action: rollout.Action, state: State, started: float) -> rollout.Observation | None:
        match action:
            case rollout.Load(number):
                self.busy(f"loading version {number}")
                try:
                    self.target.load(self.servable)
                except IntegrityError as error:
                    return rollout.LoadFailed(error.what)
                return rollout.Loaded()
            case rollout.Unload(number):
                try:
                    self.target.unload(number)
                except JenkinsMLError as problem:  # it gets no traffic: why the release ended is what counts
                    self.note(f"could not clean up: {problem.what}")
            case rollout.Traffic(stable, canary, weight):
                self.target.route(stable, canary, weight)
            case rollout.Watch():
                self.progress(self._how_far(state))
                evidence = self.watcher.look(state.step, state.needed)
                return rollout.Looked(evidence, self.watcher.in_step, self.clock() - started)
            case rollout.Record(kind, reason, weight):
                about = self.servable.reference
                seen = action.evidence_json() | (self._image() if kind == "released" else {})
                entry = self.author.write(kind, about, self.plan.stable, reason, weight, seen)
                if kind == "release_started":
                    self.servable = replace(self.servable, release=entry.number)
                self.note(_line(kind, about.version, reason, weight))
        return None

    def _image(self) -> dict[str, object]:
        """What the version runs as, by digest; nothing where there is no image."""
        running = self.target.serving().find(self.plan.candidate)
        return {"image": running.image} if running is not None and running.image else {}

    def _how_far(self, state: State) -> str:
        """What is watched, what was seen so far, and how long this step takes at least."""
        weights = self.plan.weights
        share = f", {weights[state.step]} % of the traffic" if self.plan.stable is not None else ""
        looked = state.needed > 0  # at this step
        left = self.plan.step_seconds - (self.watcher.in_step if looked else 0.0)
        wait = f", {left:.0f} s left" if left >= 1 else ""
        what = f"watching version {self.plan.candidate}: step {state.step + 1} of {len(weights)}{share}{wait}"
        return f"{what}: {state.reason}" if looked and state.reason else what

    def _abandon(self, state: State, error: BaseException) -> None:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        _, actions = rollout.advance(self.plan, state, rollout.Stopped(f"stopped: {reason}"))
        for action in actions:
            try:
                self._perform(action, state, 0.0)
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
