"""What was seen of a canary and of production, as far as the judge needs it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Answers of one version in one look: what is new since the look before, not what there is in all.

    Args:
        requests: how many.
        failed: the server failed, or did not answer in time; a malformed request is the client's failure and no answer.
        nan: answers that hold a NaN or an infinity; not among the failed ones.
        slow: answers slower than the absolute limit of latency.
        latencies: answers by bucket of latency (`names.LATENCY_BOUNDS`, and one more); empty where that is not known.
        predictions: predictions by class, or by bin of the value; empty where that is not known. As long as it needs to
            be: classes that are not there were not predicted.
    """

    requests: int = 0
    failed: int = 0
    nan: int = 0
    slow: int = 0
    latencies: tuple[int, ...] = ()
    predictions: tuple[int, ...] = ()

    @property
    def bad(self) -> int:
        """Answers that are of no use: failed, or with a NaN or an infinity."""
        return min(self.failed + self.nan, self.requests)

    def __add__(self, other: Window) -> Window:
        """The answers of both."""
        return Window(
            requests=self.requests + other.requests,
            failed=self.failed + other.failed,
            nan=self.nan + other.nan,
            slow=self.slow + other.slow,
            latencies=added(self.latencies, other.latencies),
            predictions=added(self.predictions, other.predictions),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One look: what was seen of both versions since the look before, apart for users' requests and replayed ones.

    Args:
        step: which step of the release it belongs to, from 0.
        live: users' requests that the canary answered.
        live_stable: those that production answered meanwhile.
        replayed: recorded requests, sent to the canary; one that it did not answer is a failed one.
        replayed_stable: the same requests, sent to production; empty in a first release.
        flips: of the replayed pairs, how many got another prediction.
        sampled, sampled_stable, sampled_flips: the same of requests that users put to production meanwhile, in a shadow step.
    """

    step: int
    live: Window
    live_stable: Window
    replayed: Window
    replayed_stable: Window
    flips: int = 0
    sampled: Window = Window()
    sampled_stable: Window = Window()
    sampled_flips: int = 0

    @property
    def requests(self) -> int:
        """All answers of the canary."""
        return self.live.requests + self.paired

    @property
    def paired(self) -> int:
        """Answers of the canary to requests that production was asked, too."""
        return self.replayed.requests + self.sampled.requests


def added(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """Counts cell by cell; what is missing at the end is 0."""
    if not one or not other:
        return one or other
    return tuple(a + b for a, b in zip_longest(one, other, fillvalue=0))
