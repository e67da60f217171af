"""Whether a canary is worse than production: an interim form of the judge, exact tests on all looks so far."""
from __future__ import annotations
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

@dataclass(frozen=True, kw_only=True)
class Window:
    requests: int = 0
    failed: int = 0
    nan: int = 0
    slow: int = 0
    latencies: tuple[int, ...] = ()
    predictions: tuple[int, ...] = ()
    def __add__(self, o):
        return Window(requests=self.requests+o.requests, failed=self.failed+o.failed, nan=self.nan+o.nan, slow=self.slow+o.slow)

@dataclass(frozen=True, kw_only=True)
class Evidence:
    step: int
    live: Window
    live_stable: Window
    replayed: Window
    replayed_stable: Window
    flips: int = 0

@dataclass(frozen=True, kw_only=True)
class Limits:
    max_error_rate_increase: float
    latency_limited: bool
    min_requests: int
    alpha: float = 0.01

@dataclass(frozen=True, kw_only=True)
class Judgement:
    verdict: Literal["promote", "wait", "roll_back"]
    reason: str

def judge(looks, limits):
    def total(name, looks):
        w = Window()
        for l in looks: w = w + getattr(l, name)
        return w
    for source, c, s in (("live","live","live_stable"),("replayed","replayed","replayed_stable")):
        canary, stable = total(c, looks), total(s, looks)
        share = (stable.failed+stable.nan + 1) / (stable.requests + 2) if stable.requests else 0.0
        allowed = min(1.0, share + limits.max_error_rate_increase)
        bad = canary.failed + canary.nan
        if tail(canary.requests, bad, allowed) < 0.001:
            return Judgement(verdict="roll_back", reason=f"{bad} of {canary.requests} {source} answers failed, production's {stable.failed} of {stable.requests}; at most {limits.max_error_rate_increase:g} more is allowed")
        if limits.latency_limited and tail(canary.requests, canary.slow, 0.01) < 0.001:
            return Judgement(verdict="roll_back", reason=f"{canary.slow} of {canary.requests} {source} answers were slower than the limit of the 99th percentile")
    step = looks[-1].step
    here = [l for l in looks if l.step == step]
    n = total("live", here).requests + total("replayed", here).requests
    if n < limits.min_requests:
        return Judgement(verdict="wait", reason=f"{n} answers; {limits.min_requests} are needed")
    return Judgement(verdict="promote", reason=f"{total('live',here).requests} live and {total('replayed',here).requests} replayed answers, 0 failed")

def tail(n, k, p):
    if k <= 0: return 1.0
    if k > n or p <= 0.0: return 0.0
    if p >= 1.0: return 1.0
    log_p, log_q = math.log(p), math.log1p(-p)
    return min(1.0, math.fsum(math.exp(math.lgamma(n+1)-math.lgamma(i+1)-math.lgamma(n-i+1)+i*log_p+(n-i)*log_q) for i in range(k, n+1)))
