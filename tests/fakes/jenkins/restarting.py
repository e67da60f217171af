"""A restart: what clients see, second by second, and what survives it."""

import secrets
import threading
import time
from typing import Any

from tests.fakes.jenkins import pages
from tests.fakes.jenkins.messages import Reply, Request

# As seen on a real server, ten times as fast: 503, then 401 for good credentials, nobody listens, 503.
Phase = tuple[str, float | threading.Event]
TIMELINE: list[Phase] = [("503", 1.0), ("401", 0.05), ("refused", 0.2), ("503", 0.8)]


class Restart:
    """Restarts a server, one phase after the other.

    Args:
        server: the state.
    """

    def __init__(self, server: Any) -> None:
        self.server = server
        self._thread: threading.Thread | None = None

    def begin(self, timeline: list[Phase]) -> None:
        """Starts; there is one restart at a time."""
        if self._thread is not None and self._thread.is_alive():
            return
        self.server.quiet_down(None)
        self._thread = threading.Thread(target=self._go, args=(list(timeline),), name="fake-jenkins-restart")
        self._thread.start()

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Ends it where it is; the server is stopping."""
        self.wait()

    def answer(self, request: Request) -> Reply:
        """What a request gets meanwhile; it is not carried out."""
        if self.server.phase == "401" and "authorization" in request.headers:
            return pages.unauthorized(request)
        return pages.restarting()

    def _go(self, timeline: list[Phase]) -> None:
        server = self.server
        paused: float | None = None
        for phase, long in timeline:
            if phase != "quiet" and paused is None:
                paused = self._pause()
            with server.lock:
                server.phase = "" if phase == "quiet" else phase
            if phase == "refused":
                server.unlisten()
            self._last(long)
            if phase == "refused":
                server.listen()
        with server.lock:
            self._resume(server.now() if paused is None else paused)

    def _last(self, long: float | threading.Event) -> None:
        """Waits as long as a phase lasts, or until the server stops."""
        if isinstance(long, threading.Event):
            while not long.wait(0.01) and not self.server.stopping.is_set():
                pass
        else:
            self.server.stopping.wait(long)

    def _pause(self) -> float:
        server = self.server
        with server.lock:
            server.queue.advance()
            server.queue.paused = True
            now = server.now()
            for run in server.queue.running.values():
                run.pause(now)
            return now

    def _resume(self, paused: float) -> None:
        server = self.server
        now = server.now()
        date = time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(now))
        server.phase = ""
        server.pages.session = secrets.token_hex(4)
        server.security.expire_crumbs()
        server.cancel_quiet_down()
        server.queue.paused = False
        server.queue.restored()
        for run in server.queue.running.values():
            run.resume(now - paused, now, date)
        server.queue.touch()
