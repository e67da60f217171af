"""How requests that name no version are split between two versions. Pure: time and chance are passed in."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


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
    """Sends exactly `weight` of each 100 successive requests to the canary, in an order that nobody can foresee.

    Taking every tenth or every second request instead would send all of one kind to the canary, or none of them, when
    the traffic itself comes in a rhythm.

    Args:
        random: shuffles each hundred.
    """

    def __init__(self, random: Random) -> None:
        self.traffic = Traffic()
        self._random = random
        self._hundred: list[bool] = []  # whether the next requests go to the canary, the last one first

    def set(self, traffic: Traffic) -> None:
        """Split differently from the next request on; renewing a lease does not disturb the split."""
        before = self.traffic
        if (before.stable, before.canary, before.weight) != (traffic.stable, traffic.canary, traffic.weight):
            self._hundred = []
        self.traffic = traffic

    def choose(self, now: float) -> int | None:
        """The version for one request; None when no version gets traffic."""
        if not self.traffic.weight_at(now):
            return self.traffic.stable
        if not self._hundred:
            self._hundred = [index < self.traffic.weight for index in range(100)]
            self._random.shuffle(self._hundred)
        return self.traffic.canary if self._hundred.pop() else self.traffic.stable
