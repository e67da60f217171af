"""Start exactly one build, and know which one it is.

What can go wrong, and what is done:

- The server turns the request away (restart, rate limit, crumb): `Server.exchange` sends it again, since it was surely
  not carried out.
- The request's fate is unknown (the connection broke off, a gateway answered 502 or 504, no answer in time). It may
  have started a build, so it is not sent again blindly. The queue and the newest builds are searched for what was not
  there before, was asked for by our user, and has our parameters:
  - One is found: it is ours. (Another process that asks, as the same user and in the same seconds, for the same build
    cannot be told from us; who gets which of two equal builds makes no difference.)
  - Several are found: nobody can say which is ours. That is an error (exit 6) that says so.
  - None is found. If the connection broke off or the gateway said 502, whoever worked at the request has ended, and a
    build is in the queue before the answer is written: after two looks a grace time apart it was not carried out, and
    is sent again. A session of the server other than before is as good: what ran before a restart has ended with it.
    After 504 or a deadline of ours the server may still be at work on it, for as long as it likes: it is looked for
    longer and never sent again; that too is an error (exit 6) that says so.
- Jenkins joins a request with an item of the same job and parameters that waits already. With parameters it says so
  (303), without it does not (201 and the old item). So what waited before is remembered, and who asked for it is read
  from the item: the first cause is who made it. Where all causes are of our user, and more than one, the item is shared
  and counts as joined.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from jenkins_ml.adapters import jenkins_job, jenkins_queue
from jenkins_ml.adapters.jenkins_job import Job, Parameter, Started
from jenkins_ml.adapters.jenkins_polling import Pace, Pauses
from jenkins_ml.adapters.jenkins_server import Answer, Server, ServerFailed, Unclear, x_error
from jenkins_ml.errors import JenkinsMLError, StageFailed, Unavailable, UsageError
from jenkins_ml.reporting.text import one_line

_SENDS: Final = 3
_NO_DELAY: Final = [("delay", "0sec")]  # else a job waits for its quiet period, 5 s by default
_SHORTEST_SECRET: Final = 2  # characters; taking out less would leave no readable text
_RECENT: Final = 50  # builds that are searched for ours: more are not started within a minute


@dataclass(frozen=True)
class Queued:
    """What became of a request to build.

    Args:
        queue_id: of the item in the queue.
        joined: the item waited already, or others asked for it too before it could be ours alone.
    """

    queue_id: int
    joined: bool


class NobodyKnows(Unavailable):
    """Whether a build was started, or which, is not known."""


@dataclass
class Request:
    """One build that is wanted.

    Args:
        server: where.
        job: of which job, as `jenkins_job.look` saw it just now.
        given: the parameters, checked.
        quiet_period: whether the job's quiet period is waited for.
        pace: times.

    Attributes:
        sent: whether a build may have been started; for whoever interrupts this.
        queued: the item, as soon as it is known.
    """

    server: Server
    job: Job
    given: Sequence[tuple[str, str]] = field(repr=False)
    quiet_period: bool = False
    pace: Pace = field(default_factory=Pace)
    sent: bool = field(default=False, init=False)
    queued: Queued | None = field(default=None, init=False)
    _user: str = field(default="", init=False)

    def send(self) -> Queued:
        """Ask for the build.

        Raises:
            UsageError: Jenkins does not take it.
            NobodyKnows: it is not known whether a build was started, or which.
            Unavailable: the server is not there.
        """
        for _ in range(_SENDS):
            self.queued = None
            try:
                answer = self._post()
            except Unclear as unclear:
                self.queued = self._search(unclear)
            except ServerFailed as failure:
                if not self._other_parameters():
                    raise StageFailed(self._without_values(failure.what), failure.next_step) from None
            else:
                if answer.status != 400 or not self._other_parameters():
                    self.queued = self._read(answer)
            if self.queued is not None:
                return self.queued
            self.server.note(f"{self.job.name}: no build was started; asking for it again")
        raise Unavailable(
            f"{_SENDS} requests for a build of {self.job.name} failed, and none has started one", "try again later"
        )

    def send_own(self) -> Queued:
        """Ask for the build until it is one that nobody else waits for: after each one that we were joined to.

        Raises:
            What `send` raises; Unavailable when the time is up.
        """
        while True:
            queued = self.send()
            if not queued.joined:
                return queued
            self.server.note(
                f"{self.job.name}: item {queued.queue_id} of the queue is not ours alone; waiting until it has left"
            )
            jenkins_queue.wait_until_left(self.server, queued.queue_id, self.pace)
            self.sent, self.queued = False, None  # what is in the queue now is not ours to abort
            self._look_again()

    def search(self) -> Queued | None:
        """The build that a request has started whose answer was not read; None when there is no trace of it.

        Raises:
            NobodyKnows: there are several.
        """
        return self._trace()[0]

    def _post(self) -> Answer:
        parameters = list(self.given)
        # A parameter of that name would take the delay for its value.
        delay = [] if self.quiet_period or any(each.name == "delay" for each in self.job.parameters) else _NO_DELAY
        self.sent = True
        if self.job.parameters:
            # In the body, since addresses are logged.
            return self.server.exchange("POST", f"{self.job.path}/buildWithParameters", form=[*parameters, *delay])
        return self.server.exchange("POST", f"{self.job.path}/build", query=dict(delay))

    def _read(self, answer: Answer) -> Queued:
        """What an answer says about the item."""
        if answer.status in (200, 201, 302, 303):
            # The server may believe in another address than ours: only the path counts.
            found = re.search(r"/queue/item/(\d+)/?$", urlsplit(answer.headers.get("Location", "")).path)
            if found is not None:
                self.queued = Queued(int(found[1]), joined=answer.status == 303)
                return self.queued if self.queued.joined else Queued(self.queued.queue_id, self._joined(int(found[1])))
            raise self._nobody_knows(f"Jenkins answered {answer.status} and named no item of its queue")
        said = self._without_values(x_error(answer))
        if answer.status == 409:
            raise UsageError(f"{self.job.name} cannot be built now (409)", "it was disabled, or is being deleted")
        if answer.status == 404:
            raise UsageError(f"{self.job.name} is no longer there", "look at its name")
        raise StageFailed(
            f"Jenkins did not start a build of {self.job.name} ({answer.status}){': ' + said if said else ''}",
            "look at what it says, and at the job's parameters",
        )

    def _joined(self, queue_id: int) -> bool:
        """Whether an item that we were given was there before, or is shared with others from the start."""
        if queue_id in {each.queue_id for each in self.job.waiting}:
            return True
        try:
            users = self._users_of(queue_id)
            if len(users) < 2:
                return False
            user = self._our_name()
        except Unavailable:
            return False  # the build is on its way, and what follows it waits longer
        return users[0] != user or users.count(user) > 1

    def _users_of(self, queue_id: int) -> list[str]:
        """Who asked for an item, or for its build where nobody remembers the item."""
        found = jenkins_queue.item(self.server, queue_id)
        if found is not None:
            causes = [cause for action in found.get("actions") or () for cause in action.get("causes") or ()]
            return [str(cause.get("userId")).casefold() for cause in causes]
        builds, _ = jenkins_job.built(self.server, self.job, 0, _RECENT)
        return [str(user).casefold() for build in builds if build.queue_id == queue_id for user in build.users]

    def _search(self, unclear: Unclear) -> Queued | None:
        """Look for a trace until it is found, or there surely is none."""
        server, pauses = self.server, Pauses(self.server, self.pace)
        server.note(f"{self.job.name}: {unclear.why}; looking whether a build was started")
        until = server.clock.monotonic() + (self.pace.long_grace if unclear.under_way else self.pace.grace)
        looks_after_restart = 0
        try:
            while True:
                over = server.clock.monotonic() >= until
                found, restarted = self._trace()
                looks_after_restart += restarted
                if found is not None:
                    return found
                # One look may have read the queue before the restart and the builds after it.
                if looks_after_restart > 1 or (over and not unclear.under_way):
                    self._look_again()
                    return None
                if over and not restarted:
                    break
                pauses.wait()
        except NobodyKnows:
            raise
        except JenkinsMLError as error:
            raise self._nobody_knows(f"{unclear.why}; and looking failed: {error.what}") from error
        raise self._nobody_knows(unclear.why) from unclear

    def _trace(self) -> tuple[Queued | None, bool]:
        """The trace of our request, if there is one, and whether the server has restarted since the job was looked at."""
        user = self._our_name()
        # In this order: what leaves the queue in between is among the builds.
        waiting = jenkins_job.queued(self.server, self.job.name)
        builds, session = jenkins_job.built(self.server, self.job, 0, _RECENT)
        before = {each.queue_id: each for each in self.job.waiting}
        traces: dict[int, bool] = {}
        for each in (*waiting, *builds):
            times = _users(each)[user]
            if not times or not self._has_our_parameters(each):
                continue
            if each.queue_id in before:
                if times > _users(before[each.queue_id])[user]:
                    traces[each.queue_id] = True
            elif each.number is None or each.number >= self.job.next_number:
                traces[each.queue_id] = len(each.users) > 1
        if len(traces) > 1:
            raise NobodyKnows(
                f"{self.job.name}: several builds were asked for while the answer to our request got lost, items "
                f"{', '.join(map(str, sorted(traces)))} of the queue, and nobody can say which is ours",
                f"look at {self.server.server}{self.job.path}/",
            )
        found = next((Queued(queue_id, joined) for queue_id, joined in traces.items()), None)
        return found, bool(session and self.job.session and session != self.job.session)

    def _without_values(self, text: str) -> str:
        """A text of the server, which may quote what it refuses."""
        for _, value in self.given:
            if len(value) > _SHORTEST_SECRET:
                text = text.replace(one_line(value), "***")
        return text

    def _our_name(self) -> str:
        self._user = self._user or self.server.whoami().casefold()
        return self._user

    def _nobody_knows(self, why: str) -> NobodyKnows:
        return NobodyKnows(
            f"it is not known whether a build of {self.job.name} was started: {why}",
            f"look at {self.server.server}{self.job.path}/ and at the queue before you trigger it again",
        )

    def _other_parameters(self) -> bool:
        """Whether a request failed because the job defines other parameters now, as after its first build."""
        before = self.job.parameters
        self._look_again()
        return self.job.parameters != before

    def _look_again(self) -> None:
        """What is there now was there before the next request."""
        self.job = jenkins_job.look(self.server, self.job.name)
        jenkins_job.check_parameters(self.job, self.given)

    def _has_our_parameters(self, each: Started) -> bool:
        given = dict(self.given)
        return all(
            _same(parameter, given.get(parameter.name, parameter.default), each.parameters[parameter.name])
            for parameter in self.job.parameters
            if parameter.name in each.parameters
        )


def _users(each: Started) -> Counter[str]:
    return Counter(str(user).casefold() for user in each.users)


def _same(parameter: Parameter, ours: Any, theirs: Any) -> bool:
    if parameter.hidden or ours is None or theirs is None:
        return True  # nobody can tell
    if isinstance(theirs, bool):
        return theirs == (str(ours).lower() == "true")
    # Line ends may be changed on the way, and a definition may trim.
    return _plain(str(ours)) == _plain(str(theirs))


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
