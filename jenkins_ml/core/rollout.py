"""The rollout as a state machine: (state, observation) -> (state, actions). Pure: who carries out the actions is elsewhere.

    loading --loaded--> step 0 --healthy--> step 1 ... --healthy at 100 %--> released
       |                  | failing, or silent for too long
       |                  v
       +--failed-----> rolled_back            (interrupted, from any of them --> abandoned)

A first release has no production to compare with: its single step sends no user traffic, only replayed examples.
Every intention comes as `Record` before the action that carries it out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

from jenkins_ml.core.judge import Evidence, Limits, judge
from jenkins_ml.records import JournalKind

Phase = Literal["loading", "canary", "released", "rolled_back", "abandoned"]
MAX_SILENT_LOOKS = 5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a release does: the candidate, what is in production, and how traffic moves.

    Args:
        candidate: the version to release.
        stable: the version in production; None for the first release.
        steps: percent of traffic, rising to 100.
        limits: the judge's limits.
    """

    candidate: int
    stable: int | None
    steps: tuple[int, ...]
    limits: Limits

    @property
    def weights(self) -> tuple[int, ...]:
        """Percent of user traffic at each step; a first release is only probed before it gets all of it."""
        return (0,) if self.stable is None else self.steps


@dataclass(frozen=True, kw_only=True)
class State:
    """Where a release stands; `silent` counts the looks at the present step that had too little to see."""

    phase: Phase = "loading"
    step: int = 0
    silent: int = 0
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase in ("released", "rolled_back", "abandoned")


# --- observations ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Begun:
    """The release lock is held and nothing has happened yet."""


@dataclass(frozen=True)
class Loaded:
    """The candidate is loaded and warm."""


@dataclass(frozen=True)
class LoadFailed:
    """The candidate could not be loaded."""

    reason: str


@dataclass(frozen=True)
class Looked:
    """One look at the present step."""

    evidence: Evidence


@dataclass(frozen=True)
class Stopped:
    """The deployer was asked to stop."""

    reason: str


Observation = Begun | Loaded | LoadFailed | Looked | Stopped


# --- actions ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Load:
    """Load and warm a version."""

    version: int


@dataclass(frozen=True)
class Unload:
    """Take a version out of the server."""

    version: int


@dataclass(frozen=True)
class Traffic:
    """Give `weight` percent to the canary and the rest to stable."""

    stable: int | None
    canary: int | None
    weight: int


@dataclass(frozen=True)
class Watch:
    """Watch both versions for one interval, replaying examples where live traffic is short, and look."""


@dataclass(frozen=True)
class Record:
    """Write a journal entry."""

    kind: JournalKind
    reason: str
    weight: int | None = None
    evidence: Evidence | None = None

    def evidence_json(self) -> dict[str, object]:
        """The evidence as plain values."""
        return asdict(self.evidence) if self.evidence else {}


Action = Load | Unload | Traffic | Watch | Record


def advance(plan: Plan, state: State, observation: Observation) -> tuple[State, tuple[Action, ...]]:
    """The next state and what to do, in order.

    Raises:
        ValueError: the observation cannot follow in this state; a judge that meets the unknown refuses it.
    """
    match state.phase, observation:
        case "loading", Begun():
            return state, (Record("release_started", _intention(plan)), Load(plan.candidate))
        case "loading", LoadFailed(reason):
            return _roll_back(plan, state, reason, None)
        case "loading", Loaded():
            return _enter(plan, replace(state, phase="canary"), 0)
        case "canary", Looked(evidence):
            return _look(plan, state, evidence)
        case (("loading" | "canary"), Stopped(reason)):
            return _leave(plan, replace(state, phase="abandoned", reason=reason), "release_abandoned", None)
    raise ValueError(f"{type(observation).__name__} cannot be observed in {state.phase}")


def _look(plan: Plan, state: State, evidence: Evidence) -> tuple[State, tuple[Action, ...]]:
    judgement = judge(evidence, plan.limits, len(plan.weights))
    match judgement.verdict:
        case "failing":
            return _roll_back(plan, state, judgement.reason, evidence)
        case "silent":
            if state.silent + 1 >= MAX_SILENT_LOOKS:
                return _roll_back(
                    plan, state, f"no evidence after {MAX_SILENT_LOOKS} looks: {judgement.reason}", evidence
                )
            return replace(state, silent=state.silent + 1, reason=judgement.reason), (Watch(),)
        case "healthy":
            if state.step + 1 < len(plan.weights):
                return _enter(plan, replace(state, silent=0, reason=judgement.reason), state.step + 1)
            released = replace(state, phase="released", reason=judgement.reason)
            record = Record("released", judgement.reason, 100, evidence)
            return released, (record, Traffic(plan.candidate, None, 0))


def _enter(plan: Plan, state: State, step: int) -> tuple[State, tuple[Action, ...]]:
    weight = plan.weights[step]
    actions: tuple[Action, ...] = (Watch(),)
    if weight:
        record = Record("release_step", f"step {step + 1} of {len(plan.weights)}", weight)
        actions = (record, Traffic(plan.stable, plan.candidate, weight), Watch())
    return replace(state, step=step), actions


def _roll_back(plan: Plan, state: State, reason: str, evidence: Evidence | None) -> tuple[State, tuple[Action, ...]]:
    return _leave(plan, replace(state, phase="rolled_back", reason=reason), "release_rolled_back", evidence)


def _leave(plan: Plan, state: State, kind: JournalKind, evidence: Evidence | None) -> tuple[State, tuple[Action, ...]]:
    # Users come first: traffic goes back before anything is written.
    back = () if plan.stable is None else (Traffic(plan.stable, None, 0),)
    return state, (*back, Record(kind, state.reason, None, evidence), Unload(plan.candidate))


def _intention(plan: Plan) -> str:
    if plan.stable is None:
        return "first release: examples are replayed before it gets traffic"
    return f"canary against version {plan.stable}: {', '.join(f'{step} %' for step in plan.steps)}"
