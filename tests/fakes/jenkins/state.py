"""What a server has and what happens to it: items, builds, credentials. Whoever calls holds the lock."""

import secrets as random
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.fakes.jenkins import credential_places, directives
from tests.fakes.jenkins.artifact_places import fingerprints
from tests.fakes.jenkins.builds import Build, Run
from tests.fakes.jenkins.dom import Document, Node
from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.nodes import Nodes
from tests.fakes.jenkins.pages import Pages, quoted
from tests.fakes.jenkins.plugins import INSTALLED
from tests.fakes.jenkins.queueing import Queue, QueueItem
from tests.fakes.jenkins.secrets import Secrets
from tests.fakes.jenkins.security import Security, User
from tests.fakes.jenkins.understanding import Understanding


class State:
    """The state of a server.

    Args:
        users: who has an account.
        csrf: whether there are crumbs.
        plugins: versions by short name; None is those of the recorded server.
        left_items: seconds that a queue item can be asked for after it left.
        speed: how much faster than ours the server's clock runs.
        clock: the server's clock instead of the real one.
    """

    def __init__(
        self,
        users: list[User],
        *,
        csrf: bool,
        plugins: dict[str, str] | None,
        left_items: float,
        speed: float,
        clock: Callable[[], float] | None,
    ) -> None:
        self.lock = threading.RLock()
        self.security = Security(csrf)
        for user in users:
            self.security.users[user.name] = user
        self.plugins = dict(INSTALLED if plugins is None else plugins)
        self.secrets = Secrets()
        self.understanding = Understanding(self.plugins, self.secrets)
        self.root = Item("", None, self.understanding)
        self.nodes = Nodes()
        self.pages = Pages(random.token_hex(4))
        self.quiet_reason: str | None = None
        self._speed, self._clock = speed, clock
        self._epoch, self._started = time.time(), time.monotonic()
        self.queue = Queue(self.now, self._start, _discard, left_items)

    def now(self) -> float:
        """Seconds since 1970, by the server's clock."""
        if self._clock is not None:
            return self._clock()
        return self._epoch + (time.monotonic() - self._started) * self._speed

    def find(self, name: str, start: Item) -> Item | None:
        """An item by a path relative to another."""
        here: Item | None = start
        for part in name.split("/"):
            if part and here is not None:
                here = here.child(part) if here.is_container else None
        return here

    def create(self, folder: Item, name: str, document: Document) -> Item:
        item = Item(name, folder, self.understanding)
        item.configure(document, new=True)
        folder.add(item)
        self._configured(item)
        return item

    def configure(self, item: Item, document: Document) -> None:
        item.configure(document)
        self._configured(item)

    def _configured(self, item: Item) -> None:
        """What else changes with a configuration."""
        if item.is_container:
            item.credentials = credential_places.kept(item)

    def delete(self, item: Item) -> None:
        assert item.parent is not None
        gone = {item, *item.walk()}
        for waiting in [each for each in self.queue.items.values() if each.task in gone]:
            self.queue.leave(waiting, self.now(), cancelled=True)
        for run in [each for each in self.queue.running.values() if each.job in gone]:
            self.interrupt(run, "kill", "SYSTEM")
        item.parent.remove(item)

    def move(self, item: Item, to: Item, name: str) -> None:
        assert item.parent is not None
        item.parent.remove(item)
        item.parent, item.name = to, name
        to.add(item)
        item.moved()

    def put_credential(self, folder: Item, credential: Node) -> None:
        folder.credentials[credential.text_of("id") or ""] = credential
        self._keep_credentials(folder)

    def drop_credential(self, folder: Item, name: str) -> None:
        del folder.credentials[name]
        self._keep_credentials(folder)

    def _keep_credentials(self, folder: Item) -> None:
        """Those of a folder stand in its configuration."""
        if folder.parent is not None:
            credential_places.written(folder)
            folder.read = self.understanding.of(folder.read)
            folder.credentials = credential_places.kept(folder)
            folder.save()

    def interrupt(self, run: Run, how: str, who: str) -> None:
        """stop, term or kill."""
        waiting = run.node_item
        run.interrupt(how, who, self.now())
        if waiting is not None and waiting.left is None and not run.building:
            waiting.node_of = None
            self.queue.leave(waiting, self.now(), cancelled=True)
        self.queue.look_at(run)

    def decide(self, run: Run, who: str, rejected: bool) -> None:
        """Somebody answers a build's question."""
        (run.reject if rejected else run.approve)(who, self.now())
        self.queue.look_at(run)

    def quiet_down(self, message: str | None = None) -> None:
        self.queue.quieting, self.quiet_reason = True, message
        self.queue.touch()

    def cancel_quiet_down(self) -> None:
        self.queue.quieting, self.quiet_reason = False, None
        self.queue.touch()

    def fingerprints(self, run: Run) -> list[dict[str, Any]]:
        return fingerprints(run)

    def _start(self, item: QueueItem, now: float) -> Run:
        """A queue item becomes a build."""
        job: Item = item.task
        does = directives.refusal(job) or Build()
        if job.script:
            does = job.script.pop(0) if len(job.script) > 1 else job.script[0]
        run = Run(job, job.next_number, item, does, now)
        job.runs[job.next_number] = run
        job.next_number += 1
        if directives.apply(job, does.jenkinsfile, self.understanding):
            job.save()
        if does.needs_label:
            self.queue.wait_for_node(run, now)
            for line in (
                "Still waiting to schedule task",
                f"There are no nodes with the label {quoted(does.needs_label)}",
            ):
                run.log.write(now, line)
        return run


def _discard(run: Run) -> None:
    """A build has ended: old ones go, if the job says so."""
    kept = run.job.read.text_of("properties", "jenkins.model.BuildDiscarderProperty", "strategy", "numToKeep")
    number = int(kept) if kept and kept.lstrip("-").isdigit() else -1
    done = [each for each in run.job.runs.values() if not each.building and not each.keep]
    for each in done[: max(len(done) - number, 0)] if number > 0 else []:
        del run.job.runs[each.number]
