"""The gate: what was asked of a model, held against what it does; a verdict, and a sentence for every reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jenkins_ml.config.gate import Gate
from jenkins_ml.core.comparison import check_same_examples
from jenkins_ml.core.conditions import WARNS, Subject, average_of, conditions_of
from jenkins_ml.core.examples import Scored
from jenkins_ml.core.metrics import confusion, evaluate
from jenkins_ml.core.ranking import Average
from jenkins_ml.records import Condition, Number, Verdict

Matrix = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the gate found.

    Args:
        verdict: whether the model may be released.
        summary: why, in one sentence.
        conditions: everything that was looked at, in the order of the configuration.
        metrics: every metric of the task on the candidate; None where the examples do not define it.
        baseline_metrics: the same of production; empty without a production version.
        confusion: the candidate's examples by label (row) and predicted class; None for regression.
        baseline_confusion: the same of production; None without a production version.
    """

    verdict: Verdict
    summary: str
    conditions: tuple[Condition, ...]
    metrics: Mapping[str, Number]
    baseline_metrics: Mapping[str, Number]
    confusion: Matrix | None
    baseline_confusion: Matrix | None


def decide(gate: Gate, candidate: Scored, baseline: Scored | None, first_release_allowed: bool) -> Judgement:
    """Whether the candidate may replace production.

    `min` and `max` hold the point value, both ends included. `max_regression` is a paired non-inferiority test: it
    passes when the candidate is, with the gate's confidence, at most that much worse than production, fails when it is
    with the same confidence more than that much worse, and is inconclusive in between; `min_improvement` is the same
    with a change for the better that is required, `max_improvement` holds the point value against what is believed.
    Every condition must hold, so the number of conditions needs no correction (intersection-union test). A limit in
    `warn` never decides.

    Args:
        gate: what is asked.
        candidate: its predictions.
        baseline: production's predictions of the same examples; None when nothing is in production.
        first_release_allowed: whether a model may be approved with nothing in production.

    Raises:
        IntegrityError: candidate and baseline are not about the same examples.
        StageFailed: they cannot be compared.
    """
    if baseline is not None:
        check_same_examples(candidate, baseline)
    averages: dict[str, Average] = {name: average_of(limits) for name, limits in gate.metrics.items()}
    metrics = evaluate(candidate, averages)
    baseline_metrics = {} if baseline is None else evaluate(baseline, averages)
    conditions: list[Condition] = []
    blocking: list[Condition] = []
    for name, limits in gate.metrics.items():
        subject = Subject(
            metric=name,
            limits=limits,
            policy=limits.inconclusive or gate.inconclusive,
            confidence=gate.confidence,
            candidate=candidate,
            baseline=baseline,
            value=metrics.get(name),
            baseline_value=baseline_metrics.get(name),
        )
        found = conditions_of(subject)
        conditions += found
        if subject.policy == "fail":
            blocking += [condition for condition in found if condition.outcome == "inconclusive"]
    verdict, summary = _verdict(conditions, blocking, baseline is not None, first_release_allowed)
    return Judgement(
        verdict=verdict,
        summary=summary,
        conditions=tuple(conditions),
        metrics=metrics,
        baseline_metrics=baseline_metrics,
        confusion=_matrix(candidate),
        baseline_confusion=None if baseline is None else _matrix(baseline),
    )


def _verdict(
    conditions: list[Condition], blocking: list[Condition], compared: bool, first_release_allowed: bool
) -> tuple[Verdict, str]:
    if all(condition.kind.startswith(WARNS) for condition in conditions):
        only = "nothing but warnings" if conditions else "nothing"
        return "rejected", f"{only} was asked of the model: set limits under gate.metrics"
    if failed := [condition for condition in conditions if condition.outcome == "failed"]:
        return "rejected", _first_of(failed)
    if not compared and not first_release_allowed:
        return "inconclusive", (
            "nothing is in production to compare with, and a first release is not allowed here: "
            "check that the store is the right one, or set gate.first_release: allow"
        )
    if blocking:
        return "inconclusive", _first_of(blocking)
    passed = sum(condition.outcome == "passed" for condition in conditions)
    summary = f"{passed} of {len(conditions)} conditions passed on {conditions[0].count:,} examples"
    let_pass = [condition for condition in conditions if condition.outcome in ("inconclusive", "warned")]
    if unsettled := [condition.name for condition in let_pass if not condition.kind.startswith(WARNS)]:
        summary += f"; not settled, and let pass as configured: {', '.join(unsettled)}"
    if warned := [condition.name for condition in let_pass if condition.kind.startswith(WARNS)]:
        summary += f"; warned of: {', '.join(warned)}"
    if not compared:
        summary += "; a first release, with nothing in production to compare with"
    return "approved", summary


def _first_of(found: list[Condition]) -> str:
    return found[0].reason + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")


def _matrix(scored: Scored) -> Matrix | None:
    if scored.task == "regression":
        return None
    return tuple(tuple(row) for row in confusion(scored).tolist())
