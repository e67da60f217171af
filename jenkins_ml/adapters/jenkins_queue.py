"""From an item of the queue to its build.

An item that has left the queue is kept for five minutes; after that, and after a crash, the server knows nothing of it
(404). Its build carries the item's number, so it is found among the builds of the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jenkins_ml.adapters import jenkins_job
from jenkins_ml.adapters.jenkins_job import Job
from jenkins_ml.adapters.jenkins_polling import Pace, Pauses
from jenkins_ml.adapters.jenkins_server import Server, ServerFailed
from jenkins_ml.errors import StageFailed, Unavailable, UsageError
from jenkins_ml.reporting.text import one_line

_ITEM: Final = "id,why,cancelled,executable[number],actions[causes[userId]]"
_PAGE: Final = 100  # builds; more are loaded from the server's disk one by one
_PAGES: Final = 10


class Cancelled(StageFailed):
    """The item was taken out of the queue before it became a build."""


class Lost(Unavailable):
    """The server knows neither the item nor a build of it."""


def item(server: Server, queue_id: int) -> Mapping[str, Any] | None:
    """An item as the server tells of it; None when it knows none."""
    answer = server.exchange("GET", f"queue/item/{queue_id}/api/json", query={"tree": _ITEM})
    return None if answer.status == 404 else answer.object()


def number_now(server: Server, job: Job, queue_id: int) -> int | None:
    """The number of an item's build; None while it waits.

    Raises:
        Cancelled: it was taken out of the queue.
        Lost: there is neither the item nor a build of it.
    """
    found = item(server, queue_id)
    if found is None:
        return _by_queue_id(server, job, queue_id)
    return _number(found, job, queue_id)


def wait_for_number(server: Server, job: Job, queue_id: int, pace: Pace) -> int:
    """Wait until an item has become a build; says why it waits, whenever that changes.

    Returns:
        The number of the build.

    Raises:
        Cancelled: it was taken out of the queue.
        Lost: there is neither the item nor a build of it.
        Unavailable: the time is up.
    """
    pauses = Pauses(server, pace)
    told = ""
    while True:
        found = item(server, queue_id)
        if found is None:
            return _found_late(server, job, queue_id, pace)
        number = _number(found, job, queue_id)
        if number is not None:
            return number
        why = one_line(str(found.get("why") or ""), 200)
        # "Expires in 4.9 sec" and the like count down: that is no change.
        lasting = why.partition(". Expires in")[0].partition(" (ETA")[0]
        if why and lasting != told:
            told = lasting
            server.note(f"{job.name} waits in the queue: {why}")
            pauses.moved()
        pauses.wait()


def wait_until_left(server: Server, queue_id: int, pace: Pace) -> None:
    """Wait until an item has left the queue, however it did."""
    pauses = Pauses(server, pace)
    while (found := item(server, queue_id)) is not None:
        if found.get("cancelled") or _executable(found) is not None or "LeftItem" in str(found.get("_class")):
            return
        pauses.wait()


def cancel(server: Server, queue_id: int) -> bool:
    """Take an item out of the queue.

    Returns:
        False when it has left the queue already.

    Raises:
        UsageError: the user may not do that.
    """
    try:
        answer = server.exchange("POST", "queue/cancelItem", query={"id": str(queue_id)}, repeat=True)
    except ServerFailed:  # what Jenkins answers for one that has left
        return False
    if answer.status == 422:
        raise UsageError(
            f"user {server.user} may not cancel item {queue_id} of the queue", "it needs the Job/Cancel permission"
        )
    return answer.status in (200, 204, 302)


def _number(found: Mapping[str, Any], job: Job, queue_id: int) -> int | None:
    """The number of the build that an item has become; None while it waits. Raises Cancelled."""
    if found.get("cancelled"):
        raise Cancelled(f"{job.name}: item {queue_id} was cancelled in the queue", "trigger it again")
    return _executable(found)


def _executable(found: Mapping[str, Any]) -> int | None:
    number = (found.get("executable") or {}).get("number")
    return number if isinstance(number, int) else None


def _found_late(server: Server, job: Job, queue_id: int, pace: Pace) -> int:
    """The build of an item that is gone; one that began a moment ago may not be listed yet."""
    pauses = Pauses(server, pace)
    until = server.clock.monotonic() + pace.missing
    while True:
        try:
            return _by_queue_id(server, job, queue_id)
        except Lost:
            if server.clock.monotonic() >= until:
                raise
        pauses.wait()


def _by_queue_id(server: Server, job: Job, queue_id: int) -> int:
    for page in range(_PAGES):
        builds, _ = jenkins_job.built(server, job, page * _PAGE, (page + 1) * _PAGE)
        for build in builds:
            if build.queue_id == queue_id and build.number is not None:
                return build.number
        if len(builds) < _PAGE:
            break
    raise Lost(
        f"the server knows neither item {queue_id} of its queue nor a build of it",
        f"a crash loses the queue, and old builds are discarded: look at {server.server}{job.path}/",
    )
