"""A build: how it stands, waiting until it has ended, and ending it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from jenkins_ml.adapters.jenkins_job import Job
from jenkins_ml.adapters.jenkins_polling import Absence, Pace, Pauses
from jenkins_ml.adapters.jenkins_server import Server
from jenkins_ml.errors import StageFailed

_STATE: Final = "number,building,result,duration"
Means = Literal["", "stop", "term", "kill"]


@dataclass(frozen=True)
class Build:
    """A build as it stands.

    Args:
        number: of the build.
        result: SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED; None while it is running.
        seconds: how long it took; 0 while it is running.
    """

    number: int
    result: str | None
    seconds: float


def state(server: Server, job: Job, number: int) -> Build | None:
    """How a build stands; None when the server knows none of that number."""
    answer = server.exchange("GET", f"{job.path}/{number}/api/json", query={"tree": _STATE})
    if answer.status == 404:
        return None
    found = answer.object()
    # A running build may have a result already (UNSTABLE), and one that has just ended may have none yet.
    result = None if found.get("building") else found.get("result")
    return Build(number, result, float(found.get("duration") or 0) / 1000 if result else 0.0)


def wait(server: Server, job: Job, number: int, pace: Pace) -> Build:
    """Wait until a build has ended.

    Raises:
        StageFailed: it is no longer there.
        Unavailable: the server is not there, or the time is up.
    """
    pauses = Pauses(server, pace)
    absence = Absence(server, pace)
    while True:
        build = state(server, job, number)
        if build is not None and build.result is not None:
            return build
        if absence.lasts(missing=build is None):
            raise StageFailed(f"{job.name} #{number} is no longer there", "was the build deleted?")
        pauses.wait()


def abort(server: Server, job: Job, number: int, pace: Pace) -> tuple[Build | None, Means]:
    """End a build: a script can survive being stopped, and being terminated.

    Returns:
        How it stands after that, and the last means that was needed; "" when it had ended by itself.

    Raises:
        Forbidden: the user may not do that.
        Unavailable: the server is not there.
    """
    build = state(server, job, number)
    means: Means = ""
    for step in ("stop", "term", "kill"):
        if build is None or build.result is not None:
            return build, means
        means = step
        # Stopping what is being stopped changes nothing.
        server.exchange("POST", f"{job.path}/{number}/{step}", repeat=True)
        build = _ended_within(server, job, number, pace)
    return build, means


def _ended_within(server: Server, job: Job, number: int, pace: Pace) -> Build | None:
    pauses = Pauses(server, pace)
    until = server.clock.monotonic() + pace.stop
    while True:
        build = state(server, job, number)
        if build is None or build.result is not None or server.clock.monotonic() >= until:
            return build
        pauses.wait()
