"""From a request to its answer: who asks, may they, and which part of the server it is for."""

from collections.abc import Callable
from typing import Any

from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.messages import Answered, Reply, Request
from tests.fakes.jenkins.pages import NEW_SESSION
from tests.fakes.jenkins.security import identity

Handler = Callable[[Any, Request, list[str]], Reply]
OPEN = ("login", "whoAmI", "crumbIssuer", "generic-webhook-trigger")  # needs no Overall/Read


class Application:
    """Answers requests of one server.

    Args:
        server: the state.
        places: what stands at the root, by its first segment.
        item_places: what stands below an item.
    """

    def __init__(self, server: Any, places: dict[str, Handler], item_places: Callable[..., Reply]) -> None:
        self.server = server
        self.places = places
        self.item_places = item_places

    def answer(self, request: Request) -> Reply:
        """The answer to a request; carries it out."""
        request.server = self.server
        request.spelt = {}
        try:
            reply = self._answer(request)
        except Answered as answered:
            reply = answered.reply
        if reply.headers.get("Set-Cookie") == NEW_SESSION:
            if request.session:
                del reply.headers["Set-Cookie"]
            else:
                reply.headers["Set-Cookie"] = f"JSESSIONID={self.server.security.new_session()}; Path=/; HttpOnly"
        return reply

    def _answer(self, request: Request) -> Reply:
        server = self.server
        server.security.authenticate(request)
        server.security.check_crumb(request)
        first = request.segments[0] if request.segments else ""
        if first not in OPEN:
            may_read(request)
        if first == "job":
            return self.item_places(request, *self._resolve(request))
        handler = self.places.get(first)
        return handler(server, request, request.segments[1:]) if handler else server.pages.not_found()

    def _resolve(self, request: Request) -> tuple[Item, list[str]]:
        """The item that the path leads to, and what is left of the path."""
        item: Item = self.server.root
        rest = request.segments
        while len(rest) >= 2 and rest[0] == "job" and item.is_container:
            found = item.child(rest[1])
            if found is None:
                raise Answered(self.server.pages.not_found())
            if item.parent is None and found.name != rest[1]:
                request.spelt[found] = rest[1]
            if found.access is not None:
                visible(request, found)
            item, rest = found, rest[2:]
        visible(request, item)
        return item, rest


def may_read(request: Request) -> None:
    """Overall/Read, or the way to the login page."""
    server = request.server
    if server.security.may(request.user, "Overall/Read"):
        return
    if request.user is server.security.anonymous:
        raise Answered(server.pages.login(request))
    raise Answered(server.pages.denied(request.user.name, "Overall/Read", identity("Overall/Read")))


def visible(request: Request, item: Item) -> None:
    """Without Job/Read it is not there; with Job/Discover it is there, but not for you."""
    may = request.server.security.may
    if may(request.user, "Job/Read", item):
        return
    if may(request.user, "Job/Discover", item):
        raise Answered(request.server.pages.discovered(item.full_name))
    raise Answered(request.server.pages.not_found())


def need(request: Request, permission: str, item: Item | None = None) -> None:
    """Ends with 403 without a permission."""
    server = request.server
    if not server.security.may(request.user, permission, item):
        if request.user is server.security.anonymous:
            raise Answered(server.pages.login(request))
        raise Answered(server.pages.denied(request.user.name, permission, identity(permission)))


def need_post(request: Request) -> None:
    if request.method != "POST":
        raise Answered(request.server.pages.needs_post(request.server.url.rstrip("/") + request.target))


def need_found(found: Any, request: Request) -> Any:
    if found is None:
        raise Answered(request.server.pages.not_found())
    return found


def refuse(request: Request, message: str, status: int = 400) -> Reply:
    return request.server.pages.failure(message, status=status)
