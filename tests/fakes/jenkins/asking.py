"""The plainest client of a Jenkins, for the fake's own tests."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.jenkins.security import User
from tests.fakes.jenkins.server import FakeJenkins

XML = {"Content-Type": "text/xml; charset=utf-8"}


def wait_until(holds: Callable[[], Any], seconds: float = 30.0) -> None:
    """Waits for something that is going to happen; that it does not is a failure."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


@dataclass
class Answer:
    """An answer.

    Args:
        status: HTTP status.
        headers: by lower-case name.
        body: as it came.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Asker:
    """Asks one server, over one connection as long as it lasts.

    Args:
        server: which.
        user: who asks, by API token; None is nobody in particular.
    """

    def __init__(self, server: FakeJenkins, user: User | None = None) -> None:
        self.server = server
        self.user = user
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> "Asker":
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(
        self, method: str, path: str, body: str | bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Sends a request and reads its answer."""
        more = dict(headers or {})
        if self.user is not None:
            more.setdefault("Authorization", self.user.basic)
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self.server.address, timeout=30)
        data = body.encode() if isinstance(body, str) else body
        try:
            self._connection.putrequest(method, path, skip_accept_encoding="Accept-Encoding" in more)
            if data is not None or method == "POST":
                more["Content-Length"] = str(len(data or b""))
            for name, text in more.items():
                self._connection.putheader(name, text)
            self._connection.endheaders(data)
            response = self._connection.getresponse()
            read = response.read()
        except (OSError, http.client.HTTPException):
            self.__exit__()
            raise
        if response.will_close:
            self.__exit__()
        return Answer(response.status, {name.lower(): text for name, text in response.getheaders()}, read)

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, body: str | bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        return self.ask("POST", path, body, headers)

    def post_xml(self, path: str, xml: str | bytes) -> Answer:
        return self.ask("POST", path, xml, XML)
