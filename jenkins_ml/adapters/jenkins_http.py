"""One HTTP connection to a Jenkins server: one request, one answer, one deadline for all of it.

requests and urllib3 begin a socket's timeout anew with every byte, so an answer that trickles would never end. Here
each read gets what is left of the request's time; that costs a system call, and no thread. Only looking up a name
cannot be bounded so: a new connection is made in a thread that is left behind when it takes too long.

Nothing is repeated or redirected here, and the token is known only to the request that carries it.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any, Final, Literal

import requests
import urllib3.exceptions as broken
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar, get_cookie_header
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Timeout

from jenkins_ml.adapters.jenkins_answers import Answer
from jenkins_ml.errors import StageFailed, UsageError
from jenkins_ml.reporting.text import one_line

_PIECE: Final = 2**16
# A server or a proxy closes a connection that idles; a request sent into that moment has an unknown fate.
_IDLE_SECONDS: Final = 2.0

Kind = Literal["unknown host", "not connected", "dropped", "timeout"]


class Broken(Exception):
    """A request that got no whole answer.

    Args:
        kind: "unknown host" and "not connected": it was surely never sent; the others: nobody knows.
        reason: in words.
    """

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = one_line(reason, 300)


@dataclass(frozen=True)
class Call:
    """A request: where to, and what is sent. Its text never shows the body, which may hold secrets."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The address without its query."""
        return self.url.partition("?")[0]


@dataclass(frozen=True)
class Route:
    """How the server is reached: what requests takes from the environment, looked up once.

    Args:
        proxies: a proxy for each scheme.
        verify: whose certificates are trusted: True for the usual authorities, else a file or folder of them.
        certificate: of the client.
    """

    proxies: Mapping[str, str]
    verify: bool | str
    certificate: Any = None

    @classmethod
    def of(cls, url: str) -> Route:
        """The route that the environment's variables give for a URL."""
        with requests.Session() as session:
            found = session.merge_environment_settings(url, {}, True, None, None)
        return cls(dict(found["proxies"]), True if found["verify"] is None else found["verify"], found["cert"])


class Channel:
    """A connection that is kept, with the cookies of its session. For one thread at a time."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._adapter = _Adapter(pool_connections=1, pool_maxsize=1)
        self._cookies = RequestsCookieJar()
        self._used = time.monotonic()

    def close(self) -> None:
        """Close the connection."""
        self._adapter.close()

    def forget(self) -> None:
        """Begin a new session: without its cookies."""
        self._cookies.clear()

    def send(self, call: Call, connect_seconds: float, seconds: float, most_bytes: int, *, fresh: bool) -> Answer:
        """Send a request and read its answer.

        Args:
            call: the request.
            connect_seconds: for the connection, if there is none yet.
            seconds: for the whole of the answer.
            most_bytes: the longest body.
            fresh: not on a connection that has idled.

        Raises:
            Broken: there was no whole answer.
            UsageError: the server's certificate is not trusted.
            StageFailed: the body is too long.
        """
        if fresh and time.monotonic() - self._used > _IDLE_SECONDS:
            self._adapter.close()
        try:
            return self._exchange(call, Timeout(connect=connect_seconds, read=seconds), most_bytes)
        except (requests.RequestException, broken.HTTPError, HTTPException, OSError) as error:
            raise _explained(call, error) from error
        finally:
            self._used = time.monotonic()

    def _exchange(self, call: Call, timeout: Timeout, most_bytes: int) -> Answer:
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url, prepared.body = call.method, call.url, call.body
        prepared.headers = CaseInsensitiveDict(call.headers)
        if call.body is not None:
            prepared.headers["Content-Length"] = str(len(call.body))
        if len(self._cookies):
            cookies = get_cookie_header(self._cookies, prepared)  # type: ignore[no-untyped-call]
            if cookies:
                prepared.headers["Cookie"] = cookies
        route = self._route
        response = self._adapter.send(
            prepared,
            stream=True,
            timeout=timeout,  # type: ignore[arg-type]  # it takes urllib3's too
            verify=route.verify,
            cert=route.certificate,
            proxies=dict(route.proxies),
        )
        raw = response.raw
        try:
            if "Set-Cookie" in response.headers:
                extract_cookies_to_jar(self._cookies, prepared, raw)  # type: ignore[no-untyped-call]
            body = bytearray()
            for piece in raw.stream(_PIECE, decode_content=True):
                body += piece
                if len(body) > most_bytes:
                    raise StageFailed(
                        f"the answer of {call.shown} is longer than {most_bytes} bytes", "this is more than it can need"
                    )
            raw.release_conn()
        except BaseException:
            raw.close()  # what is left unread must not be taken for the next answer
            raise
        return Answer(response.status_code, response.headers, bytes(body), call.shown)


def _explained(call: Call, error: Exception) -> Broken | UsageError:
    """What became of the request, by what was raised."""
    causes = list(_causes(error))
    last = causes[-1]
    reason = str(last) if isinstance(last, OSError) and str(last) else type(last).__name__
    if any(isinstance(cause, broken.ProxyError) for cause in causes):
        return Broken("not connected", f"no connection by way of the proxy: {reason}")
    for cause in causes:
        if isinstance(cause, broken.NameResolutionError | socket.gaierror):
            return Broken("unknown host", "its name cannot be looked up")
        verify = getattr(cause, "verify_message", None)
        if verify is not None:
            return UsageError(
                f"the certificate of {call.shown} is not trusted: {one_line(str(verify), 200)}",
                "name a file of your authority's certificates in REQUESTS_CA_BUNDLE",
            )
    if any(isinstance(cause, broken.NewConnectionError | broken.ConnectTimeoutError) for cause in causes):
        return Broken("not connected", f"no connection: {reason}")
    if any(isinstance(cause, TimeoutError | broken.TimeoutError | requests.Timeout) for cause in causes):
        return Broken("timeout", "no whole answer in time")
    return Broken("dropped", f"the connection broke off: {reason}")


def _causes(error: BaseException | None) -> Any:
    """An error and what it came from, outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((each for each in error.args if isinstance(each, BaseException)), None)
        error = inner or error.__cause__ or error.__context__


class _Bounded(io.RawIOBase):
    """The bytes of a socket, until a point in time."""

    def __init__(self, raw: Any, sock: Any, ends: float) -> None:
        self._raw, self._sock, self._ends = raw, sock, ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        # The socket knows how many files are open on it, and closes with the last one.
        self._raw.close()
        super().close()


class _Lines(io.BufferedReader):
    """A buffered file whose lines are whole: http.client takes a head that breaks off for one that has ended."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            raise ConnectionResetError("it closed without " + ("the rest of its answer" if line else "an answer"))
        return line


def _bounded_response(connection: HTTPConnection, sock: Any, *arguments: Any, **options: Any) -> HTTPResponse:
    """What http.client reads an answer from; its time begins when it is waited for."""
    response = HTTPResponse(sock, *arguments, **options)
    if isinstance(connection.timeout, int | float):
        # Left alone, the buffered file would go on reading the socket's file, whose timeout begins anew each time.
        raw = response.fp.detach()
        response.fp = _Lines(_Bounded(raw, sock, time.monotonic() + connection.timeout))
    return response


class _Connecting(HTTPConnection):
    """A connection that is made within its timeout: looking up the name and trying each of its addresses."""

    def connect(self) -> None:
        """Connect, as urllib3 does; what fails here, an encryption that is not agreed on included, sent nothing yet."""
        try:
            super().connect()
        except (broken.HTTPError, ssl.SSLCertVerificationError):
            raise
        except TimeoutError as error:
            raise broken.ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise broken.NewConnectionError(self, f"no connection: {error}") from error

    def _new_conn(self) -> socket.socket:
        made: Future[socket.socket] = Future()

        def work() -> None:
            try:
                made.set_result(super(_Connecting, self)._new_conn())
            except BaseException as error:
                made.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        limit = self.timeout if isinstance(self.timeout, int | float) else None
        try:
            return made.result(limit)
        except BaseException as error:
            made.add_done_callback(_close)  # a connection that comes too late
            if isinstance(error, TimeoutError) and not isinstance(error, broken.HTTPError):
                raise broken.ConnectTimeoutError(self, "no connection in time") from error
            raise


def _close(made: Future[socket.socket]) -> None:
    with contextlib.suppress(BaseException):
        made.result().close()


class _Http(_Connecting):
    response_class = _bounded_response  # type: ignore[assignment]  # called as a method, it is given the connection


class _Https(_Connecting, HTTPSConnection):
    response_class = _bounded_response  # type: ignore[assignment]


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


_POOLS: Final = {"http": _HttpPool, "https": _HttpsPool}


class _Adapter(HTTPAdapter):
    """The adapter of requests, with connections that keep their deadline."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager
