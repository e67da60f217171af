"""A sample of users' requests, in memory only, for a deployer that asks a new version what production was asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

MOST_KEPT: Final = 256  # requests between two visits of the deployer
_LONGEST_BODY: Final = 1 << 20


class Sampler:
    """Keeps the bodies of some requests until they are taken; nothing while nobody has asked for any.

    Args:
        clock: seconds that only go forward.
        random: decides which requests are kept.
    """

    def __init__(self, clock: Callable[[], float], random: Random) -> None:
        self._clock = clock
        self._random = random
        self._percent = 0
        self._until = 0.0
        self._bodies: deque[bytes] = deque(maxlen=MOST_KEPT)

    def offer(self, body: bytes) -> None:
        """Keep the body of a request, if it is one of the sample."""
        if self._percent and len(body) <= _LONGEST_BODY and self._random.random() * 100 < self._percent:
            if self._clock() < self._until:
                self._bodies.append(body)
            else:  # the deployer has not come back: forget what it left
                self._percent = 0
                self._bodies.clear()

    def take(self, percent: int, lease_seconds: float) -> list[bytes]:
        """What was kept since the last time; from now on `percent` of the requests are, for at most that long."""
        taken = [*self._bodies] if self._clock() < self._until else []
        self._bodies.clear()
        self._percent, self._until = percent, self._clock() + lease_seconds
        return taken
