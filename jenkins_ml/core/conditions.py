"""One metric against its limits: an outcome for each limit, and the sentence that says why."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from jenkins_ml.config.gate import Bounds, MetricLimits, Policy, Task
from jenkins_ml.core.evaluation.evaluation import Answer, Slice
from jenkins_ml.core.evaluation.metric import Metric, kinds_of
from jenkins_ml.core.statistics import sequential
from jenkins_ml.core.statistics.intervals import Estimate, examples_needed
from jenkins_ml.core.statistics.sequential import Evidence, bounds
from jenkins_ml.records import Condition, Outcome

FLOAT_NOISE: Final = 1e-9  # relative: 0.80 + 0.05 counts as 0.85, which it is not in binary

WARNS: Final = "warn_"  # begins the kind of a condition that stops nothing


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What all looks at a change have come to, where the gate looks again and again.

    Args:
        evidence: of all of them.
        alpha: this candidate's share of the error budget.
    """

    evidence: Evidence
    alpha: float


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One metric on one slice, and all that its conditions need to know.

    Args:
        limits: what is asked of it.
        policy: what becomes of a comparison that the examples cannot settle.
        confidence: of each comparison, in (0.5, 1).
        answer: what was measured.
        task: what kind of model it is.
        paired: whether there is a production version.
        looks: with repeated looks, what they have come to; else None.
    """

    limits: MetricLimits
    policy: Policy
    confidence: float
    answer: Answer
    task: Task
    paired: bool
    looks: Looks | None = None

    @property
    def metric(self) -> Metric:
        """Which metric."""
        return self.answer.metric

    @property
    def part(self) -> Slice:
        """On which examples."""
        return self.answer.part

    @property
    def count(self) -> int:
        """How many examples a comparison rests on."""
        return self.part.count if self.looks is None else self.looks.evidence.count


def conditions_of(subject: Subject) -> list[Condition]:
    """A condition for each limit that is set, and then for each that only warns."""
    limits = subject.limits
    found = [_condition(subject, kind, limit) for kind, limit in limits.asked.items()]
    if limits.warn is not None:
        found += [_warning(_condition(subject, kind, limit)) for kind, limit in limits.warn.asked.items()]
    return found


def named(metric: str, kind: str, part: str) -> str:
    """The name of a condition, unique in a decision."""
    return f"{metric} {kind} where {part}" if part else f"{metric} {kind}"


def compares(bounds: Bounds) -> bool:
    """Whether any of the limits is of a change against production."""
    return any(kind not in ("min", "max") for kind in bounds.asked)


def _warning(condition: Condition) -> Condition:
    """The same of a limit that stops nothing."""
    outcome: Outcome = "warned" if condition.outcome in ("failed", "inconclusive") else condition.outcome
    kind = WARNS + condition.kind
    return replace(condition, name=named(condition.metric, kind, condition.slice), kind=kind, outcome=outcome)


def _condition(subject: Subject, kind: str, limit: float) -> Condition:
    name = subject.metric.name
    if subject.limits.threshold is not None and subject.task == "multiclass":
        return _found(subject, kind, limit, "failed", _why_undefined(subject))
    if subject.answer.candidate is None:
        if subject.metric.kind == "flip_rate" and subject.metric.fits(subject.task) and not subject.paired:
            return _found(subject, kind, limit, "skipped", f"nothing is in production to compare {name} with")
        return _found(subject, kind, limit, "failed", _why_undefined(subject))
    point = subject.answer.candidate.point
    if kind not in ("min", "max"):
        return _change_condition(subject, point, kind, limit)
    value, bound = _apart(point, limit)
    if kind == "min":
        passed = _at_most(limit, point)
        relation = "is at least" if passed else "is below the minimum of"
    else:
        passed = _at_most(point, limit)
        relation = "is at most" if passed else "is above the maximum of"
    return _found(subject, kind, limit, "passed" if passed else "failed", f"{name} {value} {relation} {bound}")


def _change_condition(subject: Subject, value: float, kind: str, limit: float) -> Condition:
    """A change against production, held against its limit: in the metric's unit, or as a share of production's value."""
    name, answer = subject.metric.name, subject.answer
    if not subject.paired:
        return _found(subject, kind, limit, "skipped", f"nothing is in production to compare {name} {value:.4g} with")
    if answer.baseline is None or answer.difference is None:
        return _found(subject, kind, limit, "failed", f"{name} of production is not defined on these examples")
    absolute, was = limit, answer.baseline.point
    if subject.looks is not None and subject.limits.compare == "paired":
        was = subject.looks.evidence.baseline
    if "relative" in kind:
        if was == 0:
            reason = f"{name} of production is 0, so nothing can be said relative to it"
            return _found(subject, kind, limit, "failed", reason)
        absolute = limit * abs(was)
    seen = f"{name} {value:.4g} against {answer.baseline.point:.4g} in production"
    if kind.startswith("max_") and kind.endswith("improvement"):
        outcome, reason = _capped(subject, answer.difference, absolute)
        return _found(subject, kind, limit, outcome, f"{seen}: {reason}")
    # A required improvement is a regression of less than nothing.
    margin = absolute if kind.endswith("regression") else -absolute
    if subject.limits.compare == "point":
        outcome, reason = _point(subject, answer.difference, margin)
        return _found(subject, kind, limit, outcome, f"{seen}: {reason}")
    if answer.alike and subject.looks is None:
        outcome = "passed" if _at_most(0.0, margin) else "failed"
        asked = "" if outcome == "passed" else f", {_asked(margin)}"
        nothing = Estimate(0.0, 0.0, 0.0, 0.0)
        return _found(subject, kind, limit, outcome, f"{seen}: both answer every example alike{asked}", nothing)
    looks = subject.looks
    change = answer.difference if looks is None else bounds(looks.evidence, looks.alpha)
    outcome, reason, needed = _held(subject, change, margin)
    return _found(subject, kind, limit, outcome, f"{seen}: {reason}", change, needed)


def _capped(subject: Subject, difference: Estimate, most: float) -> tuple[Outcome, str]:
    """Outcome and reason of an improvement held against the most that is believed."""
    better = -_worse(subject, difference.point)
    if _at_most(better, most):
        return "passed", f"{_change(-better, most)}, up to {most:.4g} better is believed"
    return "failed", f"{_change(-better, most)}, more than {most:.4g} is too good to be true: look for leaked examples"


def _point(subject: Subject, difference: Estimate, margin: float) -> tuple[Outcome, str]:
    """Outcome and reason of two values, whatever other examples would say."""
    worse = _worse(subject, difference.point)
    outcome: Outcome = "passed" if _at_most(worse, margin) else "failed"
    return outcome, f"{_change(worse, margin)} by the point values, {_asked(margin)}"


def _worse(subject: Subject, change: float) -> float:
    """A change turned so that a positive one is a worse model."""
    return change if subject.metric.lower_is_better else -change


def _asked(margin: float) -> str:
    allowed = math.copysign(1, margin) > 0  # -0.0 is a required improvement of nothing
    return f"{margin:.4g} is allowed" if allowed else f"{-margin:.4g} better is required"


def _held(subject: Subject, difference: Estimate, margin: float) -> tuple[Outcome, str, int | None]:
    """Outcome, reason and examples needed of a difference held against the margin."""
    change = _worse(subject, difference.point)
    best, worst = sorted((_worse(subject, difference.low), _worse(subject, difference.high)))
    sure, count = f"at {100 * subject.confidence:.4g} % confidence", subject.count
    if subject.looks is not None:
        number = subject.looks.evidence.looks
        sure += f" over {number} look{'s' if number > 1 else ''} and all candidates"
    if _at_most(worst, margin):
        return "passed", f"{sure} at worst {_change(worst, margin)}, {_asked(margin)}", None
    if not _at_most(best, margin):
        only = "only " if margin >= 0 else ""
        return "failed", f"{sure} at best {_change(best, margin)}, {only}{_asked(margin)}", None
    share = subject.metric.kind in ("accuracy", "top_k_accuracy")
    needed = examples_needed(count, difference.sigma, margin - change, subject.confidence, share=share)
    if subject.looks is not None:
        limit = margin if subject.metric.lower_is_better else -margin
        needed = sequential.examples_needed(subject.looks.evidence, limit, subject.looks.alpha)
    if math.isfinite(worst - best):
        between = f"{sure} between {_change(best, margin)} and {_change(worst, margin)}, {_asked(margin)}"
    else:
        between = "too few examples to tell how much worse it may be"
    advice = (
        "no practical number of examples would settle it" if needed is None else f"about {needed:,} would settle it"
    )
    outcome: Outcome = "warned" if subject.policy == "warn" else "inconclusive"
    return outcome, f"{between}; there are {count:,} examples, {advice}", needed


def _found(
    subject: Subject,
    kind: str,
    limit: float,
    outcome: Outcome,
    reason: str,
    difference: Estimate | None = None,
    needed: int | None = None,
) -> Condition:
    answer, metric = subject.answer, subject.metric.name
    return Condition(
        name=named(metric, kind, subject.part.name),
        metric=metric,
        kind=kind,
        outcome=outcome,
        candidate=None if answer.candidate is None else answer.candidate.point,
        baseline=None if answer.baseline is None else answer.baseline.point,
        limit=limit,
        low=None if difference is None or math.isinf(difference.low) else difference.low,
        high=None if difference is None or math.isinf(difference.high) else difference.high,
        count=subject.part.count if difference is None else subject.count,
        needed=needed,
        reason=f"{subject.part.name}: {reason}" if subject.part.name else reason,
        slice=subject.part.name,
        lower_is_better=subject.metric.lower_is_better,
    )


def _why_undefined(subject: Subject) -> str:
    metric, known = subject.metric, kinds_of(subject.task)
    if subject.limits.threshold is not None and subject.task == "multiclass":
        return "a multiclass model decides for the class with the highest score: `threshold` means nothing for it"
    if not metric.fits(subject.task):
        return f"{subject.task} has no {metric.kind}, only {', '.join(known)}"
    if not subject.part.count:
        return f"{metric.name} is not defined: no example has a weight above 0"
    if metric.family == "means" and metric.kind != "r2":
        return f"the {metric.name} is too large for a number"
    if metric.family == "own":
        return f"{metric.name} is not defined on these examples: its function gave no finite number"
    if metric.of_class is not None:
        missing = f"none is of class {metric.of_class}, or all are"
    elif metric.family == "ranks":
        missing = "all are of one class"
    elif metric.kind == "r2":
        missing = "all labels are the same"
    else:
        missing = f"none is of class {0 if metric.kind == 'specificity' else 1}"
    return f"{metric.name} is not defined on these examples: {missing}"


def _at_most(value: float, limit: float) -> bool:
    return value <= limit or math.isclose(value, limit, rel_tol=FLOAT_NOISE)


def _apart(value: float, limit: float) -> tuple[str, str]:
    """Both with four significant digits, or with as many as it takes to see that they differ."""
    for digits in range(4, 17):
        texts = f"{value:.{digits}g}", f"{limit:.{digits}g}"
        if texts[0] != texts[1] or math.isclose(value, limit, rel_tol=FLOAT_NOISE):
            break
    return texts


def _change(worse: float, margin: float) -> str:
    return f"{_apart(abs(worse), abs(margin))[0]} {'worse' if worse >= 0 else 'better'}"
