"""What a script needs to work with a Jenkins server: the names, and one build from the request to its result.

with Server(find_profile(None, os.environ)) as server:
    build = RequestedBuild(server, "vision/digits", [("EPOCHS", "3")])
    build.trigger()
    for text in build.log():
        print(text, end="")
    print(build.wait().result)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jenkins_ml.adapters import jenkins_builds, jenkins_job, jenkins_log, jenkins_queue
from jenkins_ml.adapters.jenkins_builds import Build
from jenkins_ml.adapters.jenkins_job import Job
from jenkins_ml.adapters.jenkins_polling import Pace, Pauses
from jenkins_ml.adapters.jenkins_profile import Profile
from jenkins_ml.adapters.jenkins_profile import find as find_profile
from jenkins_ml.adapters.jenkins_queue import Cancelled
from jenkins_ml.adapters.jenkins_server import Limits, NotFound, Server, item_path
from jenkins_ml.adapters.jenkins_trigger import NobodyKnows, Queued, Request

__all__ = [
    "Build",
    "Cancelled",
    "Limits",
    "NobodyKnows",
    "NotFound",
    "Pace",
    "Profile",
    "RequestedBuild",
    "Server",
    "find_profile",
    "item_path",
]


class RequestedBuild:
    """One build that is asked for. Looks at the job at once; `trigger` starts the build.

    Args:
        server: where. Its `ends` bounds every wait.
        name: the full name of the job.
        parameters: name and value of each; what is left out has its default.
        own: whether it has to be a build that nobody else waits for.
        quiet_period: whether the job's quiet period is waited for.
        pace: how often to look, and how long for what is missing.

    Attributes:
        job: as it was when this was made, or when it was last looked at.
        queued: the item in the queue; None before that is known.
        number: of the build; None before that is known.

    Raises:
        NotFound: there is no such job.
        UsageError: it cannot be built, or not with these parameters.
    """

    def __init__(
        self,
        server: Server,
        name: str,
        parameters: Sequence[tuple[str, str]] = (),
        *,
        own: bool = False,
        quiet_period: bool = False,
        pace: Pace | None = None,
    ) -> None:
        job = jenkins_job.look(server, name)
        jenkins_job.check_parameters(job, parameters)
        self._server, self._own, self._pace = server, own, pace or Pace()
        self._request = Request(server, job, parameters, quiet_period, self._pace)
        self.number: int | None = None

    @property
    def job(self) -> Job:
        """The job."""
        return self._request.job

    @property
    def queued(self) -> Queued | None:
        """The item in the queue, once it is known."""
        return self._request.queued

    @property
    def url(self) -> str:
        """The address of the build, or of the job while the build has no number."""
        return f"{self._server.server}{self.job.path}/{'' if self.number is None else f'{self.number}/'}"

    def trigger(self) -> Queued:
        """Start it, exactly once.

        Raises:
            UsageError: Jenkins does not take it.
            NobodyKnows: whether a build was started, or which, is not known.
            Unavailable: the server is not there.
        """
        self._request.queued = self._request.send_own() if self._own else self._request.send()
        return self._request.queued

    def look(self) -> int | None:
        """The number of the build, if it has one by now.

        Raises:
            Cancelled: it was taken out of the queue.
        """
        if self.number is None:
            self.number = jenkins_queue.number_now(self._server, self.job, self._item())
        return self.number

    def wait_for_number(self) -> int:
        """Wait until it has left the queue.

        Raises:
            Cancelled: it was taken out of the queue.
            Unavailable: the time is up, or the server is not there.
        """
        if self.number is None:
            self.number = jenkins_queue.wait_for_number(self._server, self.job, self._item(), self._pace)
        return self.number

    def log(self) -> Iterator[str]:
        """Its log as it grows, until it has ended; waits for it to begin. Raises as the other methods."""
        yield from jenkins_log.follow(self._server, self.job, self.wait_for_number(), self._pace)

    def wait(self) -> Build:
        """Wait until it has ended. Raises as the other methods."""
        return jenkins_builds.wait(self._server, self.job, self.wait_for_number(), self._pace)

    def abort(self) -> str:
        """End it, unless others wait for it too.

        Returns:
            What was done, in words.

        Raises:
            Forbidden: the user may not do that.
            NobodyKnows: nobody knows which build it is.
            Unavailable: the server is not there.
        """
        queued = self._request.queued
        if queued is None and self._request.sent:  # stopped before the answer came
            queued = self._request.queued = self._request.search()
        if queued is None:
            return "no build was started"
        if queued.joined:
            return f"item {queued.queue_id} is left alone, since others wait for it too"
        if self.number is None and jenkins_queue.cancel(self._server, queued.queue_id):
            return f"item {queued.queue_id} was cancelled in the queue"
        try:
            return self._end(self._number_soon())
        except Cancelled:
            return f"item {queued.queue_id} had been cancelled in the queue"

    def _number_soon(self) -> int:
        """What has left the queue has a number in a moment."""
        pauses = Pauses(self._server, self._pace)
        while (number := self.look()) is None:
            pauses.wait()
        return number

    def _end(self, number: int) -> str:
        build, means = jenkins_builds.abort(self._server, self.job, number, self._pace)
        if build is None:
            return f"#{number} is no longer there"
        if build.result is None:
            return f"#{number} goes on in spite of {means}"
        return f"#{number} ended {build.result}" + (f" after {means}" if means else " by itself")

    def _item(self) -> int:
        if self._request.queued is None:
            raise ValueError("trigger it first")
        return self._request.queued.queue_id
