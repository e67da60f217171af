"""One metric against its limits: an outcome for each limit, and the sentence that says why."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from jenkins_ml.config.gate import MetricLimits
from jenkins_ml.core.comparison import NO_DIFFERENCE, compare
from jenkins_ml.core.examples import Scored
from jenkins_ml.core.intervals import Difference, examples_needed
from jenkins_ml.core.metrics import LOWER_IS_BETTER, METRICS
from jenkins_ml.core.ranking import Average
from jenkins_ml.records import Condition, Outcome

FLOAT_NOISE: Final = 1e-9  # relative: 0.80 + 0.05 counts as 0.85, which it is not in binary

WARNS: Final = "warn_"  # begins the kind of a condition that stops nothing

Policy = Literal["fail", "warn", "pass"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One metric, and all that its conditions need to know.

    Args:
        metric: its name.
        limits: what is asked of it.
        policy: what becomes of a comparison that the examples cannot settle.
        confidence: of each comparison, in (0.5, 1).
        candidate: the candidate's examples.
        baseline: the same examples as production answered them; None when nothing is in production.
        value: the candidate's metric; None where it is not defined.
        baseline_value: production's metric; None where it is not defined, or without production.
    """

    metric: str
    limits: MetricLimits
    policy: Policy
    confidence: float
    candidate: Scored
    baseline: Scored | None
    value: float | None
    baseline_value: float | None


def conditions_of(subject: Subject) -> list[Condition]:
    """A condition for each limit that is set, and then for each that only warns."""
    limits = subject.limits
    found = [_condition(subject, kind, limit) for kind, limit in limits.asked.items()]
    if limits.warn is not None:
        found += [_warning(_condition(subject, kind, limit)) for kind, limit in limits.warn.asked.items()]
    return found


def _warning(condition: Condition) -> Condition:
    """The same of a limit that stops nothing."""
    outcome: Outcome = "warned" if condition.outcome in ("failed", "inconclusive") else condition.outcome
    kind = WARNS + condition.kind
    return replace(condition, name=f"{condition.metric} {kind}", kind=kind, outcome=outcome)


def average_of(limits: MetricLimits) -> Average:
    """The average over several classes; macro unless the configuration says otherwise."""
    return limits.average or "macro"


def _condition(subject: Subject, kind: str, limit: float) -> Condition:
    if subject.value is None:
        return _found(subject, kind, limit, "failed", _why_undefined(subject))
    if kind not in ("min", "max"):
        return _change_condition(subject, subject.value, kind, limit)
    value, bound = _apart(subject.value, limit)
    if kind == "min":
        passed = _at_most(limit, subject.value)
        relation = "is at least" if passed else "is below the minimum of"
    else:
        passed = _at_most(subject.value, limit)
        relation = "is at most" if passed else "is above the maximum of"
    return _found(
        subject, kind, limit, "passed" if passed else "failed", f"{subject.metric} {value} {relation} {bound}"
    )


def _change_condition(subject: Subject, value: float, kind: str, limit: float) -> Condition:
    """A change against production, held against its limit: in the metric's unit, or as a share of production's value."""
    if subject.baseline is None:
        reason = f"nothing is in production to compare {subject.metric} {value:.4g} with"
        return _found(subject, kind, limit, "skipped", reason)
    if subject.baseline_value is None:
        reason = f"{subject.metric} of production is not defined on these examples"
        return _found(subject, kind, limit, "failed", reason)
    absolute = limit
    if "relative" in kind:
        if subject.baseline_value == 0:
            reason = f"{subject.metric} of production is 0, so nothing can be said relative to it"
            return _found(subject, kind, limit, "failed", reason)
        absolute = limit * abs(subject.baseline_value)
    seen = f"{subject.metric} {value:.4g} against {subject.baseline_value:.4g} in production"
    difference = compare(
        subject.metric, subject.candidate, subject.baseline, average_of(subject.limits), subject.confidence
    )
    if kind.startswith("max_") and kind.endswith("improvement"):
        outcome, reason = _capped(subject, difference, absolute)
        return _found(subject, kind, limit, outcome, f"{seen}: {reason}")
    # A required improvement is a regression of less than nothing.
    margin = absolute if kind.endswith("regression") else -absolute
    if subject.limits.compare == "point":
        outcome, reason = _point(subject, difference, margin)
        return _found(subject, kind, limit, outcome, f"{seen}: {reason}")
    outcome, reason, needed = _held(subject, difference, margin)
    return _found(subject, kind, limit, outcome, f"{seen}: {reason}", difference, needed)


def _capped(subject: Subject, difference: Difference, most: float) -> tuple[Outcome, str]:
    """Outcome and reason of an improvement held against the most that is believed."""
    better = -_worse(subject, difference.point)
    if _at_most(better, most):
        return "passed", f"{_change(-better, most)}, up to {most:.4g} better is believed"
    return "failed", f"{_change(-better, most)}, more than {most:.4g} is too good to be true: look for leaked examples"


def _point(subject: Subject, difference: Difference, margin: float) -> tuple[Outcome, str]:
    """Outcome and reason of two values, whatever other examples would say."""
    worse = _worse(subject, difference.point)
    outcome: Outcome = "passed" if _at_most(worse, margin) else "failed"
    return outcome, f"{_change(worse, margin)} by the point values, {_asked(margin)}"


def _worse(subject: Subject, change: float) -> float:
    """A change turned so that a positive one is a worse model."""
    return change if subject.metric in LOWER_IS_BETTER else -change


def _asked(margin: float) -> str:
    return f"{margin:.4g} is allowed" if margin >= 0 else f"{-margin:.4g} better is required"


def _held(subject: Subject, difference: Difference, margin: float) -> tuple[Outcome, str, int | None]:
    """Outcome, reason and examples needed of a difference held against the margin."""
    if difference == NO_DIFFERENCE:
        if _at_most(0.0, margin):
            return "passed", "both answer every example alike", None
        return "failed", f"both answer every example alike, {_asked(margin)}", None
    change = _worse(subject, difference.point)
    best, worst = sorted((_worse(subject, difference.low), _worse(subject, difference.high)))
    sure, count = f"at {100 * subject.confidence:.4g} % confidence", subject.candidate.count
    if _at_most(worst, margin):
        return "passed", f"{sure} at worst {_change(worst, margin)}, {_asked(margin)}", None
    if not _at_most(best, margin):
        only = "only " if margin >= 0 else ""
        return "failed", f"{sure} at best {_change(best, margin)}, {only}{_asked(margin)}", None
    needed = examples_needed(count, difference.sigma, margin - change, subject.confidence)
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
    difference: Difference | None = None,
    needed: int | None = None,
) -> Condition:
    return Condition(
        name=f"{subject.metric} {kind}",
        metric=subject.metric,
        kind=kind,
        outcome=outcome,
        candidate=subject.value,
        baseline=subject.baseline_value,
        limit=limit,
        low=None if difference is None or math.isinf(difference.low) else difference.low,
        high=None if difference is None or math.isinf(difference.high) else difference.high,
        count=subject.candidate.count,
        needed=needed,
        reason=reason,
    )


def _why_undefined(subject: Subject) -> str:
    known = METRICS[subject.candidate.task]
    if subject.metric not in known:
        return f"{subject.candidate.task} has no {subject.metric}, only {', '.join(known)}"
    if subject.metric == "loss":
        return "the loss is too large for a number"
    missing = "all are of one class" if subject.metric == "roc_auc" else "none is of class 1"
    return f"{subject.metric} is not defined on these examples: {missing}"


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
