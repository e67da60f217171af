"""The conditions of a decision in the order in which a reader needs them, each number with its interval and count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from jenkins_ml.records import Condition, Decision, Measurement, Outcome
from jenkins_ml.reporting.estimate import Estimate, candidate_of, difference_of, production_of
from jenkins_ml.reporting.text import counted

RANK: Final[Mapping[Outcome, int]] = {"failed": 0, "inconclusive": 1, "warned": 2, "skipped": 3, "passed": 4}
_CHANGES: Final = ("regression", "improvement")  # how the kinds end that are about candidate - production


@dataclass(frozen=True, kw_only=True)
class Line:
    """A condition with the intervals that were measured."""

    condition: Condition
    candidate: Estimate
    production: Estimate
    difference: Estimate

    def numbers(self, other: str) -> str:
        """All its numbers in one sentence; `other` is what stands beside the candidate, such as "production"."""
        parts = {
            "candidate": self.candidate,
            other: self.production,
            f"candidate - {other}": self.difference,
            "limit": Estimate(value=self.condition.limit),
        }
        told = [f"{name} {part.written()}" for name, part in parts.items() if part.value is not None]
        return ", ".join([*told, counted(self.condition.count, "example")])


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Conditions about all examples, and about slices: what did not pass comes first.

    Slices come with their worst condition, then as they were configured.
    """

    overall: tuple[Line, ...]
    sliced: tuple[Line, ...]


def lines(decision: Decision) -> Lines:
    """Every condition of a decision."""
    measured = {(item.metric, item.slice): item for item in decision.measurements}
    found = [_line(condition, measured.get((condition.metric, condition.slice))) for condition in decision.conditions]
    worst: dict[str, int] = {}
    for line in found:
        where, rank = line.condition.slice, RANK[line.condition.outcome]
        worst[where] = min(rank, worst.get(where, rank))
    place = {where: index for index, where in enumerate(worst)}

    def order(line: Line) -> tuple[int, int, int]:
        where = line.condition.slice
        return worst[where], place[where], RANK[line.condition.outcome]

    return Lines(
        overall=tuple(sorted((line for line in found if not line.condition.slice), key=order)),
        sliced=tuple(sorted((line for line in found if line.condition.slice), key=order)),
    )


def is_change(condition: Condition) -> bool:
    """Whether it is about candidate - production."""
    return condition.kind.endswith(_CHANGES)


def needs_a_look(condition: Condition) -> bool:
    """Whether something did not hold; of hundreds of slices the others are only counted where space is short."""
    return condition.outcome in ("failed", "inconclusive", "warned")


def tally(conditions: Iterable[Condition]) -> str:
    """How many there are of each outcome: "1 failed, 12 passed"; empty without any."""
    counts = Counter(condition.outcome for condition in conditions)
    return ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in RANK if counts[outcome])


def _line(condition: Condition, measurement: Measurement | None) -> Line:
    value, baseline = condition.candidate, condition.baseline
    if value is None:  # it is about no value, or there is none
        measurement = None
    candidate, production, difference = Estimate(value=value), Estimate(value=baseline), Estimate()
    if measurement is not None:
        candidate, production = candidate_of(measurement), production_of(measurement)
    if is_change(condition):
        if measurement is not None:
            difference = difference_of(measurement)
        elif value is not None and baseline is not None:
            difference = Estimate(value=value - baseline)
        difference = _decided(difference, condition)
    else:
        candidate = _decided(candidate, condition)
    return Line(condition=condition, candidate=candidate, production=production, difference=difference)


def _decided(estimate: Estimate, condition: Condition) -> Estimate:
    """With the interval that decided, where one did."""
    if condition.low is None and condition.high is None:
        return estimate
    return replace(estimate, low=condition.low, high=condition.high)
