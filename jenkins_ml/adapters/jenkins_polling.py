"""How often a server is asked while something there goes on, and how long it is waited for."""

from __future__ import annotations

from dataclasses import dataclass

from jenkins_ml.adapters.jenkins_server import Server
from jenkins_ml.errors import Unavailable


@dataclass(frozen=True)
class Pace:
    """Times, in seconds.

    Args:
        first: the pause after something has moved.
        longest: the pause when nothing has moved for long.
        grace: how long a build is looked for whose request broke off, before it is asked for again.
        long_grace: how long one is looked for that the server may still be at work on; it is not asked for again.
        missing: how long something that was there may be missing, as for a moment after a restart.
        stop: how long a build gets to end itself before it is stopped harder.
    """

    first: float = 0.2
    longest: float = 2.0
    grace: float = 5.0
    long_grace: float = 60.0
    missing: float = 10.0
    stop: float = 10.0


class Pauses:
    """The pauses of one wait: they grow while nothing moves, and never lead beyond `Server.ends`."""

    def __init__(self, server: Server, pace: Pace) -> None:
        self._server, self._pace = server, pace
        self._next = pace.first

    def moved(self) -> None:
        """Something has moved: more will come soon."""
        self._next = self._pace.first

    def wait(self) -> None:
        """Wait once.

        Raises:
            Unavailable: the time is up.
        """
        clock, ends = self._server.clock, self._server.ends
        pause = self._next
        self._next = min(self._next * 1.5, self._pace.longest)
        if ends is not None:
            left = ends - clock.monotonic()
            if left <= 0:
                raise Unavailable("the time is up", "give it more time")
            pause = min(pause, left)
        clock.sleep(pause)


class Absence:
    """How long something has been missing that was there: for a moment after a restart that is no sign."""

    def __init__(self, server: Server, pace: Pace) -> None:
        self._server, self._pace = server, pace
        self._since: float | None = None

    def lasts(self, *, missing: bool) -> bool:
        """Whether it is missing once more, and has been for longer than such a moment."""
        now = self._server.clock.monotonic()
        if not missing:
            self._since = None
        elif self._since is None:
            self._since = now
        return self._since is not None and now - self._since >= self._pace.missing
