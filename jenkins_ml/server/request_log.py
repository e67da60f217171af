"""A line for each prediction that was asked for: who asked, which version answered, and where that comes from.

Never what was asked, nor the answer, nor a message that could hold a part of either. A request costs some microseconds:
all that does not change from one to the next is made once, and the line is put together around it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Final, Literal, NamedTuple

from jenkins_ml.core import ecs, tracing
from jenkins_ml.core.origin import Origin
from jenkins_ml.server.status import HTTP_STATUS, Code

_LOGGER: Final = "jenkins_ml.server.requests"
# What stands in a line that is made once, where each request puts its own. All of it comes before any text from outside,
# so that the first of each in the line is ours.
_AT, _TRACE, _ID, _DURATION = "\ue000", "\ue001", "\ue002", 987_654_321_987_654_321
Protocol = Literal["http", "grpc"]


class Asked(NamedTuple):
    """A request that is being answered.

    Args:
        id: what it is called: by its client, or by us.
        trace: where it belongs.
        began: seconds that only go forward.
    """

    id: str
    trace: tracing.Trace
    began: float


class Outcome(NamedTuple):
    """What came of a request, as far as lines differ by it.

    Args:
        code: the canonical code.
        version: that answered, or failed to; None where none was reached.
        fault: whether it was the version's fault.
        instead_of: the canary that failed before this version answered; None where none did.
    """

    code: Code
    version: int | None
    fault: bool = False
    instead_of: int | None = None


class RequestLog:
    """Makes the lines.

    Args:
        model: the name that is served.
        environment: that it is served in; None where that is not known.
        put: takes a line.
        wall: seconds since 1970.
        clock: seconds that only go forward.
        random: makes ids where a client has given none.
    """

    def __init__(
        self,
        model: str,
        environment: str | None,
        put: Callable[[bytes], None],
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.perf_counter,
        random: Random | None = None,
    ) -> None:
        self._model = model
        self._environment = environment
        self._put = put
        self._wall = wall
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - ids that are to be unlike each other, no secrets
        self._origins: dict[int, Origin] = {}
        self._second = (0, "")
        self._template = lru_cache(maxsize=1024)(self._make_template)

    def know(self, version: int, origin: Origin) -> None:
        """Where a version comes from that is about to be served."""
        self._origins[version] = origin
        self._template.cache_clear()

    def ask(self, request_id: str | None, traceparent: str | None) -> Asked:
        """A request has come; what its client called it is taken over where that can be.

        Args:
            request_id: of its header x-request-id.
            traceparent: of its header traceparent.
        """
        name = tracing.request_id(request_id) if request_id else None
        trace = tracing.parse(traceparent) if traceparent else None
        if name is None:
            name = f"{self._random.getrandbits(128):032x}"
        if trace is None:
            trace = tracing.Trace(f"{self._random.getrandbits(128) or 1:032x}")
        return Asked(name, trace, self._clock())

    def answer(self, asked: Asked, protocol: Protocol, outcome: Outcome) -> None:
        """It was answered: its line."""
        trace = asked.trace.id if asked.trace.span is None else f'{asked.trace.id}"}},"span":{{"id":"{asked.trace.span}'
        first, second, third, fourth, last = self._template(protocol, outcome)
        taken = int((self._clock() - asked.began) * 1e9)
        self._put(f"{first}{self._now()}{second}{taken}{third}{trace}{fourth}{asked.id}{last}".encode())

    def _now(self) -> str:
        now = self._wall()
        whole = int(now)
        known, text = self._second
        if whole != known:
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
            self._second = (whole, text)
        return f"{text}.{int((now - whole) * 1000):03d}Z"

    def _make_template(self, protocol: Protocol, outcome: Outcome) -> tuple[str, ...]:
        """A line but for the time, the duration, the trace and the request's id, in the parts between those."""
        failed = outcome.code is not Code.OK
        fields: dict[str, object] = {
            "log.logger": _LOGGER,
            "event.dataset": ecs.DATASET_REQUESTS,
            "event.kind": "event",
            "event.category": "web",
            "event.type": "access",
            "event.action": "predict",
            "event.outcome": "failure" if failed else "success",
            "event.duration": _DURATION,
            "trace.id": _TRACE,
            "http.request.id": _ID,
            "http.response.status_code": HTTP_STATUS[outcome.code] if protocol == "http" else None,
            "network.protocol": protocol,
            "error.type": outcome.code.name if failed else None,
            "service.name": self._model,
            "service.environment": self._environment,
            "service.version": outcome.version,
            "labels.instead_of": outcome.instead_of,
            **(self._origins.get(outcome.version, Origin()) if outcome.version is not None else Origin()).labels(),
        }
        level: ecs.Level = "error" if outcome.fault else "warning" if failed else "info"
        text = ecs.line(_AT, level, f"predict {outcome.code.name}", fields).decode()
        parts = []
        for mark in (_AT, str(_DURATION), _TRACE, _ID):
            part, _, text = text.partition(mark)
            parts.append(part)
        return (*parts, text)
