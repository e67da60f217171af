"""How requests that name no version are split between two versions. Pure: the time is passed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Traffic:
    """Who gets what.

    Args:
        stable: the version in production; None before the first traffic is set.
        canary: the version that is tried out beside it.
        weight: percent of the requests that go to the canary.
        until: when the canary's lease ends, in seconds of the server's clock. A deployer renews it while it watches;
            one that died must not leave a canary that nobody judges.
    """

    stable: int | None = None
    canary: int | None = None
    weight: int = 0
    until: float = 0.0

    def weight_at(self, now: float) -> int:
        """The canary's percent, which is 0 once its lease has ended."""
        return self.weight if now < self.until else 0


class Splitter:
    """Sends exactly `weight` of any 100 successive requests to the canary, as evenly as can be."""

    def __init__(self) -> None:
        self.traffic = Traffic()
        self._credit = 0

    def set(self, traffic: Traffic) -> None:
        """Split differently from the next request on; renewing a lease does not disturb the split."""
        before = self.traffic
        if (before.stable, before.canary, before.weight) != (traffic.stable, traffic.canary, traffic.weight):
            self._credit = 0
        self.traffic = traffic

    def choose(self, now: float) -> int | None:
        """The version for one request; None when no version gets traffic."""
        self._credit += self.traffic.weight_at(now)
        if self._credit < 100:
            return self.traffic.stable
        self._credit -= 100
        return self.traffic.canary
