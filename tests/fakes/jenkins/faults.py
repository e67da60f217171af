"""Things that go wrong on the way to a server and back, in the order and number that a test wants."""

import re
import threading
from dataclasses import dataclass, field

from tests.fakes.jenkins.messages import Reply, Request

ACTIONS = ("answer", "drop", "half", "hang", "trickle", "expire-crumbs", "cancel-item", "expire-item")


@dataclass
class Fault:
    """Something that happens to requests.

    Args:
        action: `answer` gives `status` and `body`; `drop` closes the connection; `half` sends half of the body and
            closes; `hang` waits `seconds`, then goes on; `trickle` sends a byte at a time over `seconds`;
            `expire-crumbs` ends all sessions first; `cancel-item` and `expire-item` do that to the queue item that is
            asked for.
        status: of the answer.
        body: of the answer.
        headers: of the answer.
        after: the request is carried out first.
        method: only requests with this method.
        path: only requests whose path and query this pattern finds.
        every: of the matching requests every k-th.
        times: how often it happens; None is for ever.
        seconds: for `hang` and `trickle`.
    """

    action: str
    status: int = 503
    body: str = "<html><body>not now</body></html>"
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    method: str | None = None
    path: str = ""
    every: int = 1
    times: int | None = 1
    seconds: float = 30.0
    seen: int = 0
    happened: int = 0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"{self.action} is none of {', '.join(ACTIONS)}")

    @property
    def reply(self) -> Reply:
        return Reply(self.status, {"Content-Type": "text/html", **self.headers}, self.body.encode())


class Faults:
    """The faults that are still to come, first ones first."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self.rules.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self.rules.clear()

    def next(self, request: Request) -> Fault | None:
        """What happens to this request; one thing at most."""
        if not self.rules:
            return None
        with self._lock:
            for fault in self.rules:
                if fault.method not in (None, request.method) or not re.search(fault.path, request.target):
                    continue
                fault.seen += 1
                if fault.seen % fault.every:
                    continue
                fault.happened += 1
                if fault.times is not None and fault.happened >= fault.times:
                    self.rules.remove(fault)
                return fault
        return None
