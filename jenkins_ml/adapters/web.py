"""One request over HTTP and its answer, within one deadline for all of it. Nothing is repeated, and no redirect followed.

Certificates are verified (SSL_CERT_FILE names one's own authority), proxies are those of the environment.
"""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from jenkins_ml import __version__
from jenkins_ml.reporting.text import one_line

_MOST_BYTES: Final = 16 * 2**20

T = TypeVar("T")


class NoAnswer(Exception):
    """There was no whole answer in time; the text says why, in one line."""


@dataclass(frozen=True)
class Answer:
    """What came back: the HTTP status, and the body."""

    status: int
    body: bytes

    @property
    def text(self) -> str:
        """The beginning of the body in one line, for messages."""
        return one_line(self.body[:1000].decode("utf-8", "replace"), 300)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: what a request carries goes nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


def exchange(
    method: str, url: str, *, seconds: float, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    """Send one request and read its answer, whatever its status.

    Args:
        method: "GET", "POST", ...
        url: http or https.
        seconds: for everything, from looking up the name to the last byte.
        headers: to send.
        body: to send.

    Raises:
        NoAnswer: none came in time, or not a whole one.
    """
    request = urllib.request.Request(url, body, method=method)  # noqa: S310 - http(s), by the configuration's pattern
    request.add_header("User-Agent", f"jenkins-ml/{__version__}")
    for name, value in (headers or {}).items():
        request.add_unredirected_header(name, value)
    opener = urllib.request.build_opener(_NoRedirects)

    def ask() -> Answer:
        try:
            with opener.open(request, timeout=seconds) as response:
                return Answer(response.status, _read(response))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _read(error))

    try:
        return within(seconds, ask)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise NoAnswer(one_line(str(reason) or type(reason).__name__, 300)) from error


def _read(response: Any) -> bytes:
    body: bytes = response.read(_MOST_BYTES + 1)
    if len(body) > _MOST_BYTES:
        raise OSError(f"the answer is longer than {_MOST_BYTES // 2**20} MiB")
    return body


def within(seconds: float, call: Callable[[], T]) -> T:
    """Make a call, and stop waiting for it after so long.

    A socket's timeout begins anew with every byte, and there is none for the look-up of a name.
    """
    ended: Future[T] = Future()

    def work() -> None:
        try:
            ended.set_result(call())
        except BaseException as error:
            ended.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        return ended.result(seconds)
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {seconds:g} s") from error
