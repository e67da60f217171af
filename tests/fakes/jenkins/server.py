"""The fake server: its state, what a test can do with it, and its life."""

import secrets as random
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.fakes.jenkins import credential_places, directives, dom, item_places, places
from tests.fakes.jenkins.application import Application
from tests.fakes.jenkins.artifact_places import fingerprints
from tests.fakes.jenkins.builds import Build, Run
from tests.fakes.jenkins.connections import Gone, Listener
from tests.fakes.jenkins.dom import Document, Node
from tests.fakes.jenkins.faults import Fault, Faults
from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.messages import Reply, Request
from tests.fakes.jenkins.nodes import Nodes
from tests.fakes.jenkins.pages import Pages, quoted
from tests.fakes.jenkins.plugins import INSTALLED
from tests.fakes.jenkins.queueing import Queue, QueueItem
from tests.fakes.jenkins.restarting import TIMELINE, Phase, Restart
from tests.fakes.jenkins.secrets import Secrets
from tests.fakes.jenkins.security import Access, Security, User
from tests.fakes.jenkins.understanding import Understanding


class FakeJenkins:
    """A Jenkins; as a context manager it runs.

    Args:
        users: who has an account; without any there is `admin`, who may do everything.
        csrf: whether there are crumbs.
        plugins: versions by short name; None is those of the recorded server.
        quiet_period: seconds that a build waits by default.
        left_items: seconds that a queue item can be asked for after it left.
        latency: seconds that every answer takes longer.
        speed: how much faster than ours the server's clock runs: 10 makes a quiet period of 5 s take half a second.
        extended_read: whether Job/ExtendedRead exists; it does not by default.
        port: 0 lets the system choose.
        root_url: what the server believes its URL to be; None is the true one.
        clock: the server's clock instead of the real one, for a test that turns it by hand.
    """

    def __init__(
        self,
        users: list[User] | None = None,
        *,
        csrf: bool = True,
        plugins: dict[str, str] | None = None,
        quiet_period: float = 5.0,
        left_items: float = 300.0,
        latency: float = 0.0,
        speed: float = 1.0,
        extended_read: bool = False,
        port: int = 0,
        root_url: str | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.security = Security(csrf)
        for user in users if users is not None else [User("admin", permissions={"Overall/Administer"})]:
            self.security.users[user.name] = user
        self.plugins = dict(INSTALLED if plugins is None else plugins)
        self.secrets = Secrets()
        self.understanding = Understanding(self.plugins, self.secrets)
        self.quiet_period = quiet_period
        self.latency = latency
        self.extended_read = extended_read
        self.root = Item("", None, self.understanding)
        self.nodes = Nodes()
        self.faults = Faults()
        self.requests: list[Request] = []
        self.keep_requests = True
        self.on_request: Callable[[Request], None] | None = None
        self.pages = Pages(random.token_hex(4))
        self.quiet_reason: str | None = None
        self.timeline: list[Phase] = list(TIMELINE)  # of a restart that somebody asks for
        self.phase = ""
        self.listening = False
        self._speed, self._clock = speed, clock
        self._epoch, self._started = time.time(), time.monotonic()
        self.queue = Queue(self.now, self._start, left_items)
        self._application = Application(self, places.AT_ROOT, item_places.answer)
        self._port = port
        self._root_url = root_url
        self._restart: Restart | None = None
        self._closed: list[Listener] = []

    def __enter__(self) -> "FakeJenkins":
        self._hold()
        self.listen()
        self._restart = Restart(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        if self._restart is not None:
            self._restart.close()
        self.unlisten()
        for each in self._closed:
            each.server_close()  # waits for the threads of its connections
        self._held.close()

    def listen(self) -> None:
        """Opens the port; after the first time it is the same one."""
        self._listener = Listener(self._port, self._respond, self.stopping)
        self.listening = True

    def unlisten(self) -> None:
        """Nobody can connect any more, and who was connected is cut off."""
        self._listener.close()
        self._closed.append(self._listener)
        self.listening = False

    def _hold(self) -> None:
        """Takes the port, and keeps it from others while nobody listens."""
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", self._port))
        self._port = self._held.getsockname()[1]

    # What a test asks

    @property
    def url(self) -> str:
        """With the final slash."""
        return self._root_url or f"http://127.0.0.1:{self._port}/"

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    @property
    def admin(self) -> User:
        """The first user."""
        return next(iter(self.security.users.values()))

    def now(self) -> float:
        """Seconds since 1970, by the server's clock."""
        if self._clock is not None:
            return self._clock()
        return self._epoch + (time.monotonic() - self._started) * self._speed

    def item(self, name: str) -> Item:
        """An item by its full name."""
        found = self.find(name, self.root)
        if found is None:
            raise KeyError(name)
        return found

    def runs(self, name: str) -> list[Run]:
        """The builds of a job, oldest first."""
        with self.lock:
            self.queue.advance()
            return list(self.item(name).runs.values())

    def seen(self, method: str, pattern: str = "") -> list[Request]:
        """The requests with a method whose path and query contain a text."""
        return [each for each in self.requests if each.method == method and pattern in each.target]

    # What a test does

    def add_user(self, name: str, *permissions: str, **more: str) -> User:
        """A further account."""
        user = User(name, permissions=set(permissions), **more)
        self.security.users[name] = user
        return user

    def grant(self, user: str, name: str, *permissions: str) -> None:
        """Rights at an item and below it."""
        item = self.item(name)
        item.access = item.access or Access()
        item.access.granted.setdefault(user, set()).update(permissions)

    def seclude(self, name: str) -> None:
        """An item inherits no rights from above."""
        item = self.item(name)
        item.access = item.access or Access()
        item.access.inherits = False

    def put(self, name: str, xml: str) -> Item:
        """Makes an item, or configures it, as somebody else would."""
        with self.lock:
            document = dom.parse(xml)
            found = self.find(name, self.root)
            if found is not None:
                self.configure(found, document)
                return found
            above, _, own = name.rpartition("/")
            return self.create(self.item(above) if above else self.root, own, document)

    def folder(self, name: str) -> Item:
        return self.put(name, "<com.cloudbees.hudson.plugins.folder.Folder/>")

    def config(self, name: str) -> str:
        """What GET config.xml says to somebody who may configure."""
        return self.item(name).stored

    def save(self, name: str) -> None:
        """The server saves an item, as it does by itself now and then."""
        with self.lock:
            self.item(name).save()

    def script(self, name: str, *builds: Build) -> None:
        """What the next builds of a job do, one after the other; the last one stays."""
        with self.lock:
            self.item(name).script = list(builds)

    def trigger(self, name: str, *, delay: float = 0.0, by: str | None = None) -> QueueItem:
        """A build that somebody else, or a timer, wants."""
        with self.lock:
            job = self.item(name)
            said = f"Started by user {by}" if by else "Started by timer"
            cause = {
                "_class": "hudson.model.Cause$UserIdCause" if by else "hudson.triggers.TimerTrigger$TimerTriggerCause"
            }
            cause |= {"shortDescription": said} | ({"userId": by, "userName": by} if by else {})
            values = [each for each in map(item_places.build_places.parameters.default, _declared(job)) if each]
            item, _ = self.queue.add(job, delay, values, cause)
            self.queue.advance()
            return item

    def fault(self, action: str, **more: Any) -> Fault:
        """Something that is to go wrong; see faults.Fault."""
        return self.faults.add(Fault(action, **more))

    def restart(self, *, after: float = 0.0, timeline: list[Phase] | None = None) -> None:
        """Restarts, in phases ("quiet" | "503" | "401" | "refused", how many seconds or until which event)."""
        assert self._restart is not None
        self._restart.begin([("quiet", after), *(timeline or self.timeline)])

    def wait_restarted(self) -> None:
        assert self._restart is not None
        self._restart.wait()

    def expire_crumbs(self) -> None:
        self.security.expire_crumbs()

    # What requests do

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
            run.interrupt("kill", "SYSTEM", self.now())
            self.queue.running.pop(run.queue_id, None)
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
        if folder.parent is not None:
            credential_places.written(folder)
            folder.read = self.understanding.of(folder.read)
            folder.credentials = credential_places.kept(folder)
            folder.save()

    def interrupt(self, run: Run, how: str, who: str) -> None:
        waiting = run.node_item
        run.interrupt(how, who, self.now())
        if waiting is not None and waiting.left is None and not run.building:
            waiting.node_of = None
            self.queue.leave(waiting, self.now(), cancelled=True)
        self._ended(run)

    def decide(self, run: Run, who: str, rejected: bool) -> None:
        (run.reject if rejected else run.approve)(who, self.now())
        self._ended(run)

    def _ended(self, run: Run) -> None:
        if not run.building:
            self.queue.running.pop(run.queue_id, None)
        self.queue.touch()

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

    def _respond(self, request: Request) -> tuple[Reply, Fault | None]:
        """The answer to a request, and what happens to it on its way back."""
        if self.on_request is not None:
            self.on_request(request)
        if self.keep_requests:
            self.requests.append(request)
        fault = self.faults.next(request)
        if fault is not None and fault.action == "hang":
            self.stopping.wait(fault.seconds)
        if self.latency:
            self.stopping.wait(self.latency)
        if self.stopping.is_set():
            raise Gone
        with self.lock:
            reply = self._carried_out(request, fault)
        request.status = reply.status
        if fault is not None and fault.action == "drop":
            raise Gone
        return (fault.reply if fault is not None and fault.action == "answer" else reply), fault

    def _carried_out(self, request: Request, fault: Fault | None) -> Reply:
        if fault is not None and fault.action in ("answer", "drop") and not fault.after:
            return fault.reply
        if fault is not None:
            self._disturb(fault, request)
        if self.phase and self._restart is not None:
            return self._restart.answer(request)
        self.queue.advance()
        reply = self._application.answer(request)
        self.queue.advance()
        return reply

    def _disturb(self, fault: Fault, request: Request) -> None:
        if fault.action == "expire-crumbs":
            self.expire_crumbs()
        number = request.segments[2] if request.segments[:2] == ["queue", "item"] and len(request.segments) > 2 else ""
        if not number.isdigit():
            return
        if fault.action == "cancel-item" and (item := self.queue.items.get(int(number))):
            self.queue.leave(item, self.now(), cancelled=True)
        if fault.action == "expire-item":
            self.queue.expire(int(number))


def _declared(job: Item) -> list[Node]:
    return item_places.build_places.parameters.definitions(job)
