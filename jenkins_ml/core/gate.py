"""The gate: what was asked of a model, held against what it does; a verdict, and a sentence for every reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jenkins_ml.config.gate import Gate, MetricLimits, Policy, Slice
from jenkins_ml.core.conditions import WARNS, Looks, Subject, conditions_of
from jenkins_ml.core.evaluation.evaluation import Answer, Measured
from jenkins_ml.core.evaluation.evaluation import Slice as Part
from jenkins_ml.core.evaluation.metric import ALWAYS, Metric, asked, usual
from jenkins_ml.core.model_conditions import MODEL
from jenkins_ml.core.slices import SLICE, conditions_of_slices, worse_slices
from jenkins_ml.core.statistics.intervals import Estimate
from jenkins_ml.records import Condition, Measurement, Number, Verdict

Matrix = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the gate found.

    Args:
        verdict: whether the model may be released.
        summary: why, in one sentence.
        conditions: everything that was looked at, in the order of the configuration.
        measurements: every metric of all examples, and of each slice those that something is asked of.
        metrics: every metric of the task on the candidate; None where the examples do not define it.
        baseline_metrics: the same of production; empty without a production version.
        confusion: the candidate's examples by label (row) and predicted class; None where there are no classes.
        baseline_confusion: the same of production; None without a production version.
    """

    verdict: Verdict
    summary: str
    conditions: tuple[Condition, ...]
    measurements: tuple[Measurement, ...]
    metrics: Mapping[str, Number]
    baseline_metrics: Mapping[str, Number]
    confusion: Matrix | None
    baseline_confusion: Matrix | None


def metrics_of(gate: Gate) -> tuple[Metric, ...]:
    """What has to be measured: all that is asked of slices and of all examples, and what is measured of every model."""
    found: dict[Metric, None] = {}
    for name, limits in gate.metrics.items():
        found[asked(name, limits)] = None
    for section in gate.slices:
        for name, limits in (section.metrics or {}).items():
            found[asked(name, limits)] = None
    taken = {metric.name for metric in found}
    for kind in dict.fromkeys(kind for kinds in ALWAYS.values() for kind in kinds):
        if kind not in taken:
            found[usual(kind)] = None
    return tuple(found)


def decide(
    gate: Gate,
    measured: Measured,
    first_release_allowed: bool,
    beside: Sequence[Condition] = (),
    looks: Mapping[tuple[str, str], Looks] | None = None,
) -> Judgement:
    """Whether the candidate may replace production.

    `min` and `max` hold the point value, both ends included. `max_regression` is a paired non-inferiority test: it
    passes when the candidate is, with the gate's confidence, at most that much worse than production, fails when it is
    with the same confidence more than that much worse, and is inconclusive in between; `min_improvement` is the same
    with a change for the better that is required, `max_improvement` holds the point value against what is believed.
    Every condition must hold, so the number of conditions needs no correction (intersection-union test). A limit in
    `warn` never decides.

    Args:
        gate: what is asked.
        measured: what both versions do, by the metrics of `metrics_of` and the slices of the gate, in order.
        first_release_allowed: whether a model may be approved with nothing in production.
        beside: conditions on the model beside its metrics.
        looks: (metric's name, slice's name) -> what repeated looks have come to, of a gate that is sequential.
    """
    return _Decider(gate, measured, looks or {}).judgement(first_release_allowed, beside)


class _Decider:
    """Holds what was measured against what is asked."""

    def __init__(self, gate: Gate, measured: Measured, looks: Mapping[tuple[str, str], Looks]) -> None:
        self._gate = gate
        self._measured = measured
        self._looks = looks
        self._answers: dict[tuple[Metric, Part], Answer] = {}
        self._blocking: list[Condition] = []

    def judgement(self, first_release_allowed: bool, beside: Sequence[Condition]) -> Judgement:
        measured = self._measured
        overall = [
            self._answer(metric, measured.overall)
            for metric in metrics_of(self._gate)
            if metric.name in self._gate.metrics or metric.kind in ALWAYS[measured.task]
        ]
        conditions = [
            condition
            for name, limits in self._gate.metrics.items()
            for condition in self._judge(measured.overall, name, limits, None)
        ]
        conditions += beside
        if self._gate.inconclusive == "fail":
            self._blocking += [condition for condition in beside if condition.outcome == "inconclusive"]
        conditions += conditions_of_slices(self._gate.slices, self._gate.metrics, measured, self._judge)
        conditions = _distinct(conditions)
        sliced = [answer for (_, part), answer in self._answers.items() if part.name]
        conditions += worse_slices(sliced, self._gate.confidence)
        verdict, summary = self._verdict(conditions, first_release_allowed)
        # Of two metrics with one name, one of them is asked of slices only.
        by_name = {answer.metric.name: answer for answer in reversed(overall)}
        ordered = {answer.metric.name: by_name[answer.metric.name] for answer in overall}
        return Judgement(
            verdict=verdict,
            summary=summary,
            conditions=tuple(conditions),
            measurements=tuple(_measurement(answer) for answer in [*ordered.values(), *sliced]),
            metrics={name: _point(answer.candidate) for name, answer in ordered.items()},
            baseline_metrics={name: _point(answer.baseline) for name, answer in ordered.items() if measured.paired},
            confusion=measured.confusion(0),
            baseline_confusion=measured.confusion(1),
        )

    def _judge(self, part: Part, name: str, limits: MetricLimits, section: Slice | None) -> list[Condition]:
        policy: Policy = (section and section.inconclusive) or limits.inconclusive or self._gate.inconclusive
        subject = Subject(
            limits=limits,
            policy=policy,
            confidence=self._gate.confidence,
            answer=self._answer(asked(name, limits), part),
            task=self._measured.task,
            paired=self._measured.paired,
            looks=self._looks.get((name, part.name)),
        )
        found = conditions_of(subject)
        if policy == "fail":
            self._blocking += [condition for condition in found if condition.outcome == "inconclusive"]
        return found

    def _answer(self, metric: Metric, part: Part) -> Answer:
        if (metric, part) not in self._answers:
            self._answers[metric, part] = self._measured.answer(metric, part, self._gate.confidence)
        return self._answers[metric, part]

    def _verdict(self, conditions: Sequence[Condition], first_release_allowed: bool) -> tuple[Verdict, str]:
        compared = self._measured.paired
        of_metrics = [condition for condition in conditions if condition.metric != MODEL]
        if all(condition.kind.startswith(WARNS) for condition in of_metrics):
            only = "nothing but warnings" if of_metrics else "nothing"
            return "rejected", f"{only} was asked of the model: set limits under gate.metrics"
        if failed := [condition for condition in conditions if condition.outcome == "failed"]:
            return "rejected", _first_of(failed)
        if not compared and not first_release_allowed:
            return "inconclusive", (
                "nothing is in production to compare with, and a first release is not allowed here: "
                "check that the store is the right one, or set gate.first_release: allow"
            )
        if self._blocking:
            return "inconclusive", _first_of(self._blocking)
        passed = sum(condition.outcome == "passed" for condition in conditions)
        small = sum((condition.metric, condition.kind) == (SLICE, "size") for condition in conditions)
        if small == len(of_metrics):
            return "rejected", "nothing was judged: every slice has too few examples, and nothing else was asked"
        summary = f"{passed} of {len(conditions)} conditions passed on {self._measured.overall.count:,} examples"
        let_pass = [condition for condition in conditions if condition.outcome in ("inconclusive", "warned")]
        if unsettled := [condition.name for condition in let_pass if not condition.kind.startswith(WARNS)]:
            summary += f"; not settled, and let pass as configured: {_listed(unsettled)}"
        if warned := [condition.name for condition in let_pass if condition.kind.startswith(WARNS)]:
            summary += f"; warned of: {_listed(warned)}"
        if small:
            summary += f"; {small} slice{'s' if small > 1 else ''} with too few examples not judged"
        if not compared:
            summary += "; a first release, with nothing in production to compare with"
        return "approved", summary


def _distinct(conditions: Sequence[Condition]) -> list[Condition]:
    """The same with names that occur once: two sections may judge the same slice."""
    seen: Counter[str] = Counter()
    found = []
    for condition in conditions:
        seen[condition.name] += 1
        number = seen[condition.name]
        found.append(condition if number == 1 else replace(condition, name=f"{condition.name} ({number})"))
    return found


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _first_of(found: Sequence[Condition]) -> str:
    return found[0].reason + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")


def _measurement(answer: Answer) -> Measurement:
    return Measurement(
        metric=answer.metric.name,
        slice=answer.part.name,
        count=answer.part.count,
        candidate=_point(answer.candidate),
        candidate_low=_bound(answer.candidate, "low"),
        candidate_high=_bound(answer.candidate, "high"),
        baseline=_point(answer.baseline),
        baseline_low=_bound(answer.baseline, "low"),
        baseline_high=_bound(answer.baseline, "high"),
        difference=_point(answer.difference),
        low=0.0 if answer.alike and answer.difference else _bound(answer.difference, "low"),
        high=0.0 if answer.alike and answer.difference else _bound(answer.difference, "high"),
        error=answer.error,
        lower_is_better=answer.metric.lower_is_better,
    )


def _point(estimate: Estimate | None) -> Number:
    return None if estimate is None else float(estimate.point)


def _bound(estimate: Estimate | None, end: str) -> Number:
    if estimate is None or not math.isfinite(bound := getattr(estimate, end)):
        return None
    return float(bound)
