"""Conditions on parts of the examples: each slice by itself, and whether any of them got worse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import Final

from jenkins_ml.config.gate import MetricLimits, Slice
from jenkins_ml.core.conditions import WARNS, named
from jenkins_ml.core.evaluation.evaluation import Answer, Measured
from jenkins_ml.core.evaluation.evaluation import Slice as Part
from jenkins_ml.core.evaluation.groups import Slicing, number_text
from jenkins_ml.core.statistics.multiplicity import holm
from jenkins_ml.records import Condition, Outcome

SLICE: Final = "slice"  # what stands for the metric in conditions about slices themselves
_NAMED: Final = 5  # slices in a sentence

Judge = Callable[[Part, str, MetricLimits, Slice], list[Condition]]
"""A slice, a metric's name and limits, and the section that asks for them -> its conditions."""


def slicing_of(asked: Slice) -> Slicing:
    """What a section of `gate.slices` cuts by."""
    values = None if asked.values is None else tuple(map(number_text, asked.values))
    return Slicing(columns=asked.columns, values=values, quantiles=asked.quantiles)


def limits_of(asked: Slice, metrics: Mapping[str, MetricLimits]) -> Mapping[str, MetricLimits]:
    """What each slice has to hold: its own limits, or those of all examples."""
    return metrics if asked.metrics is None else asked.metrics


def conditions_of_slices(
    asked: Sequence[Slice], metrics: Mapping[str, MetricLimits], measured: Measured, judge: Judge
) -> Iterator[Condition]:
    """Every condition of every slice.

    A column that is not there, and a value that never appears, fail; a slice with fewer than `min_examples` has a
    condition that says so.
    """
    for number, section in enumerate(asked, 1):
        slicing = slicing_of(section)
        if failure := measured.failure(number):
            yield _about(slicing.title, "missing", "failed", 0, failure)
            continue
        parts = measured.slices(number)
        present = {part.name for part in parts}
        for value in slicing.values or ():
            name = f"{slicing.columns[0]}={value}"
            if name not in present:
                yield _about(name, "missing", "failed", 0, "no example has this value")
        for part in parts:
            if part.count < section.min_examples:
                reason = f"not judged: {part.count:,} examples are fewer than min_examples {section.min_examples:,}"
                yield _about(part.name, "size", "skipped", part.count, reason)
                continue
            for metric, limits in limits_of(section, metrics).items():
                yield from judge(part, metric, limits, section)


def worse_slices(answers: Sequence[Answer], confidence: float) -> list[Condition]:
    """For each metric with a slice that is surely worse than production a condition that warns of these.

    "Any slice" is many questions at once, so Holm's procedure keeps the chance of a single false alarm at 1 - confidence.

    Args:
        answers: of slices that were judged.
        confidence: in (0.5, 1).
    """
    found = []
    by_metric: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.difference is not None and answer.difference.sigma > 0 and not answer.alike:
            by_metric.setdefault(answer.metric.name, []).append(answer)
    for metric, compared in by_metric.items():
        held = holm([_chance(answer) for answer in compared], 1 - confidence)
        worse = sorted(
            (answer for answer, sure in zip(compared, held, strict=True) if sure),
            key=lambda answer: (-abs(answer.difference.point) if answer.difference else 0, answer.part.name),
        )
        if not worse:
            continue
        names = ", ".join(answer.part.name for answer in worse[:_NAMED])
        more = f" and {len(worse) - _NAMED} more" if len(worse) > _NAMED else ""
        reason = (
            f"{metric} is worse than in production in {len(worse)} of {len(compared)} slices, at "
            f"{100 * confidence:.4g} % confidence for all of them together: {names}{more}"
        )
        count = sum(answer.part.count for answer in worse)
        found.append(_about("", f"{WARNS}slices", "warned", count, reason, metric))
    return found


def _chance(answer: Answer) -> float:
    """How likely a difference that is as bad would be if there were none."""
    if answer.difference is None:
        return 1.0
    worse = answer.difference.point if answer.metric.lower_is_better else -answer.difference.point
    error = answer.difference.sigma / max(answer.part.count, 1) ** 0.5
    return NormalDist().cdf(-worse / error)


def _about(part: str, kind: str, outcome: Outcome, count: int, reason: str, metric: str = SLICE) -> Condition:
    return Condition(
        name=named(metric, kind, part),
        metric=metric,
        kind=kind,
        outcome=outcome,
        candidate=None,
        baseline=None,
        limit=None,
        low=None,
        high=None,
        count=count,
        needed=None,
        reason=f"{part}: {reason}" if part else reason,
        slice=part,
    )
