"""What is known of a canary from users' requests, or from replayed ones: all looks folded into a few sums."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from jenkins_ml.core.judging.checkpoints import Checkpoints
from jenkins_ml.core.judging.limits import Limits
from jenkins_ml.core.judging.rates import Rate, highest
from jenkins_ml.core.judging.shifts import Shift
from jenkins_ml.core.judging.slowness import Slowness
from jenkins_ml.core.judging.windows import Window

SLOW_ALLOWED: Final = 0.01  # what a limit of the 99th percentile means
# Users' answers are compared in blocks of at least so many of each version: a look may bring one answer, and a single one
# can't be compared. Only how many came decides when a block ends, never how they went.
BLOCK: Final = 10
_ALONE: Final = 20  # with so many times as many answers as production's the canary is by itself: that is no comparison
# A canary that serves all users, while nothing is known of production: presumed to answer at least every other request.
_UNKNOWN: Final = 0.5


_Seen = tuple[int, int]  # hits among answers


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of requests.

    Args:
        paired: whether both versions get the same requests.
        errors: answers that failed or hold a NaN.
        checkpoints: the same, counted at checkpoints; not of replayed requests.
        nan: answers that hold a NaN.
        slow: answers beyond the limit of latency.
        slowness: latencies of both versions.
        shift: predictions of both versions.
        block, block_stable: answers that wait until there are enough to be compared.
    """

    paired: bool
    errors: Rate = field(default_factory=Rate)
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    nan: Rate = field(default_factory=Rate)
    slow: Rate = field(default_factory=Rate)
    slowness: Slowness = field(default_factory=Slowness)
    shift: Shift = field(default_factory=Shift)
    block: Window = field(default_factory=Window)
    block_stable: Window = field(default_factory=Window)

    def replayed(self, canary: Window, stable: Window, flips: int, limits: Limits) -> Source:
        """After one more look, where both versions get the same recorded requests."""
        return self._paired(canary, stable, flips, limits, limits.replayed_examples)

    def sampled(self, canary: Window, stable: Window, flips: int, limits: Limits) -> Source:
        """After one more look, where both versions get what users ask one of them."""
        return self._paired(canary, stable, flips, limits, None)

    def shared(self, canary: Window, stable: Window, limits: Limits, *, last: bool, counted: bool) -> Source:
        """After one more look, where each request goes to one of the versions.

        Args:
            canary: its answers.
            stable: production's.
            limits: what is asked.
            last: whether the share may change after this look; a block has one share, so it ends here.
            counted: whether the look is planned, and so counts at checkpoints.
        """
        canary, stable = self.block + canary, self.block_stable + stable
        beside = stable.requests >= BLOCK or (last and min(canary.requests, stable.requests) > 0)
        alone = canary.requests >= _ALONE * stable.requests
        if not ((canary.requests >= BLOCK and (beside or alone)) or (last and beside)):
            return replace(self, block=canary, block_stable=stable)
        after = self._judged(canary, stable, limits, beside)
        if beside and limits.max_prediction_shift is not None:
            after = replace(after, shift=self.shift.beside(canary, stable, limits.max_prediction_shift))
        if not (beside and counted):
            return after
        seen = (canary.bad, canary.requests, stable.bad, stable.requests)
        return replace(after, checkpoints=self.checkpoints.beside(*seen))

    def asked(self, spendable: float) -> Source:
        """After a checkpoint; see `Checkpoints.asked`."""
        return replace(self, checkpoints=self.checkpoints.asked(spendable))

    def _paired(self, canary: Window, stable: Window, flips: int, limits: Limits, different: int | None) -> Source:
        if not canary.requests:
            return self
        beside = bool(stable.requests)
        after = self._judged(canary, stable, limits, beside)
        if not beside or limits.max_prediction_shift is None:
            return after
        return replace(after, shift=self.shift.replayed(canary, stable, flips, different))

    def _judged(self, canary: Window, stable: Window, limits: Limits, beside: bool) -> Source:
        return Source(
            paired=self.paired,
            errors=self._compared(
                self.errors, (canary.bad, canary.requests), (stable.bad, stable.requests), beside, limits
            ),
            nan=self._compared(
                self.nan, (canary.nan, canary.requests), (stable.nan, stable.requests), beside, limits, of_nan=True
            ),
            checkpoints=self.checkpoints,
            slow=self.slow.alone(canary.slow, canary.requests, SLOW_ALLOWED, SLOW_ALLOWED),
            slowness=self._slowness(canary, stable, limits) if beside else self.slowness,
            shift=self.shift,
        )

    def _compared(
        self, rate: Rate, canary: _Seen, stable: _Seen, beside: bool, limits: Limits, *, of_nan: bool = False
    ) -> Rate:
        """After a block, compared with production's answers in it, or else with its record."""
        if beside:
            return rate.beside(*canary, *stable, paired=self.paired)
        rate = replace(rate, stable_hits=rate.stable_hits + stable[0], stable_answers=rate.stable_answers + stable[1])
        usual = most = 0.0  # replayed to the canary only: a first release, which is held against what is allowed
        if rate.stable_answers >= BLOCK:
            usual, most = rate.stable_share, highest(rate.stable_hits, rate.stable_answers, limits.delta)
        elif not self.paired:
            usual = most = _UNKNOWN
        rise = limits.max_nan_share if of_nan else limits.rise_allowed(most)
        return rate.alone(*canary, usual, most + rise)

    def _slowness(self, canary: Window, stable: Window, limits: Limits) -> Slowness:
        if limits.max_latency_factor is None:
            return self.slowness
        return self.slowness.beside(canary, stable, limits.max_latency_factor, paired=self.paired)
