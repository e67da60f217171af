"""A small HTTP receiver for web hooks: whoever sends is checked first, and nothing is waited for without end.

One request a connection. What a request asks for is done in one thread, one after the other, so that two of them never act
at the same time; it goes on when the sender has gone, or when this is stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import http
import json
import signal
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

Answer = tuple[int, Mapping[str, Any]]
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
_SILENCE: Final = 60.0  # seconds between two lines about senders that are turned away for the same reason
HEALTH: Final = "/healthz"  # answers without a token: that this lives is all it says


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What one sender can make this do.

    Args:
        connections: that are open at a time.
        head: bytes of a request's first line and headers.
        body: bytes behind them.
        reading: seconds for a request to arrive, and for its answer to be taken.
        acting: seconds after which a sender is told to ask again, while what was asked for goes on.
        waiting: requests that wait, or are acted on, at a time.
    """

    connections: int = 32
    head: int = 16 * 1024
    body: int = 2**20
    reading: float = 10.0
    acting: float = 240.0
    waiting: int = 8


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Where web hooks arrive.

    Args:
        host: address to listen on.
        port: to listen on; 0 for a free one.
        act: does what a body asks for; answers the HTTP status, and what is sent back as JSON. Raises nothing.
        token: the bearer token that senders need, read anew for each request; raises OSError or ValueError where it
            cannot be had. None: whoever has come this far is known by a certificate.
        note: takes a line about a sender that was turned away, seldom the same.
        tls: for HTTPS; None for HTTP.
        bounds: what one sender can make this do.
    """

    host: str
    port: int
    act: Callable[[bytes], Answer]
    token: Callable[[], bytes] | None
    note: Callable[[str], None]
    tls: ssl.SSLContext | None = None
    bounds: Bounds = field(default_factory=Bounds)

    def run(self, listening: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM; what is being acted on then is finished first.

        Args:
            listening: is told the address once this listens.

        Raises:
            OSError: the address cannot be listened on.
        """
        asyncio.run(self._until_stopped(listening))

    async def serve(self, listening: Callable[[str], None], stopped: asyncio.Event) -> None:
        """The same, until an event; raises as `run` does."""
        await _Run(self).serve(listening, stopped)

    async def _until_stopped(self, listening: Callable[[str], None]) -> None:
        stopped, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in _STOPPING:
            loop.add_signal_handler(number, stopped.set)
        await self.serve(listening, stopped)


class _Refused(Exception):
    """A request that is not acted on."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class _Run:
    def __init__(self, receiver: Receiver) -> None:
        self._receiver, self._bounds = receiver, receiver.bounds
        self._connections: set[asyncio.Task[None]] = set()
        self._reading: set[asyncio.StreamWriter] = set()
        self._waiting = 0
        self._stopping = False
        self._told: dict[int, float] = {}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="alert-hook")

    async def serve(self, listening: Callable[[str], None], stopped: asyncio.Event) -> None:
        tls = self._receiver.tls
        times = {"ssl_handshake_timeout": self._bounds.reading, "ssl_shutdown_timeout": self._bounds.reading}
        server = await asyncio.start_server(
            self._connection,
            self._receiver.host,
            self._receiver.port,
            limit=self._bounds.head,
            ssl=tls,
            **(times if tls else {}),
        )
        host, port = server.sockets[0].getsockname()[:2]
        listening(f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}")
        await stopped.wait()
        self._stopping = True
        server.close()
        for writer in tuple(self._reading):
            writer.transport.abort()  # nothing was promised to them
        await asyncio.to_thread(self._pool.shutdown)  # an action has deadlines of its own
        if self._connections:
            await asyncio.wait(self._connections, timeout=self._bounds.reading)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this in one
        self._connections.add(task)
        try:
            if len(self._connections) > self._bounds.connections:
                writer.write(_response(503, {"error": "too many connections"}))
                return
            status, answer = await self._answer(reader, writer)
            with contextlib.suppress(OSError, TimeoutError):  # nobody is there any more
                async with asyncio.timeout(self._bounds.reading):
                    writer.write(_response(status, answer))
                    await writer.drain()
                    await self._leave(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
        self._reading.add(writer)
        try:
            async with asyncio.timeout(self._bounds.reading):
                body = await self._read(reader)
        except _Refused as refused:
            self._note(refused, writer)
            return refused.status, {"error": refused.why}
        except TimeoutError:
            return 408, {"error": f"no request within {self._bounds.reading:g} s"}
        except (asyncio.IncompleteReadError, OSError):
            return 400, {"error": "the request ended early"}
        finally:
            self._reading.discard(writer)
        return (200, {"status": "ready"}) if body is None else await self._act(body)

    def _note(self, refused: _Refused, writer: asyncio.StreamWriter) -> None:
        """Say that somebody was turned away; who tries all the time does not fill the log."""
        now = asyncio.get_running_loop().time()
        if now - self._told.get(refused.status, -_SILENCE) >= _SILENCE:
            self._told[refused.status] = now
            address, *_ = writer.get_extra_info("peername") or ("a sender",)
            self._receiver.note(f"{address} was turned away ({refused.status}): {refused.why}")

    async def _leave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let the sender end: whoever is still sending when we do would lose the answer."""
        if writer.can_write_eof():
            writer.write_eof()
        left = self._bounds.body
        while left > 0 and (data := await reader.read(self._bounds.head)):
            left -= len(data)

    async def _read(self, reader: asyncio.StreamReader) -> bytes | None:
        """The body of a request that may be acted on; None for one that only asks whether we live."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise _Refused(431, "the headers are too long") from error
        first, *lines = head.decode("latin-1").split("\r\n")
        method, _, rest = first.partition(" ")
        path, _, protocol = rest.partition(" ")
        if not protocol.startswith("HTTP/1."):
            raise _Refused(400, "this is no HTTP/1.1")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if path == HEALTH and method == "GET":
            return None
        self._check_sender(headers)
        if path != "/":
            raise _Refused(404, "web hooks go to /")
        if method != "POST":
            raise _Refused(405, "web hooks are posted")
        length = headers.get("content-length", "")
        if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
            raise _Refused(411, "a Content-Length is needed")
        if len(length) > len(str(self._bounds.body)) or int(length) > self._bounds.body:
            raise _Refused(413, f"the body is longer than {self._bounds.body} bytes")
        return await reader.readexactly(int(length))

    def _check_sender(self, headers: Mapping[str, str]) -> None:
        if self._receiver.token is None:
            return
        try:
            token = self._receiver.token()
        except (OSError, ValueError) as error:
            raise _Refused(503, "the token that senders need cannot be read here") from error
        kind, _, given = headers.get("authorization", "").partition(" ")
        # Headers are Latin-1 as we read them: the bytes are those that were sent.
        if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("latin-1"), token):
            raise _Refused(401, "a bearer token is needed, and this is none")

    async def _act(self, body: bytes) -> Answer:
        if self._stopping:
            return 503, {"error": "it is being stopped"}
        if self._waiting >= self._bounds.waiting:
            return 503, {"error": "too much is being done already"}
        self._waiting += 1
        doing = asyncio.get_running_loop().run_in_executor(self._pool, self._receiver.act, body)
        doing.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(doing), self._bounds.acting)
        except TimeoutError:
            return 503, {"error": "it is still being done"}

    def _done(self, doing: Awaitable[Answer]) -> None:
        del doing
        self._waiting -= 1


def _response(status: int, answer: Mapping[str, Any]) -> bytes:
    body = json.dumps(answer).encode() + b"\n"
    lines = [
        f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(["WWW-Authenticate: Bearer"] if status == http.HTTPStatus.UNAUTHORIZED else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
