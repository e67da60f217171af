"""The rollout as a state machine: (state, observation) -> (state, actions). Pure: who carries out the actions is elsewhere.

    loading --loaded--> step 0 --promote--> step 1 ... --promote at 100 %--> released
       |                  |  |
       |         roll back|  |still waiting at the deadline --> inconclusive
       |                  v
       +--failed-----> rolled_back            (interrupted, from any of them --> abandoned)

A first release has no production to compare with: its single step sends no user traffic, only replayed examples.
Every intention comes as `Record` before the action that carries it out. A release that was left in the middle is taken
up again by beginning at its step.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from jenkins_ml.core.judge import Evidence, Judgement, Limits, Seen, judge
from jenkins_ml.records import JournalKind

Phase = Literal["loading", "canary", "released", "rolled_back", "inconclusive", "abandoned"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a release does: the candidate, what is in production, and how traffic moves.

    Args:
        candidate: the version to release.
        stable: the version in production; None for the first release.
        steps: percent of traffic, rising to 100.
        limits: the judge's limits.
        shadow: percent of users' requests that a first step without traffic puts to both versions; 0 for no such step.
        interval: seconds that each step is watched at least; a first release has no users to watch.
        deadline: seconds after which a release that the judge could not decide is inconclusive.
    """

    candidate: int
    stable: int | None
    steps: tuple[int, ...]
    limits: Limits
    interval: float
    deadline: float
    shadow: int = 0

    @property
    def weights(self) -> tuple[int, ...]:
        """Percent of user traffic at each step; a first release is only probed before it gets all of it."""
        if self.stable is None:
            return (0,)
        return (0, *self.steps) if self.shadow else self.steps

    @property
    def judged_by(self) -> Limits:
        """The limits, with as many checkpoints as there are steps in which users ask both versions."""
        return replace(self.limits, checkpoints=self.checkpoint(len(self.weights) - 1))

    def checkpoint(self, step: int) -> int:
        """The number of steps to this one in which users ask both versions."""
        return sum(0 < weight < 100 for weight in self.weights[: step + 1])

    @property
    def step_seconds(self) -> float:
        """Seconds that each step is watched at least."""
        return 0.0 if self.stable is None else self.interval

    def step_of(self, weight: int | None) -> int:
        """The step to begin at when a release is taken up that had come to this weight; the first one for None."""
        reached = (index for index, step in enumerate(self.weights) if weight is not None and step >= weight)
        return next(reached, 0)


@dataclass(frozen=True, kw_only=True)
class State:
    """Where a release stands.

    Args:
        phase: what it is doing, or how it ended.
        step: the present step, from 0.
        seen: everything that was seen.
        needed: how many answers the judge wants before this step can be left; 0 before its first look.
        reason: why it is where it is.
    """

    phase: Phase = "loading"
    step: int = 0
    seen: Seen = field(default_factory=Seen)
    needed: int = 0
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase in ("released", "rolled_back", "inconclusive", "abandoned")


# --- observations ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Begun:
    """The release lock is held, and nothing has happened yet, or nothing since a deployer left it at `weight` percent."""

    resumed: bool = False
    weight: int | None = None


@dataclass(frozen=True)
class Loaded:
    """The candidate is loaded and warm."""


@dataclass(frozen=True)
class LoadFailed:
    """The candidate could not be loaded."""

    reason: str


@dataclass(frozen=True)
class Looked:
    """One look, `in_step` seconds after the present step began and `in_all` after the release did."""

    evidence: Evidence
    in_step: float
    in_all: float


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

    stable: int
    canary: int | None
    weight: int


@dataclass(frozen=True)
class Watch:
    """Watch both versions for a moment, replaying examples where live traffic is short, and look."""


@dataclass(frozen=True)
class Record:
    """Write a journal entry."""

    kind: JournalKind
    reason: str
    weight: int | None = None
    judgement: Judgement | None = None

    def evidence_json(self) -> dict[str, object]:
        """What the judge rests on, as plain values."""
        return {"judgement": asdict(self.judgement)} if self.judgement else {}


Action = Load | Unload | Traffic | Watch | Record


def advance(plan: Plan, state: State, observation: Observation) -> tuple[State, tuple[Action, ...]]:
    """The next state and what to do, in order.

    Raises:
        ValueError: the observation cannot follow in this state; a judge that meets the unknown refuses it.
    """
    match state.phase, observation:
        case "loading", Begun(resumed, weight):
            begun = replace(state, step=plan.step_of(weight))
            started = () if resumed else (Record("release_started", _intention(plan)),)
            return begun, (*started, Load(plan.candidate))
        case "loading", LoadFailed(reason):
            return _leave(plan, replace(state, phase="rolled_back", reason=reason), "release_rolled_back", None)
        case "loading", Loaded():
            return _enter(plan, replace(state, phase="canary"), state.step)
        case "canary", Looked():
            return _look(plan, state, observation)
        case (("loading" | "canary"), Stopped(reason)):
            return _leave(plan, replace(state, phase="abandoned", reason=reason), "release_abandoned", None)
    raise ValueError(f"{type(observation).__name__} cannot be observed in {state.phase}")


def _look(plan: Plan, state: State, looked: Looked) -> tuple[State, tuple[Action, ...]]:
    limits = plan.judged_by
    seen = state.seen.after(looked.evidence, limits, _checkpoint(plan, state, looked))
    judgement = judge(seen, limits)
    state = replace(state, seen=seen, reason=judgement.reason, needed=judgement.answers_needed)
    if judgement.verdict == "roll_back":
        return _leave(plan, replace(state, phase="rolled_back"), "release_rolled_back", judgement)
    if judgement.verdict == "promote" and looked.in_step >= plan.step_seconds:
        if state.step + 1 < len(plan.weights):
            return _enter(plan, state, state.step + 1)
        record = Record("released", judgement.reason, 100, judgement)
        return replace(state, phase="released"), (record, Traffic(plan.candidate, None, 0))
    if looked.in_all >= plan.deadline:
        reason = f"inconclusive after {plan.deadline:g} s: {judgement.reason}"
        return _leave(plan, replace(state, phase="inconclusive", reason=reason), "release_abandoned", judgement)
    return state, (Watch(),)


def _checkpoint(plan: Plan, state: State, looked: Looked) -> int:
    """Which checkpoint a look is; 0 as long as the step would not be left, and where users don't ask both versions."""
    before = state.seen.answers if state.seen.step == state.step else 0
    enough = before + looked.evidence.requests >= max(plan.limits.min_requests, 1)
    shared = 0 < plan.weights[state.step] < 100
    return plan.checkpoint(state.step) if shared and enough and looked.in_step >= plan.step_seconds else 0


def _enter(plan: Plan, state: State, step: int) -> tuple[State, tuple[Action, ...]]:
    weight = plan.weights[step]
    actions: tuple[Action, ...] = (Watch(),)
    if plan.stable is not None:
        reason = f"step {step + 1} of {len(plan.weights)}" + ("" if weight else f", shadow: {plan.shadow} % are copied")
        traffic = (Traffic(plan.stable, plan.candidate, weight),) if weight else ()
        actions = (Record("release_step", reason, weight), *traffic, Watch())
    return replace(state, step=step, needed=0), actions


def _leave(
    plan: Plan, state: State, kind: JournalKind, judgement: Judgement | None
) -> tuple[State, tuple[Action, ...]]:
    # Users come first: traffic goes back before anything is written.
    back = () if plan.stable is None else (Traffic(plan.stable, None, 0),)
    return state, (*back, Record(kind, state.reason, None, judgement), Unload(plan.candidate))


def _intention(plan: Plan) -> str:
    if plan.stable is None:
        return "first release: examples are replayed before it gets traffic"
    return f"canary against version {plan.stable}: {', '.join(f'{step} %' for step in plan.steps)}"
