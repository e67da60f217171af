"""What is asked of a canary, and how much of the chance to err each question has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Parts of alpha. Most goes to where most canaries that are worse show it; what is left is shared by the other questions.
_LIVE_ERRORS: Final = 0.08  # bets, at every look
_COUNTED: Final = 0.78  # the same answers, at checkpoints; where none are planned the bets have this, too
_REPLAYED_ERRORS: Final = 0.05
_RECORD: Final = 0.02
_OTHERS: Final = 0.07
# How late the checkpoints' part is spent. More finds hardly more, and later.
_POWER: Final = 4


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is asked of a canary.

    Args:
        max_error_rate_increase: how much higher its share of failed or NaN answers may be than production's, absolute. In a
            first release, which has no production beside it: how high it may be.
        latency_limited: whether at most 1 in 100 of its answers may be `slow`.
        min_requests: its answers, live and replayed, that a step needs before it can be left.
        alpha: chance to roll back a canary that is exactly as good as production, in a whole release.
        error_rate_margin: a rise of the error rate by so much of production's is not rolled back either.
        max_nan_share: how many of its answers may hold a NaN or an infinity, as far as production has fewer.
        max_prediction_shift: how far the distribution of its predictions may be from production's: the total variation
            distance, from 0 to 1; None to ask nothing. 0.1: one prediction in ten may have moved to another class, net.
        max_latency_factor: how many times as long as production it may take; None to ask nothing.
        replayed_examples: how many different requests are replayed, one after another, before the first one comes again.
        patience: a step in which something is suspicious is left after `patience` times `min_requests` answers, unless it
            is sure by then.
        checkpoints: how many are planned: one for each step in which users ask both versions, when it is about to be left.
    """

    max_error_rate_increase: float
    latency_limited: bool
    min_requests: int
    alpha: float = 0.01
    error_rate_margin: float = 0.1
    max_nan_share: float = 0.0
    max_prediction_shift: float | None = 0.1
    max_latency_factor: float | None = None
    replayed_examples: int = 64
    patience: int = 4
    checkpoints: int = 0

    def rise_allowed(self, share: float) -> float:
        """How much higher than production's share the share of bad answers may be."""
        return max(self.max_error_rate_increase, self.error_rate_margin * share)

    @property
    def delta(self) -> float:
        """Chance that production's share is higher than its record is taken for, where it serves no users any more.

        There are two records, of errors and of NaN.
        """
        return self.alpha * _RECORD / 2

    def level(self, question: str) -> float:
        """The part of alpha that a question has.

        Args:
            question: "live errors", "live errors at checkpoints", "replayed errors" or another one.
        """
        if question == "live errors":
            return self.alpha * (_LIVE_ERRORS if self.checkpoints else _LIVE_ERRORS + _COUNTED)
        if question == "live errors at checkpoints":
            return self.alpha * _COUNTED if self.checkpoints else 0.0
        if question == "replayed errors":
            return self.alpha * _REPLAYED_ERRORS
        asked = (True, self.latency_limited, self.max_latency_factor is not None, self.max_prediction_shift is not None)
        return self.alpha * _OTHERS / (2 * sum(asked))

    def spendable(self, checkpoint: int) -> float:
        """The chance to err that all checkpoints to this one may have together, at most.

        A power of how far the plan has come: K. Kim and D. DeMets, "Design and analysis of group sequential tests based on
        the type I error spending rate function", Biometrika 74, 1987.

        Args:
            checkpoint: from 1 to `checkpoints`.
        """
        return self.level("live errors at checkpoints") * (checkpoint / self.checkpoints) ** _POWER
