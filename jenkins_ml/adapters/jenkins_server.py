"""A client of Jenkins: python-jenkins, with what it lacks.

Every method of python-jenkins goes the road of `Conversation.exchange` and thereby has deadlines, waits for a server
that restarts, sends crumbs only where they are asked for, follows no redirect, and raises our errors. python-jenkins'
own `NotFoundException` and requests' `HTTPError` stay what its callers expect: `NotFound` and `Refused` are both.

Importing python-jenkins takes more than 0.1 s, so only what talks to a server imports this module.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from http.client import responses
from typing import Any

import jenkins
import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from jenkins_ml.adapters.jenkins_answers import Answer, Forbidden, ServerFailed, x_error
from jenkins_ml.adapters.jenkins_conversation import Conversation, version_of
from jenkins_ml.adapters.jenkins_http import Call
from jenkins_ml.adapters.jenkins_paths import item_name, item_path
from jenkins_ml.adapters.jenkins_profile import Profile
from jenkins_ml.adapters.jenkins_retry import Clock, Limits, Note, Unclear
from jenkins_ml.errors import Unavailable, UsageError

__all__ = [
    "Answer",
    "Clock",
    "Forbidden",
    "Limits",
    "NotFound",
    "Refused",
    "Server",
    "ServerFailed",
    "Unclear",
    "item_name",
    "item_path",
    "x_error",
]


class NotFound(UsageError, jenkins.NotFoundException):  # type: ignore[misc]  # python-jenkins has no types
    """There is no such thing, or the user may not know of it (404)."""


class Refused(UsageError, requests.HTTPError):
    """Jenkins does not take what was asked (400, 409 and the like).

    Args:
        what: what happened.
        response: its answer.
    """

    def __init__(self, what: str, response: requests.Response) -> None:
        super().__init__(what, "see what it says")
        self.response = response

    __str__ = UsageError.__str__


class Server(Conversation, jenkins.Jenkins):  # type: ignore[misc]  # python-jenkins has no types
    """A Jenkins server, asked as one user: `exchange` and all methods of python-jenkins. Safe to call from many threads.

    Args:
        profile: where, and as whom.
        note: is told what a person should know while waiting, a line at a time, from any thread.
        limits: how long things may take.
        clock: for tests.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        note: Note | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
    ) -> None:
        # python-jenkins' own is not called: it would log the values of extra headers, and trust any certificate where a
        # variable says so. These are the attributes that its methods use.
        super().__init__(profile, note=note, limits=limits, clock=clock)
        self.timeout = self.limits.request
        self.crumb = False

    def jenkins_request(
        self,
        req: requests.Request,
        add_crumb: bool = True,  # noqa: ARG002 - python-jenkins calls it so
        resolve_auth: bool = True,  # noqa: ARG002
        stream: bool | None = None,
    ) -> requests.Response:
        """Send a request of python-jenkins.

        Raises:
            NotFound: there is no such thing.
            Refused: Jenkins answers another status of 400 or above; and what `exchange` raises.
        """
        response = self._request(req, stream)
        if response.status_code == 404:
            raise NotFound(
                f"there is nothing at {response.url.partition('?')[0]}, or user {self.user} may not see it",
                "look at the name, and at what the user may see",
            )
        if response.status_code >= 400:
            answer = Answer(response.status_code, response.headers, response.content, response.url.partition("?")[0])
            raise Refused(f"Jenkins refused {req.method} {answer.url} ({answer.status}): {x_error(answer)}", response)
        return response

    def maybe_add_crumb(self, req: requests.Request) -> None:
        """Crumbs are added where the server asks for one."""

    def build_job(self, name: str, parameters: Any = None, token: str | None = None) -> int:
        """Start a build, with the parameters in the body: an address is logged, by servers and proxies.

        Args:
            name: full name of the job.
            parameters: a mapping or pairs; None for a job without.
            token: of a job that is triggered remotely; API tokens need none.

        Returns:
            The number of the item in the queue.
        """
        url = self._build_url(f"{item_path(name)}/{'build' if parameters is None else 'buildWithParameters'}")
        pairs = list(parameters.items() if isinstance(parameters, Mapping) else parameters or ())
        data = pairs if token is None else [*pairs, ("token", token)]
        response = self.jenkins_request(requests.Request("POST", url, data=data))
        found = re.search(r"/queue/item/(\d+)/?$", response.headers.get("Location", ""))
        if found is None:
            raise Refused(f"Jenkins names no item of its queue for {url} ({response.status_code})", response)
        return int(found[1])

    def get_version(self) -> str:
        """The server's version."""
        return version_of(self.exchange("GET", "api/json", query={"tree": "mode"}))

    def wait_for_normal_op(self, timeout: float) -> bool:
        """Whether the server is ready within so many seconds."""
        if timeout < 0:
            raise ValueError(f"a timeout is not negative: {timeout}")
        try:
            self.wait_until_ready(timeout)
        except Unavailable:
            return False
        return True

    def _maybe_add_auth(self) -> None:
        """Each request carries the token from the start."""

    def _request(self, req: requests.Request, stream: bool | None = None) -> requests.Response:
        del stream  # a body is read within its deadline
        prepared = req.prepare()
        url = prepared.url or ""
        if not url.startswith(self.server):
            raise UsageError(f"{url.partition('?')[0]} is not below {self.server}", "the token must not go there")
        given = {name: _text(value) for name, value in prepared.headers.items() if name != "Content-Length"}
        body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
        if body is not None and not isinstance(body, bytes):
            raise UsageError("a request's body has to be text or bytes", "read the file first")
        call = Call(prepared.method or "GET", url, {**given, **self._headers}, body)
        answer = self.ask(call)
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, url, prepared
        response.reason = responses.get(answer.status, "")
        response.headers = CaseInsensitiveDict(answer.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response._content = answer.body
        response.raw = io.BytesIO(answer.body)
        return response


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
