"""Simulated canaries, whose truth is known by construction, before the judge that is shipped."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.judge import Evidence, Limits, Seen, Window, judge
from jenkins_ml.core.rollout import Begun, Loaded, Looked, Plan, State, advance

INTERVALS = 10
EQUAL = (0.5,) * INTERVALS
RISING = tuple(0.05 * step for step in range(1, INTERVALS + 1))
# The defaults, and a limit of latency. Each interval is a step, so each has a checkpoint.
LIMITS = Limits(max_error_rate_increase=0.01, latency_limited=True, min_requests=100, checkpoints=INTERVALS)
Counts = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Canaries of one kind; each interval is a step.

    Args:
        requests: of the canary, an interval.
        errors: share of the canary's answers that fail.
        base: the same of production.
        shares: of the traffic that the canary has, interval by interval.
        looks: in an interval.
        replayed: whether what is missing to `min_requests` is replayed to both.
    """

    requests: int
    errors: float
    base: float = 0.005
    shares: tuple[float, ...] = RISING
    looks: int = 1
    replayed: bool = False

    @property
    def stable(self) -> tuple[int, ...]:
        """Requests of production, interval by interval."""
        return tuple(round(self.requests * (1 - share) / share) for share in self.shares)


def drawn(case: Case, releases: int, generator: np.random.Generator) -> tuple[Counts, Counts, Counts, Counts]:
    """Failed and all requests of the canary, then of production; each of shape (releases, intervals * looks).

    Requests come when they come: over the looks of an interval they are spread by chance.
    """

    def spread(requests: int) -> Counts:
        return generator.multinomial(requests, [1 / case.looks] * case.looks, size=releases)

    canary = np.concatenate([spread(case.requests) for _ in case.shares], axis=1)
    stable = np.concatenate([spread(requests) for requests in case.stable], axis=1)
    return generator.binomial(canary, case.errors), canary, generator.binomial(stable, case.base), stable


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the canaries of a case.

    Args:
        rolled_back: share that was rolled back within the intervals.
        requests: the canary's requests until it was rolled back, the median of those that were; None where none was.
    """

    rolled_back: float
    requests: float | None


def judged(case: Case, releases: int, seed: int, limits: Limits = LIMITS) -> Outcome:
    """What the judge does with the canaries of a case."""
    generator = np.random.default_rng(seed)
    failed, requests, failed_stable, stable = drawn(case, releases, generator)
    until = []
    for release in range(releases):
        seen, met = Seen(), 0
        columns = (column[release].tolist() for column in (failed, requests, failed_stable, stable))
        for place, (bad, canary, bad_stable, other) in enumerate(zip(*columns, strict=True)):
            again = again_stable = Window()
            if case.replayed and canary < limits.min_requests:
                again, again_stable = _replayed(limits.min_requests - canary, case, generator)
            look = Evidence(
                step=place // case.looks,
                live=Window(requests=canary, failed=bad),
                live_stable=Window(requests=other, failed=bad_stable),
                replayed=again,
                replayed_stable=again_stable,
            )
            met += canary
            passed, within = divmod(place + 1, case.looks)
            seen = seen.after(look, limits, 0 if within else passed)
            if judge(seen, limits).verdict == "roll_back":
                until.append(met)
                break
    return Outcome(
        rolled_back=len(until) / releases,
        requests=float(np.median(until)) if until else None,
    )


def _replayed(count: int, case: Case, generator: np.random.Generator) -> tuple[Window, Window]:
    failed, failed_stable = generator.binomial(count, [case.errors, case.base]).tolist()
    return Window(requests=count, failed=failed), Window(requests=count, failed=failed_stable)


STEPS = (0.05, 0.25, 0.5, 1.0)
DEADLINE = 60  # intervals
_LOOKS = 6  # an interval
_PLAN = Plan(
    candidate=2,
    stable=1,
    steps=tuple(round(100 * share) for share in STEPS),
    limits=LIMITS,
    interval=_LOOKS,
    deadline=DEADLINE * _LOOKS,
)


@dataclass(frozen=True, kw_only=True)
class Course:
    """How whole releases went, with the default steps, each watched for an interval at least.

    Args:
        rolled_back, released, inconclusive: shares of the releases.
        intervals: until the end, on average.
        delayed: share of those that were released in more intervals than the steps need.
    """

    rolled_back: float
    released: float
    inconclusive: float
    intervals: float
    delayed: float


def courses(traffic: int, errors: float, releases: int, seed: int, *, replayed: bool, base: float = 0.005) -> Course:
    """What becomes of canaries with this share of failures.

    Args:
        traffic: requests an interval, of both versions together.
        errors: the canary's share of failures.
        releases: how many.
        seed: of the random numbers.
        replayed: whether what is missing to the answers that a step needs is replayed, at an even pace.
        base: production's share of failures.
    """
    generator = np.random.default_rng(seed)
    ended = [_course(traffic, errors, base, replayed, generator) for _ in range(releases)]
    released = [looks for how, looks in ended if how == "released"]
    return Course(
        rolled_back=sum(how == "rolled_back" for how, _ in ended) / releases,
        released=len(released) / releases,
        inconclusive=sum(how == "inconclusive" for how, _ in ended) / releases,
        intervals=sum(looks for _, looks in ended) / releases / _LOOKS,
        delayed=sum(looks > _LOOKS * len(STEPS) for looks in released) / max(len(released), 1),
    )


def _course(
    traffic: int, errors: float, base: float, replayed: bool, generator: np.random.Generator
) -> tuple[str, int]:
    """How a release ended, moved by the state machine that is shipped, and after how many looks."""
    state, _ = advance(_PLAN, State(), Begun())
    state, _ = advance(_PLAN, state, Loaded())
    looks = in_step = had = 0
    while not state.ended:
        looks, in_step, step = looks + 1, in_step + 1, state.step
        requests = int(generator.poisson(traffic / _LOOKS))
        canary = int(generator.binomial(requests, STEPS[step]))
        failed = int(generator.binomial(canary, errors))
        failed_stable = int(generator.binomial(requests - canary, base))
        had += canary
        needed = max(LIMITS.min_requests, state.needed)
        missing = math.ceil(needed * min(1.0, in_step / _LOOKS)) - had if replayed else 0
        again = again_stable = Window()
        if missing > 0:
            bad, bad_stable = generator.binomial(missing, [errors, base]).tolist()
            again, again_stable = Window(requests=missing, failed=bad), Window(requests=missing, failed=bad_stable)
            had += missing
        look = Evidence(
            step=step,
            live=Window(requests=canary, failed=failed),
            live_stable=Window(requests=requests - canary, failed=failed_stable),
            replayed=again,
            replayed_stable=again_stable,
        )
        state, _ = advance(_PLAN, state, Looked(look, in_step, looks))
        if state.step != step:
            in_step = had = 0
    return state.phase, looks


def requests_until_sure(share: float) -> int:
    """How many requests of a canary that fails always, looked at one by one, it takes; production never fails."""
    seen = Seen()
    for canary in _turns(share):
        one, other = (Window(requests=1, failed=1), Window()) if canary else (Window(), Window(requests=1))
        look = Evidence(step=0, live=one, live_stable=other, replayed=Window(), replayed_stable=Window())
        seen = seen.after(look, LIMITS)
        if judge(seen, LIMITS).verdict == "roll_back":
            break
    return seen.users


def _turns(share: float) -> Iterator[bool]:
    owed = 0.0
    while True:
        owed += share
        yield owed >= 1 - 1e-9
        owed -= owed >= 1 - 1e-9
