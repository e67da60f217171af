"""HTTP/1.1 over sockets, with as little work per request as it takes."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import Any

from tests.fakes.jenkins.faults import Fault
from tests.fakes.jenkins.messages import REASONS, Reply, Request


class Gone(Exception):
    """The connection ends without an answer."""


class Connection(socketserver.StreamRequestHandler):
    """One connection of a client."""

    disable_nagle_algorithm = True
    rbufsize = 65536
    server: "Listener"

    def handle(self) -> None:
        with contextlib.suppress(OSError, Gone):
            while self._serve():
                pass

    def _serve(self) -> bool:
        request = self._read()
        if request is None:
            return False
        reply, fault = self.server.respond(request)
        data = _head(reply) + (b"" if request.method == "HEAD" else reply.body)
        if fault is not None and fault.action == "half":
            self.wfile.write(data[: len(data) - (len(reply.body) + 1) // 2])
            return False
        if fault is not None and fault.action == "trickle":
            self._trickle(data, fault)
        else:
            self.wfile.write(data)
        return request.headers.get("connection", "").lower() != "close"

    def _read(self) -> Request | None:
        first = self.rfile.readline(65536)
        while first == b"\r\n":
            first = self.rfile.readline(65536)
        parts = first.split()
        if len(parts) != 3:
            return None
        headers: dict[str, str] = {}
        while (line := self.rfile.readline(65536)) not in (b"\r\n", b"\n", b""):
            name, _, text = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = text.strip()
        if parts[2] == b"HTTP/1.0":
            headers.setdefault("connection", "close")
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = headers.get("content-length")
        body = self._chunks() if headers.get("transfer-encoding") == "chunked" else b""
        if length:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                return None
        return Request(parts[0].decode(), parts[1].decode("latin-1"), headers, body)

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _trickle(self, data: bytes, fault: Fault) -> None:
        step = fault.seconds / max(len(data), 1)
        for place in range(len(data)):
            self.wfile.write(data[place : place + 1])
            if self.server.stopping.wait(step):
                raise Gone


def _head(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Unknown')}"]
    lines += [f"{name}: {text}" for name, text in reply.headers.items()]
    if reply.status != 204 and "Content-Length" not in reply.headers:
        lines.append(f"Content-Length: {len(reply.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class Listener(ThreadingHTTPServer):
    """The listening socket, and its connections.

    Args:
        port: 0 lets the system choose.
        respond: gives the answer to a request, and what happens to it on the way; raises Gone.
        stopping: set when everything ends.
    """

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, port: int, respond: Callable[[Request], tuple[Reply, Any]], stopping: threading.Event) -> None:
        self.respond = respond
        self.stopping = stopping
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), Connection)  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="fake-jenkins")
        self._thread.start()

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # no look-up of names

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        with self._guard:
            gone = self.stopping.is_set()
        if not gone:
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stops listening and cuts every connection; `server_close` waits for what is left of them."""
        self.shutdown()
        self._thread.join()
        self.socket.close()
        with self._guard:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
