"""A conversation with a Jenkins server: one method that asks, with deadlines, retries, crumbs and errors of ours.

Every request carries the token from the start. A crumb is added only where the server asks for one, which it does not
for API tokens: it is bound to the session whose cookie came with it, so each connection has its own.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode, urlsplit

import requests
from requests.auth import HTTPBasicAuth
from requests.structures import CaseInsensitiveDict

from jenkins_ml import __version__
from jenkins_ml.adapters.jenkins_answers import (
    Answer,
    ServerFailed,
    elsewhere,
    forbidden,
    not_jenkins,
    refused_token,
    without_crumb,
)
from jenkins_ml.adapters.jenkins_http import Broken, Call, Channel, Route
from jenkins_ml.adapters.jenkins_profile import Profile
from jenkins_ml.adapters.jenkins_retry import Clock, Limits, Note, Outage, Patience, Unclear, trouble_of
from jenkins_ml.errors import Unavailable

_FORM: Final = "application/x-www-form-urlencoded"
_CRUMB_TRIES: Final = 3  # a restart takes the session away, and the crumb with it
_NOTHING: Final[Mapping[str, str]] = {}
_EXTRA_HEADERS: Final = "JENKINS_API_EXTRA_HEADERS"  # python-jenkins' variable: a header a line
_NO_VERIFY: Final = "PYTHONHTTPSVERIFY"  # python-jenkins takes 0 for leave to trust any certificate


class Conversation:
    """A Jenkins server, asked as one user. Safe to call from several threads: each call has a connection to itself.

    Args:
        profile: where, and as whom.
        note: is told what a person should know while waiting, a line at a time, from any thread.
        limits: how long things may take.
        clock: for tests.

    Attributes:
        ends: when every call has to be over (`Clock.monotonic`); None for no such time. Whoever has a deadline sets it.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        note: Note | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.server = profile.url
        self.user = profile.user
        self.auth = HTTPBasicAuth(profile.user.encode(), profile.token.encode())
        self.limits = limits or Limits()
        self.clock = clock or Clock()
        self.note = note or (lambda _: None)
        self.ends: float | None = None
        self._headers = self._common_headers()
        self._route: Route | None = None
        self._idle: deque[tuple[Channel, dict[str, str]]] = deque()
        self._accepted = False  # the token, at least once
        self._outage = Outage(self.server, self.note, self.clock)
        self._warn()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server!r}, user={self.user!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are idle; a later call opens a new one."""
        while self._idle:
            self._idle.pop()[0].close()

    def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = _NOTHING,
        body: bytes | None = None,
        form: Sequence[tuple[str, str]] | None = None,
        content_type: str | None = None,
        repeat: bool | None = None,
        most_bytes: int | None = None,
    ) -> Answer:
        """Ask, and get every answer below 500 that Jenkins itself gave, except for 401 and 403.

        Args:
            method: of HTTP.
            path: relative to the server's address, quoted.
            query: added to it, never holding a secret: addresses are logged.
            body: what is sent.
            form: what is sent instead, as a web form.
            content_type: of the body.
            repeat: whether doing it twice is as good as once; None for yes with GET and HEAD, no with others.
            most_bytes: the longest answer, where that is not `Limits.most_bytes`.

        Raises:
            UsageError: the token is not accepted, this is not Jenkins, or it leads to a login page.
            Forbidden: the user lacks a permission.
            ServerFailed: Jenkins failed at it (500).
            Unclear: it broke off, and must not be repeated.
            Unavailable: the server does not answer, and did not come back in time.
        """
        headers = dict(self._headers)
        if form is not None:
            body, content_type = urlencode(form).encode(), _FORM
        if content_type is not None:
            headers["Content-Type"] = content_type
        url = self.server + path + (f"?{urlencode(query)}" if query else "")
        return self.ask(Call(method, url, headers, body), repeat, most_bytes)

    def wait_until_ready(self, seconds: float) -> str:
        """Wait for a server that starts or restarts, until it takes requests of this user.

        Returns:
            Its version.

        Raises:
            UsageError: it does not accept the token, or is not Jenkins.
            Unavailable: it is not ready in time.
        """
        call = Call("GET", f"{self.server}api/json?tree=mode", self._headers)
        patience = Patience(self.clock, self.limits, seconds, self._within(seconds))
        # A server that starts may answer 401 for as long as it has not read who its users are.
        answer = self._checked(call, self._answer(call, True, patience, None, token_known=True))
        return version_of(answer)

    def whoami(self) -> str:
        """The ID of the user that the server takes us for.

        Raises:
            UsageError: it takes us for nobody, or is not Jenkins.
        """
        answer = self.exchange("GET", "whoAmI/api/json")
        known = answer.object()
        if not isinstance(known.get("name"), str):
            raise not_jenkins(answer)
        if known.get("anonymous"):
            raise refused_token(answer, self.user)
        return str(known["name"])

    def ask(self, call: Call, repeat: bool | None = None, most_bytes: int | None = None) -> Answer:
        """What `exchange` does, with a request that is made already."""
        if repeat is None:
            repeat = call.method in ("GET", "HEAD")
        patience = Patience(self.clock, self.limits, self.limits.restart, self.ends)
        return self._checked(call, self._answer(call, repeat, patience, most_bytes))

    def _answer(
        self, call: Call, repeat: bool, patience: Patience, most_bytes: int | None, *, token_known: bool = False
    ) -> Answer:
        """The first answer that counts."""
        why = "the time is up"
        while True:
            if patience.ends is not None and self.clock.monotonic() >= patience.ends:
                raise self._unavailable(why)
            outcome = self._attempt(call, most_bytes, patience.ends, fresh=not repeat)
            trouble = trouble_of(outcome, token_known=token_known or self._accepted)
            if trouble is None and isinstance(outcome, Answer):
                self._accepted = self._accepted or outcome.status < 400
                self._outage.over()
                return outcome
            assert trouble is not None  # noqa: S101 - an outcome without an answer is trouble
            if not trouble.refused and not repeat:
                raise Unclear(f"{call.method} {call.shown}", trouble.text, under_way=trouble.under_way)
            pause = patience.pause(trouble)
            if pause is None:
                if isinstance(outcome, Answer) and outcome.status == 401:
                    raise refused_token(outcome, self.user)
                raise self._unavailable(trouble.text)
            why = trouble.text
            token_known = token_known or (trouble.refused and trouble.patience is None)
            if trouble.patience is None:
                self._outage.noticed(trouble, patience.seconds)
            self.clock.sleep(pause)

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable(f"Jenkins at {self.server} is not available: {why}", "try again when the server is back")

    def _attempt(self, call: Call, most_bytes: int | None, ends: float | None, *, fresh: bool) -> Answer | Broken:
        """Send it once; a second time where Jenkins wanted a crumb and had therefore not looked at it."""
        try:
            channel, crumb = self._idle.pop()
        except IndexError:
            channel, crumb = Channel(self._way()), {}

        def send(request: Call) -> Answer:
            left = self.limits.request if ends is None else min(self.limits.request, ends - self.clock.monotonic())
            if left <= 0:
                raise Broken("not connected", "the time is up")
            most = most_bytes or self.limits.most_bytes
            return channel.send(request, min(self.limits.connect, left), left, most, fresh=fresh)

        try:
            answer = send(_with(call, crumb))
            for _ in range(_CRUMB_TRIES):
                if not without_crumb(answer):
                    break
                channel.forget()
                issued = self._crumb(send)
                if isinstance(issued, Answer):
                    answer = issued if issued.status in (401, 429, 503) else answer
                    break
                crumb = issued
                answer = send(_with(call, crumb))
        except Broken as broken:
            channel.close()
            return broken
        except BaseException:
            channel.close()
            raise
        self._idle.append((channel, crumb))
        return answer

    def _crumb(self, send: Callable[[Call], Answer]) -> dict[str, str] | Answer:
        """A crumb of this channel's session as a header; the answer instead, where there is none.

        Raises:
            Broken: there was no answer; what the crumb is for was refused before, so it is not under way.
        """
        try:
            answer = send(Call("GET", f"{self.server}crumbIssuer/api/json", self._headers))
        except Broken as broken:
            raise Broken("not connected", broken.reason) from broken
        if answer.status in (502, 504):
            raise Broken("not connected", f"no crumb ({answer.status})")
        if answer.status != 200:
            return answer
        issued = answer.json()
        try:
            return {str(issued["crumbRequestField"]): str(issued["crumb"])}
        except (TypeError, KeyError):
            raise not_jenkins(answer) from None

    def _checked(self, call: Call, answer: Answer) -> Answer:
        """The answer, unless it stands for a failure that no caller can do anything about."""
        if answer.status == 403:
            raise forbidden(answer, self.user)
        if answer.status >= 500:
            raise ServerFailed(answer)
        astray = elsewhere(answer, self.server, call.method in ("GET", "HEAD"))
        if astray is not None:
            raise astray
        return answer

    def _within(self, seconds: float) -> float:
        ends = self.clock.monotonic() + seconds
        return ends if self.ends is None else min(ends, self.ends)

    def _way(self) -> Route:
        if self._route is None:
            self._route = Route.of(self.server)
        return self._route

    def _common_headers(self) -> dict[str, str]:
        headers = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": f"jenkins-ml/{__version__}"}
        for line in os.environ.get(_EXTRA_HEADERS, "").split("\n"):
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip()] = value.strip()
        prepared = requests.PreparedRequest()
        prepared.headers = CaseInsensitiveDict()
        headers["Authorization"] = self.auth(prepared).headers["Authorization"]
        return headers

    def _warn(self) -> None:
        parts = urlsplit(self.server)
        if parts.scheme == "http" and not _loopback(parts.hostname or ""):
            self.note(f"warning: {self.server} is not encrypted: whoever is on the way can read the token")
        if os.environ.get(_NO_VERIFY) == "0":
            self.note(
                f"warning: {_NO_VERIFY}=0 is ignored, certificates are checked: name your authority's certificates in "
                "REQUESTS_CA_BUNDLE"
            )


def _with(call: Call, crumb: Mapping[str, str]) -> Call:
    return Call(call.method, call.url, {**call.headers, **crumb}, call.body) if crumb else call


def version_of(answer: Answer) -> str:
    """The server's version."""
    version = answer.headers.get("X-Jenkins", "")
    if answer.status != 200 or not version:
        raise not_jenkins(answer)
    return version


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
