"""What the sums of a source say to each question, in numbers and in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from jenkins_ml.core.judging.limits import Limits
from jenkins_ml.core.judging.rates import Rate
from jenkins_ml.core.judging.sources import SLOW_ALLOWED, Source

# The evidence from which it is worth to wait. A canary as good as production ever has it in 1 of 5 releases at most.
SUSPICIOUS: Final = 5.0
_MOST_SHOWN: Final = 1e9  # beyond that evidence is just large, and JSON knows no infinity


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the looks so far say to one question.

    Args:
        name: such as "live errors".
        said: the counts in words.
        canary: its share; for predictions the distance.
        stable: production's share; None where there is nothing to compare with.
        evidence: what a bet on the canary being worse has grown to; it stays about 1 or falls where nothing speaks for that.
            At checkpoints: among how many canaries as good as production there is one that looks as bad.
        needed: the evidence from which it is sure.
        verdict: worse, suspicious, or fine: neither.
    """

    name: str
    said: str
    canary: float
    stable: float | None
    evidence: float
    needed: float
    verdict: Literal["fine", "suspicious", "worse"]

    @property
    def weight(self) -> float:
        """How near it is to being sure: 1 where it just is."""
        return self.evidence / self.needed


def questions(kind: str, source: Source, limits: Limits) -> Iterator[Question]:
    """The questions that can be asked by now.

    Args:
        kind: "live" or "replayed".
        source: the sums.
        limits: what is asked.
    """
    errors, nan, slow = source.errors, source.nan, source.slow
    if errors.answers:
        beyond = errors.rise + errors.rise_error > limits.rise_allowed(errors.stable_share)
        said = f"{_of(errors, kind)} failed or held NaN{_production(errors)}"
        yield _question(f"{kind} errors", limits, errors.evidence, beyond, said, errors.share, _share(errors))
        if source.checkpoints.chance is not None:
            yield _counted(kind, source, said, beyond)
    if nan.answers:
        beyond = nan.share > limits.max_nan_share
        said = f"{_of(nan, kind)} held a NaN or an infinity{_production(nan)}"
        yield _question(f"{kind} NaN", limits, nan.evidence, beyond, said, nan.share, _share(nan))
    if slow.answers and limits.latency_limited:
        said = f"{_of(slow, kind)} were slower than the limit of the 99th percentile"
        yield _question(
            f"{kind} slow answers", limits, slow.evidence, slow.share > SLOW_ALLOWED, said, slow.share, None
        )
    if limits.max_latency_factor is not None and (worst := source.slowness.worst(limits.max_latency_factor)):
        bound, other, rate = worst
        said = f"{_of(rate, kind)} took longer than {other:g} s{_production(rate)} longer than {bound:g} s"
        evidence = source.slowness.evidence
        yield _question(f"{kind} latency", limits, evidence, rate.rise > 0, said, rate.share, rate.stable_share)
    if limits.max_prediction_shift is not None and source.shift.known:
        shift, tolerance = source.shift, limits.max_prediction_shift
        said = (
            f"{sum(shift.canary):,} {kind} predictions are {shift.distance:.1%} off the distribution of production's "
            f"{sum(shift.stable):,}"
        )
        evidence, beyond = shift.evidence(tolerance), shift.distance > tolerance
        yield _question(f"{kind} predictions", limits, evidence, beyond, said, shift.distance, None)


def _question(
    name: str, limits: Limits, evidence: float, beyond: bool, said: str, canary: float, stable: float | None
) -> Question:
    """`evidence` is a logarithm; `beyond` whether what was seen is more than what is allowed."""
    needed = 1 / limits.level(name)
    verdict: Literal["fine", "suspicious", "worse"] = "fine"
    if beyond and evidence >= math.log(needed):
        verdict = "worse"
    elif beyond and evidence >= math.log(SUSPICIOUS):
        verdict = "suspicious"
    return Question(
        name=name,
        said=said,
        canary=canary,
        stable=stable,
        evidence=math.exp(evidence) if evidence < math.log(_MOST_SHOWN) else _MOST_SHOWN,
        needed=needed,
        verdict=verdict,
    )


def _counted(kind: str, source: Source, said: str, beyond: bool) -> Question:
    """The last checkpoint; once sure is always sure, while what was seen may be more than what is allowed, or not."""
    count = source.checkpoints
    return Question(
        name=f"{kind} errors at checkpoints",
        said=said,
        canary=source.errors.share,
        stable=_share(source.errors),
        evidence=_one_in(count.chance),
        needed=_one_in(count.enough),
        verdict="worse" if count.sure and beyond else "fine",
    )


def _one_in(chance: float | None) -> float:
    return 1 / chance if chance and chance * _MOST_SHOWN > 1 else _MOST_SHOWN


def _of(rate: Rate, kind: str) -> str:
    return f"{rate.hits:,} of {rate.answers:,} {kind} answers"


def _production(rate: Rate) -> str:
    return f", of production's {rate.stable_hits:,} of {rate.stable_answers:,}" if rate.stable_answers else ""


def _share(rate: Rate) -> float | None:
    return rate.stable_share if rate.stable_answers else None
