"""Whether a canary is worse than production: exact tests on counts, with a stated error rate. Pure.

Two questions are asked at each step, each by a one-sided exact binomial test:
- errors: is its share of failed or NaN answers above production's share plus the allowed increase? Production's share
  is taken as (failures + 1) / (answers + 2) (Laplace's rule), which leans towards patience while little is known.
- latency: do more than 1 in 100 of its answers take longer than the limit of the 99th percentile?
Live answers and replayed ones are judged apart: examples that never fail would hide live requests that do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Window:
    """Answers of one version since a step began: how many, how many failed or held NaN, how many were too slow."""

    requests: int = 0
    failed: int = 0
    slow: int = 0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was seen of both versions, apart for live and for replayed requests."""

    live: Window
    live_stable: Window
    replayed: Window
    replayed_stable: Window

    @property
    def requests(self) -> int:
        """All answers of the canary."""
        return self.live.requests + self.replayed.requests


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a canary may not exceed; `alpha` is the chance to reject a canary that is exactly at a limit, per release."""

    max_error_rate_increase: float
    latency_limited: bool
    min_requests: int
    alpha: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The answer at one look, with the sentence that explains it."""

    verdict: Literal["healthy", "failing", "silent"]
    reason: str


def judge(evidence: Evidence, limits: Limits, looks: int) -> Judgement:
    """Judge one step.

    Args:
        evidence: what was answered since the step began.
        limits: the limits.
        looks: how many looks the release takes in all; `alpha` is shared among them and their four questions (Bonferroni).

    Returns:
        failing when a test says so, silent when there were fewer than `min_requests` answers, healthy otherwise.
    """
    alpha = limits.alpha / (4 * looks)
    for source, canary, stable in (
        ("live", evidence.live, evidence.live_stable),
        ("replayed", evidence.replayed, evidence.replayed_stable),
    ):
        share = (stable.failed + 1) / (stable.requests + 2) if stable.requests else 0.0
        allowed = min(1.0, share + limits.max_error_rate_increase)
        if tail(canary.requests, canary.failed, allowed) < alpha:
            return Judgement(
                verdict="failing",
                reason=f"{canary.failed} of {canary.requests} {source} answers failed, production's {stable.failed} of "
                f"{stable.requests}; at most {limits.max_error_rate_increase:g} more is allowed",
            )
        if limits.latency_limited and tail(canary.requests, canary.slow, 0.01) < alpha:
            return Judgement(
                verdict="failing",
                reason=f"{canary.slow} of {canary.requests} {source} answers were slower than the limit of the 99th percentile",
            )
    if evidence.requests < limits.min_requests:
        return Judgement(verdict="silent", reason=f"{evidence.requests} answers; {limits.min_requests} are needed")
    failed = evidence.live.failed + evidence.replayed.failed
    return Judgement(
        verdict="healthy",
        reason=f"{evidence.live.requests} live and {evidence.replayed.requests} replayed answers, {failed} failed",
    )


def tail(n: int, k: int, p: float) -> float:
    """P(X >= k) for X ~ Binomial(n, p): exact, summed from logarithms of the terms."""
    if k <= 0:
        return 1.0
    if k > n or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return 1.0
    log_p, log_q = math.log(p), math.log1p(-p)
    logs = (
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_p + (n - i) * log_q
        for i in range(k, n + 1)
    )
    return min(1.0, math.fsum(map(math.exp, logs)))
