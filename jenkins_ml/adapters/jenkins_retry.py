"""What is done when Jenkins gives no answer: wait it out, repeat, or say that nobody knows what became of the request.

Jenkins' own page "is restarting" (503), a refused connection, a rate limit (429), and a 401 for a token that was good a
moment ago (seen for a tenth of a second in the middle of a restart) all turn a request away before it does anything: it
is sent again, whatever it is. A connection that breaks off, a gateway's 502 or 504 and an answer that does not come in
time leave it open whether the request was carried out: only one that may be repeated is sent again.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from jenkins_ml.adapters.jenkins_answers import Answer
from jenkins_ml.adapters.jenkins_http import Broken
from jenkins_ml.errors import Unavailable

_SHORTEST_PAUSE: Final = 0.01
_UNKNOWN_HOST_SECONDS: Final = 3.0  # a restart does not take a name away; a moment without network does
_UNKNOWN_TOKEN_SECONDS: Final = 0.6  # once more, in case this is the moment of a restart
_KNOWN_TOKEN_SECONDS: Final = 15.0

# Envoy, and what is built on it, answers 503 also where others answer 502, unless it could not even connect.
_BROKEN_OFF: Final = re.compile(rb"disconnect/reset before headers(?!.*connection failure)", re.DOTALL)

Note = Callable[[str], None]


@dataclass(frozen=True)
class Clock:
    """Where time comes from: seconds that never go backwards, and how to wait."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds, and how large answers may be.

    Args:
        connect: for a connection.
        request: for the answer to one request, to its last byte.
        restart: for how long a server that is not there is waited for.
        first_pause: before a request is sent again; each pause after that is longer.
        longest_pause: that they grow to.
        most_bytes: the longest answer.
    """

    connect: float = 10.0
    request: float = 60.0
    restart: float = 180.0
    first_pause: float = 0.2
    longest_pause: float = 2.0
    most_bytes: int = 64 * 2**20


class Unclear(Unavailable):
    """A request that must not be repeated blindly broke off: nobody knows whether it was carried out.

    Args:
        request: method and address.
        why: what came instead of an answer.
        under_way: whether the server may still be working on it: no answer came in time, from it or through a gateway.
    """

    def __init__(self, request: str, why: str, *, under_way: bool) -> None:
        super().__init__(
            f"it is not known whether Jenkins has carried out {request}: {why}",
            "look at the server before you ask for it again",
        )
        self.why = why
        self.under_way = under_way


@dataclass(frozen=True)
class Trouble:
    """Why a request has no answer that counts.

    Args:
        text: in words.
        refused: it was surely not carried out.
        under_way: it may still be worked on.
        patience: for how long it is worth repeating, where that is not as long as for a restart.
        pause: seconds that the server asks for.
    """

    text: str
    refused: bool
    under_way: bool = False
    patience: float | None = None
    pause: float = 0.0


def trouble_of(outcome: Answer | Broken, *, token_known: bool) -> Trouble | None:
    """What is wrong with an outcome; None when it is an answer that counts.

    Args:
        outcome: an answer or what came instead.
        token_known: whether the server has accepted the token before, or is known to be restarting.
    """
    if isinstance(outcome, Broken):
        match outcome.kind:
            case "unknown host":
                return Trouble(outcome.reason, refused=True, patience=_UNKNOWN_HOST_SECONDS)
            case "not connected":
                return Trouble(outcome.reason, refused=True)
        return Trouble(outcome.reason, refused=False, under_way=outcome.kind == "timeout")
    match outcome.status:
        case 401:
            patience = _KNOWN_TOKEN_SECONDS if token_known else _UNKNOWN_TOKEN_SECONDS
            return Trouble("it does not accept the token (401)", refused=True, patience=patience)
        case 429:
            return Trouble("it has had too many requests (429)", refused=True, pause=_asked(outcome))
        case 502:
            return Trouble("the gateway before it got no proper answer (502)", refused=False)
        case 503:
            if _BROKEN_OFF.search(outcome.body):
                return Trouble("the gateway before it lost its connection (503)", refused=False)
            words = "it is restarting" if b"restart" in outcome.body.lower() else "it is not ready"
            return Trouble(f"{words} (503)", refused=True, pause=_asked(outcome))
        case 504:
            return Trouble("the gateway before it got no answer in time (504)", refused=False, under_way=True)
    return None


def _asked(answer: Answer) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if re.fullmatch(r"[0-9]{1,4}", text) else 0.0


@dataclass
class Patience:
    """How long one request is repeated, with pauses that grow.

    Args:
        clock: the time.
        limits: how long the pauses are.
        seconds: the longest that is waited, from the first trouble on.
        ends: when it has to be over in any case; None where there is no such time.
    """

    clock: Clock
    limits: Limits
    seconds: float
    ends: float | None
    _since: float | None = field(default=None, init=False)
    _kind_since: tuple[str, float] = field(default=("", 0.0), init=False)
    _pause: float = field(default=0.0, init=False)

    def pause(self, trouble: Trouble) -> float | None:
        """How long to wait before the next attempt; None when it is enough."""
        now = self.clock.monotonic()
        if self._since is None:
            self._since, self._pause = now, self.limits.first_pause
        if self._kind_since[0] != trouble.text:
            self._kind_since = trouble.text, now
        until = self._since + self.seconds
        if trouble.patience is not None:
            until = min(until, self._kind_since[1] + trouble.patience)
        if self.ends is not None:
            until = min(until, self.ends)
        pause, left = min(self._pause, until - now), until - now
        self._pause = min(self._pause * 1.6, self.limits.longest_pause)
        if left < _SHORTEST_PAUSE or trouble.pause > left:
            return None
        return max(pause, trouble.pause)


class Outage:
    """Tells once that the server is away and once that it is back, however many threads notice."""

    def __init__(self, server: str, note: Note, clock: Clock) -> None:
        self._server, self._note, self._clock = server, note, clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._told = ""

    def noticed(self, trouble: Trouble, seconds: float) -> None:
        """There is trouble, which is waited out for at most so long."""
        with self._lock:
            if self._since is None:
                self._since = self._clock.monotonic()
            if self._told == trouble.text:
                return
            self._told = trouble.text
        self._note(f"Jenkins at {self._server}: {trouble.text}; waiting up to {seconds:.0f} s")

    def over(self) -> None:
        """The server has answered."""
        if self._since is None:  # nearly always: no lock for that
            return
        with self._lock:
            since, self._since, self._told = self._since, None, ""
        if since is not None:
            self._note(f"Jenkins at {self._server} answers again, after {self._clock.monotonic() - since:.0f} s")
