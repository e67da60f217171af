"""Whether the canary is slower than production by more than a factor, from latencies counted in buckets.

If each of the canary's answers takes at most f times as long as production's would, then at most as many of them take
longer than f x as of production's take longer than x, for every x. So for each bound x of a bucket the canary's answers
beyond the first bound that is at least f x are compared with production's beyond x, by the bets of `rates`; the money is
split equally over the bounds. Nothing else is assumed of the latencies. Buckets round f up: to what the next bound is.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from jenkins_ml import names
from jenkins_ml.core.judging.rates import Rate, log_sum
from jenkins_ml.core.judging.windows import Window


@functools.cache
def matched(factor: float) -> tuple[tuple[int, int], ...]:
    """For each bound of a bucket, by number, the first one that is at least `factor` times as much; as far as there is."""
    bounds = names.LATENCY_BOUNDS
    pairs = ((place, bisect_left(bounds, factor * bound * (1 - 1e-9))) for place, bound in enumerate(bounds))
    return tuple((place, other) for place, other in pairs if other < len(bounds))


@dataclass(frozen=True, slots=True)
class Slowness:
    """The comparison at each of the matched bounds; empty before there were any latencies of both versions."""

    rates: tuple[Rate, ...] = ()

    @property
    def evidence(self) -> float:
        """Logarithm of the e-value; 0 where nothing is known."""
        if not self.rates:
            return 0.0
        return log_sum(tuple(rate.evidence for rate in self.rates)) - math.log(len(self.rates))

    def worst(self, factor: float) -> tuple[float, float, Rate] | None:
        """The bounds in seconds, production's and the canary's, that tell most, and what is beyond them."""
        if not self.rates:
            return None
        place = max(range(len(self.rates)), key=lambda place: self.rates[place].evidence)
        bound, other = matched(factor)[place]
        return names.LATENCY_BOUNDS[bound], names.LATENCY_BOUNDS[other], self.rates[place]

    def beside(self, canary: Window, stable: Window, factor: float, *, paired: bool) -> Slowness:
        """After a block in which both versions answered."""
        buckets, bounds = len(names.LATENCY_BOUNDS) + 1, matched(factor)
        answers, others = sum(canary.latencies), sum(stable.latencies)
        known = len(canary.latencies) == len(stable.latencies) == buckets and answers and others
        if not known or not bounds:
            return self
        beyond, beyond_stable = _beyond(canary.latencies), _beyond(stable.latencies)
        rates = self.rates or (Rate(),) * len(bounds)
        return Slowness(
            tuple(
                rate.beside(beyond[other], answers, beyond_stable[bound], others, paired=paired)
                for rate, (bound, other) in zip(rates, bounds, strict=True)
            )
        )


def _beyond(latencies: Sequence[int]) -> list[int]:
    """How many answers took longer than each bound."""
    left, beyond = sum(latencies), []
    for count in latencies:
        left -= count
        beyond.append(left)
    return beyond
