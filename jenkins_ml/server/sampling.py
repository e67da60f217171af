"""A sample of users' requests, in memory only, for a deployer that asks a new version what production was asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

MOST_KEPT: Final = 256  # requests between two visits of the deployer
MOST_BYTES: Final = 4 << 20  # of all of them: a container's memory is for its model
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
        self._bodies: deque[bytes] = deque()
        self._bytes = 0

    def offer(self, body: bytes) -> None:
        """Keep the body of a request, if it is one of the sample."""
        if self._percent and len(body) <= _LONGEST_BODY and self._random.random() * 100 < self._percent:
            if self._clock() < self._until:
                self._keep(body)
            else:  # the deployer has not come back: forget what it left
                self._percent = 0
                self._forget()

    def take(self, percent: int, lease_seconds: float) -> list[bytes]:
        """What was kept since the last time; from now on `percent` of the requests are, for at most that long."""
        taken = [*self._bodies] if self._clock() < self._until else []
        self._forget()
        self._percent, self._until = percent, self._clock() + lease_seconds
        return taken

    def _keep(self, body: bytes) -> None:
        """Keep it; the oldest go where there is no room."""
        self._bodies.append(body)
        self._bytes += len(body)
        while len(self._bodies) > MOST_KEPT or self._bytes > MOST_BYTES:
            self._bytes -= len(self._bodies.popleft())

    def _forget(self) -> None:
        self._bodies.clear()
        self._bytes = 0
