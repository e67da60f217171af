"""Prediction requests over connections that are kept open."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from benchmarks.processes import PYTHON, environment, output
from jenkins_ml import names


@dataclass(frozen=True)
class Answer:
    """When an answer came (monotonic seconds), after how many seconds, from which version, whether it was one, and which."""

    time: float
    took: float
    version: str | None
    ok: bool
    body: bytes = b""

    @property
    def asked(self) -> float:
        """When it was asked for."""
        return self.time - self.took


class Client:
    """One connection.

    Args:
        url: of the model, as `jenkins-ml server --json` tells it.
        body: the request.
    """

    def __init__(self, url: str, body: bytes) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
        self._path, self.body = f"{parts.path}:predict", body

    def ask(self, request_id: str | None = None) -> Answer:
        """Send one request, with an id if it has one, and wait for its answer."""
        headers = {} if request_id is None else {names.REQUEST_HEADER: request_id}
        began = time.monotonic()
        try:
            self._connection.request("POST", self._path, self.body, headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return Answer(time.monotonic(), time.monotonic() - began, None, ok=False)
        version = response.headers.get(names.VERSION_HEADER)
        return Answer(time.monotonic(), time.monotonic() - began, version, response.status == http.client.OK, body)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Traffic:
    """Requests at a steady rate, from a thread, for the time of a block; `answers` holds what came back."""

    def __init__(self, url: str, body: bytes, per_second: float) -> None:
        self._client, self._per_second = Client(url, body), per_second
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self.answers: list[Answer] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(15)
        self._client.close()

    def change(self, body: bytes) -> None:
        """Ask for something else from now on."""
        self._client.body = body

    def _send(self) -> None:
        began = time.monotonic()
        while not self._stopping.wait(max(0.0, began + len(self.answers) / self._per_second - time.monotonic())):
            self.answers.append(self._client.ask())


class Users:
    """The same over several connections, a thread each; `answers` in the order in which they came."""

    def __init__(self, url: str, body: bytes, per_second: float, connections: int = 4) -> None:
        self._all = [Traffic(url, body, per_second / connections) for _ in range(connections)]

    def __enter__(self) -> Self:
        for each in self._all:
            each.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._all:
            each.__exit__(kind, error, trace)

    @property
    def answers(self) -> list[Answer]:
        """What came back so far."""
        return sorted((answer for each in self._all for answer in each.answers), key=lambda answer: answer.time)

    def change(self, body: bytes) -> None:
        """Ask for something else from now on."""
        for each in self._all:
            each.change(body)


def example_body(folder: Path) -> bytes:
    """A request with the first row of the test split of a project."""
    code = "import json, data; print(json.dumps({'instances': [data.load('test')[0][0].tolist()]}))"
    return output((PYTHON, "-c", code), folder, environment()).encode()
