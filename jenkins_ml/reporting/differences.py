"""Candidate minus production: of each metric, and slice by slice with the worst first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jenkins_ml.records import Condition, Decision, Measurement, Number, Outcome
from jenkins_ml.reporting.conditions import RANK

_WARNS: Final = "warn_"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A metric of the candidate minus production's.

    Args:
        name: of the condition, of the slice, or of the metric.
        candidate: the candidate's value.
        production: production's value.
        count: how many examples it rests on.
        low, high: the interval of the difference; None where there is none.
        margin: the difference from which on it is too much worse, signed; None without a limit.
        lower_is_better: on which side of the margin too much worse lies.
        outcome: the worst outcome of the conditions about it; None without any.
    """

    name: str
    candidate: float
    production: float
    count: int
    low: Number = None
    high: Number = None
    margin: Number = None
    lower_is_better: bool = False
    outcome: Outcome | None = None

    @property
    def value(self) -> float:
        """Candidate minus production."""
        return self.candidate - self.production


@dataclass(frozen=True, kw_only=True)
class SliceFinding:
    """A metric on a slice.

    Args:
        measurement: what was measured.
        margin, lower_is_better, outcome: as in `Difference`.
    """

    measurement: Measurement
    margin: Number
    lower_is_better: bool
    outcome: Outcome | None

    @property
    def difference(self) -> Difference | None:
        """The same as a difference to production; None where there is none."""
        item = self.measurement
        if item.candidate is None or item.baseline is None:
            return None
        return Difference(
            name=item.slice,
            candidate=item.candidate,
            production=item.baseline,
            count=item.count,
            low=item.low,
            high=item.high,
            margin=self.margin,
            lower_is_better=self.lower_is_better,
            outcome=self.outcome,
        )


def overall(decision: Decision) -> tuple[Difference, ...]:
    """On all examples: each condition that allows or asks for a change, then each metric that none is about."""
    compared = [item for item in decision.conditions if not item.slice and _has_margin(item)]
    found = [difference for item in compared if (difference := _of_condition(item)) is not None]
    named = {item.metric for item in compared}
    for item in decision.measurements:
        if not item.slice and item.metric not in named:
            found += _unlimited(item)
            named.add(item.metric)
    for metric in sorted(decision.metrics.keys() - named):  # a decision may come without measurements
        candidate, baseline = decision.metrics[metric], decision.baseline_metrics.get(metric)
        if candidate is not None and baseline is not None:
            found.append(Difference(name=metric, candidate=candidate, production=baseline, count=decision.count))
    return tuple(found)


def worst_first(decision: Decision) -> tuple[SliceFinding, ...]:
    """Every measurement of a slice: those whose conditions did not hold first, then the surest to be worse.

    How sure is the change for the worse in units of the distance from it to its bound on the better side; without
    production the same of the slice against all examples. So a slice of few examples, whose values scatter, does not
    come before a large one that has surely lost.
    """
    conditions: dict[tuple[str, str], list[Condition]] = {}
    for condition in decision.conditions:
        if condition.slice:
            conditions.setdefault((condition.metric, condition.slice), []).append(condition)
    whole = {item.metric: item.candidate for item in decision.measurements if not item.slice}
    found = [
        _finding(item, conditions.get((item.metric, item.slice), [])) for item in decision.measurements if item.slice
    ]

    def order(finding: SliceFinding) -> tuple[int, float]:
        outcome = finding.outcome if finding.outcome in ("failed", "inconclusive", "warned") else "passed"
        return RANK[outcome], -_evidence(finding, whole.get(finding.measurement.metric))

    return tuple(sorted(found, key=order))


def _of_condition(condition: Condition) -> Difference | None:
    if condition.candidate is None or condition.baseline is None:
        return None
    return Difference(
        name=condition.name,
        candidate=condition.candidate,
        production=condition.baseline,
        count=condition.count,
        low=condition.low,
        high=condition.high,
        margin=_margin(condition),
        lower_is_better=condition.lower_is_better,
        outcome=condition.outcome,
    )


def _unlimited(item: Measurement) -> Iterable[Difference]:
    if item.candidate is not None and item.baseline is not None:
        yield Difference(
            name=item.metric,
            candidate=item.candidate,
            production=item.baseline,
            count=item.count,
            low=item.low,
            high=item.high,
            lower_is_better=item.lower_is_better,
        )


def _finding(measurement: Measurement, conditions: list[Condition]) -> SliceFinding:
    outcomes = sorted((condition.outcome for condition in conditions), key=RANK.__getitem__)
    # Of several margins the one that leaves least.
    margins = [margin for item in conditions if (margin := _margin(item)) is not None]
    return SliceFinding(
        measurement=measurement,
        margin=(min if measurement.lower_is_better else max)(margins, default=None),
        lower_is_better=measurement.lower_is_better,
        outcome=outcomes[0] if outcomes else None,
    )


def _has_margin(condition: Condition) -> bool:
    return condition.kind.endswith("regression") or condition.kind.removeprefix(_WARNS).startswith("min_")


def _margin(condition: Condition) -> Number:
    """The difference from which on a condition does not hold; None for one that is about none."""
    if condition.limit is None or not _has_margin(condition):
        return None
    better = condition.limit if condition.kind.endswith("improvement") else -condition.limit
    if "relative" in condition.kind:
        if condition.baseline is None:
            return None
        better *= abs(condition.baseline)
    return -better if condition.lower_is_better else better


def _evidence(finding: SliceFinding, whole: Number) -> float:
    """How sure a slice is to be worse than production, or without it than all examples; 0 where nothing is known."""
    item = finding.measurement
    change, low, high = item.difference, item.low, item.high
    if item.baseline is None:
        if item.candidate is None or whole is None:
            return 0.0
        change, low, high = item.candidate - whole, item.candidate_low, item.candidate_high
        low, high = (None if end is None else end - whole for end in (low, high))
    bound = low if finding.lower_is_better else high
    if change is None or bound is None:
        return 0.0
    worse = change if finding.lower_is_better else -change
    reach = abs(bound - change)
    if reach == 0:
        return math.copysign(math.inf, worse) if worse else 0.0
    return worse / reach
