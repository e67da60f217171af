"""The queue: what waits, why, and when it becomes a build."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.jenkins.builds import Parameter, Run
from tests.fakes.jenkins.export import Kind, Property
from tests.fakes.jenkins.pages import quoted

_Q = "hudson.model.Queue$"
_PLACEHOLDER = "org.jenkinsci.plugins.workflow.support.steps.ExecutorStepExecution$PlaceholderTask"


@dataclass(eq=False)
class QueueItem:
    """Something in the queue.

    Args:
        id: of the item.
        task: the job; None for a step that waits for a node.
        since: when it came, in seconds.
        due: when its quiet period ends.
        parameters: of the build.
        causes: who or what wants it.
        node_of: the run whose step waits.
    """

    id: int
    task: Any
    since: float
    due: float
    parameters: list[Parameter] = field(default_factory=list)
    causes: list[dict[str, Any]] = field(default_factory=list)
    node_of: Run | None = None
    left: float | None = None
    cancelled: bool = False
    run: Run | None = None
    place: int = 0

    def __post_init__(self) -> None:
        self.place = -self.id

    @property
    def values(self) -> list[tuple[str, str]]:
        return [(each.name, each.text) for each in self.parameters]


class Queue:
    """The queue of a server.

    Args:
        now: the clock.
        start: makes a run of an item.
        ended: a run is over.
        kept: seconds that an item can be asked for after it left.
    """

    def __init__(
        self,
        now: Callable[[], float],
        start: Callable[[QueueItem, float], Run],
        ended: Callable[[Run], None],
        kept: float,
    ) -> None:
        self.now = now
        self.start = start
        self.ended = ended
        self.kept = kept
        self.executors = 24
        self.quieting = False
        self.items: dict[int, QueueItem] = {}
        self.left: dict[int, QueueItem] = {}
        self.running: dict[int, Run] = {}  # by queue id
        self.ids = itertools.count(1)
        self.paused = False
        self._next = math.inf
        self._time = -math.inf  # up to which everything has happened

    def add(
        self, task: Any, delay: float, parameters: list[Parameter], cause: dict[str, Any]
    ) -> tuple[QueueItem, bool]:
        """The item for a build, and whether it is a new one."""
        now = self.now()
        values = [(each.name, each.text) for each in parameters]
        for item in self.items.values():
            if item.task is task and item.values == values:
                item.causes.append(cause)
                item.due = min(item.due, now + delay)
                self.touch()
                return item, False
        item = QueueItem(next(self.ids), task, now, now + delay, parameters, [cause])
        self.items[item.id] = item
        self.touch()
        return item, True

    def wait_for_node(self, run: Run, now: float) -> None:
        item = QueueItem(next(self.ids), None, now, now, node_of=run)
        self.items[item.id] = item
        run.node_item = item

    def find(self, number: int) -> QueueItem | None:
        """An item that waits, or has left not long ago."""
        found = self.items.get(number) or self.left.get(number)
        if found is not None and found.left is not None and self.now() - found.left > self.kept:
            self.left.pop(number, None)
            return None
        return found

    def leave(self, item: QueueItem, now: float, *, cancelled: bool = False) -> None:
        del self.items[item.id]
        item.left, item.cancelled = now, cancelled
        self.left[item.id] = item
        if cancelled and item.node_of is not None:
            item.node_of.node_cancelled(now)
            self.look_at(item.node_of)
        self.touch()

    def listed(self) -> list[QueueItem]:
        """What is in the queue: first what waits for its time, then the rest, newest first."""
        now = self.now()
        waiting = sorted((each for each in self.items.values() if each.due > now), key=lambda each: each.due)
        ready = sorted((each for each in self.items.values() if each.due <= now), key=lambda each: each.place)
        return waiting + ready

    def restored(self) -> None:
        """After a restart the rest stands there as it was written down: oldest first."""
        for each in self.items.values():
            each.place = each.id

    def expire(self, number: int) -> None:
        """Nobody can ask for this item any more."""
        self.left.pop(number, None)

    def look_at(self, run: Run) -> None:
        """Something happened to a run; it may be over."""
        if not run.building and self.running.pop(run.queue_id, None) is not None:
            self.ended(run)
        self.touch()

    def touch(self) -> None:
        """Something has changed: look again."""
        self._next = 0

    def advance(self) -> None:
        """Does what is due by now, in its order."""
        now = self.now()
        if now < self._next or self.paused:
            return
        self._supersede(now)
        while self._step(now):
            self._supersede(now)
        self._time = now
        dues = [item.due for item in self.items.values() if item.due > now]
        dues += [run.due for run in self.running.values() if run.due is not None]
        self._next = min(dues, default=math.inf)

    def _step(self, now: float) -> bool:
        """The next build goes on, or all items go that are ready before one does; whether there was anything to do."""
        run = min(self._due(now), key=lambda each: each.due or 0, default=None)
        until = now if run is None else run.due or 0
        ready = (
            []
            if self.quieting or self.busy >= self.executors
            else [each for each in self.items.values() if each.due <= until and each.task]
        )
        started = False
        for item in sorted(ready, key=lambda each: (each.due, each.id)):
            if item.due <= until and not self.blocked(item):
                until = min(until, self._go(item))
                started = True
        if not started and run is not None:
            self._time = max(self._time, run.due or 0)
            run.go_on(run.due or now)
            self.look_at(run)
        return started or run is not None

    def _go(self, item: QueueItem) -> float:
        """An item becomes a build; says when that goes on."""
        self.leave(item, max(item.due, item.since, self._time))
        item.run = self.start(item, item.left or 0)
        if item.run.building:
            self.running[item.id] = item.run
        return math.inf if item.run.due is None else item.run.due

    def _supersede(self, now: float) -> None:
        """Builds that go for newer ones, where a job wants that."""
        wanted = (
            {} if self.quieting else {each.task: each for each in self.items.values() if each.due <= now and each.task}
        )
        for run in list(self.running.values()):
            if run.job in wanted and run.job.aborts_previous:
                run.supersede(max(wanted[run.job].due, run.started))
                self.look_at(run)

    def _due(self, now: float) -> list[Run]:
        return [each for each in self.running.values() if each.due is not None and each.due <= now]

    def blocked(self, item: QueueItem) -> str | None:
        """Why an item whose quiet period is over still waits."""
        if self.quieting:
            return "Jenkins is about to shut down"
        if item.task is not None and not item.task.concurrent:
            busy = next((run for run in self.running.values() if run.job is item.task), None)
            if busy is not None:
                return f"Build #{busy.number} is already in progress (ETA: N/A)"
        if self.busy >= self.executors:
            return "Waiting for next available executor"
        return None

    @property
    def busy(self) -> int:
        """Executors that do something; a step that waits for a node has none."""
        return sum(run.node_item is None for run in self.running.values())

    def shown(self, item: QueueItem) -> dict[str, Any]:
        """An item as the API shows it."""
        now = self.now()
        actions = [{"_class": "hudson.model.CauseAction", "causes": item.causes}] if item.causes else []
        if item.parameters:
            values = [each.json for each in item.parameters]
            actions.insert(0, {"_class": "hudson.model.ParametersAction", "parameters": values})
        waiting = item.left is None and item.due > now
        why = f"In the quiet period. Expires in {span(item.due - now)}" if waiting else None
        if item.left is None and not waiting:
            why = self._node_why(item) if item.node_of else self.blocked(item)
        buildable = item.left is None and (item.node_of is not None or (why or "").startswith("Waiting"))
        values = "".join(
            f"\n{each.name}={'****' if each.kind == 'Password' else each.text}" for each in item.parameters
        )
        out = {
            "_class": "",
            "actions": actions,
            "blocked": item.left is None and not waiting and not buildable,
            "buildable": buildable,
            "id": item.id,
            "inQueueSince": int(item.since * 1000),
            "params": values,
            "stuck": item.left is None and item.node_of is not None,
            "task": item.task or _Placeholder(item),
            "url": f"queue/item/{item.id}/",
            "why": why,
        }
        if item.left is not None:
            return out | {"_class": f"{_Q}LeftItem", "cancelled": item.cancelled, "executable": item.run}
        if waiting:
            return out | {"_class": f"{_Q}WaitingItem", "timestamp": int(item.due * 1000)}
        ready = {"buildableStartMilliseconds": int(item.due * 1000) + 2}
        if buildable:
            return out | {"_class": f"{_Q}BuildableItem", **ready, "pending": False}
        return out | {"_class": f"{_Q}BlockedItem", **ready}

    def _node_why(self, item: QueueItem) -> str:
        label = item.node_of.does.needs_label if item.node_of else ""
        return f"There are no nodes with the label {quoted(label)}"


class _Placeholder:
    """The task of a step that waits for a node; its name is shown only if it is asked for."""

    kind = Kind(_PLACEHOLDER, [Property("name", lambda task, _: task.name)])

    def __init__(self, item: QueueItem) -> None:
        run = item.node_of
        assert run is not None
        self.name = f"part of {run.job.full_display_name} #{run.number}"


def span(seconds: float) -> str:
    """A time span in Jenkins' words."""
    if seconds < 1:
        return f"{max(math.floor(seconds * 100), 0) / 100:.2g} sec"
    if seconds < 10:
        return f"{math.floor(seconds * 10) / 10:.1f} sec"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} hr {minutes} min"
    return f"{minutes} min {rest} sec" if minutes else f"{rest} sec"
