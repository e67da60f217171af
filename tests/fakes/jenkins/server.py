"""The fake server: what a test can do with it, and its life."""

import socket
import threading
import traceback
from collections.abc import Callable
from typing import Any

from tests.fakes.jenkins import dom, item_places, parameters, places
from tests.fakes.jenkins.application import Application
from tests.fakes.jenkins.builds import Build, Run
from tests.fakes.jenkins.connections import Gone, Listener
from tests.fakes.jenkins.faults import Fault, Faults
from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.messages import Reply, Request
from tests.fakes.jenkins.queueing import QueueItem
from tests.fakes.jenkins.restarting import TIMELINE, Phase, Restart
from tests.fakes.jenkins.security import Access, User
from tests.fakes.jenkins.state import State


class FakeJenkins(State):
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
        executors: how many builds run at a time.
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
        executors: int = 24,
        port: int = 0,
        root_url: str | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        admin = User("admin", permissions={"Overall/Administer"})
        super().__init__(
            [admin] if users is None else users,
            csrf=csrf,
            plugins=plugins,
            left_items=left_items,
            speed=speed,
            clock=clock,
        )
        self.queue.executors = executors
        self.stopping = threading.Event()
        self.quiet_period = quiet_period
        self.latency = latency
        self.extended_read = extended_read
        self.faults = Faults()
        self.requests: list[Request] = []
        self.keep_requests = True
        self.on_request: Callable[[Request], None] | None = None
        self.bugs: list[str] = []  # of the fake itself
        self.timeline: list[Phase] = list(TIMELINE)  # of a restart that somebody asks for
        self.phase = ""
        self.listening = False
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

    def __exit__(self, failed: object, *_: object) -> None:
        self.stopping.set()
        if self._restart is not None:
            self._restart.close()
        self.unlisten()
        for each in self._closed:
            each.server_close()  # waits for the threads of its connections
        self._held.close()
        assert failed or not self.bugs, "\n".join(self.bugs)

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
            values = [each for each in map(parameters.default, parameters.definitions(job)) if each]
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
        try:
            self.queue.advance()
            reply = self._application.answer(request)
            self.queue.advance()
        except Exception:
            self.bugs.append(f"{request}\n{traceback.format_exc()}")
            return self.pages.oops()
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
