"""Waits until a version answers its metadata and the golden prediction, and says why it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jenkins_ml.adapters.docker.engine import Engine, Object, failure
from jenkins_ml.adapters.docker.servers import REST_PORT, ended
from jenkins_ml.adapters.docker.tunnel import Pinned
from jenkins_ml.adapters.target import Answer, Servable
from jenkins_ml.errors import IntegrityError, JenkinsMLError

_LOG_LINES: Final = 10
_ANSWER_SECONDS: Final = 10.0
_LONGEST_PAUSE: Final = 0.5


@dataclass(frozen=True)
class Waiting:
    """A version that is waited for.

    Args:
        engine: where.
        pinned: connections to it.
        container: its id.
        address: of it in the network.
        servable: what it is.
        seconds: until it is given up.
        progress: takes a line about how far it is.
    """

    engine: Engine
    pinned: Callable[[], Pinned]
    container: str
    address: str
    servable: Servable
    seconds: float
    progress: Callable[[str], None]

    def wait(self) -> None:
        """Wait.

        Raises:
            IntegrityError: it does not come up, or answers otherwise than when it was gated.
            UsageError: the engine cannot start it as configured.
        """
        began, pause, told = time.monotonic(), 0.05, ""
        while True:
            found = self.engine.inspect(self.container)
            if found is None:
                raise self._error("somebody removed its container", None)
            if found["State"]["Status"] != "running":
                raise self._error(ended(found), found)
            answer = self._ask("/metadata", None)
            problem = _metadata_problem(answer)
            if not problem:
                break
            if time.monotonic() - began > self.seconds:
                raise self._error(f"after {self.seconds:.0f} s {problem}", found)
            if problem != told:
                self.progress(f"waiting for version {self.servable.version}: {problem}")
                told = problem
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._golden(max(_ANSWER_SECONDS, self.seconds - (time.monotonic() - began)))

    def _golden(self, seconds: float) -> None:
        """Ask for the golden prediction; the first one may take a server long."""
        golden = self.servable.golden
        if golden is None:
            return
        answer = self._ask(":predict", golden.body, seconds)
        problem = golden.check(answer.body) if answer.status == 200 else _said(answer)
        if problem:
            found = self.engine.inspect(self.container)
            died = ended(found) if found is not None else ""
            what = f"it does not answer as it did when it was gated: {problem}"
            raise self._error(f"{died}; {what}" if died else what, found)

    def _ask(self, path: str, body: bytes | None, seconds: float = _ANSWER_SECONDS) -> Answer:
        pinned = f"/v1/models/{self.servable.manifest.model}/versions/{self.servable.version}"
        return self.pinned().ask(self.address, REST_PORT, pinned + path, body, seconds)

    def _error(self, why: str, found: Object | None) -> JenkinsMLError:
        what = f"version {self.servable.version} cannot be served: {why}"
        log = self.engine.logs(self.container, _LOG_LINES) if found is not None else ""
        if log:
            what += "\nits log ends with:\n" + "\n".join(f"  {line}" for line in log.splitlines())
        if "out of memory" in why:
            return IntegrityError(what, "give it more in serve.docker.memory, or train a smaller model")
        if found is not None and found["State"].get("Error"):
            known = failure(f"start version {self.servable.version}", str(found["State"]["Error"]))
            return type(known)(known.what, known.next_step)
        if why.startswith("after "):
            return IntegrityError(what, "give it more time in serve.docker.ready_timeout, or look at its log")
        return IntegrityError(what, "train it again, or release another version")


def _metadata_problem(answer: Answer) -> str:
    """What is wrong with an answer to a request for metadata; empty for nothing."""
    if answer.status == 200:
        return ""
    if answer.status is None and b"refused" in answer.body.lower():
        return f"its port {REST_PORT} is not open"
    if answer.status == 404:
        return "it has not loaded the version"
    return f"it does not answer its metadata: {_said(answer)}"


def _said(answer: Answer) -> str:
    said = " ".join(answer.body.decode(errors="replace").split())[:200]
    return f"{said}" if answer.status is None else f"it answers {answer.status}, {said}"
