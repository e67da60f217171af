"""How the process of a server listens: a port of its own, and HTTP on it."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jenkins_ml.errors import JenkinsMLError, Unavailable, UsageError

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = "127.0.0.1"


def listen(address: str, port: int, setting: str) -> socket.socket:
    """A socket that listens.

    Args:
        address: of the interface; "0.0.0.0" or "::" for all of them.
        port: 0 takes a free one.
        setting: what sets the port, for whoever has to choose another.

    Raises:
        Unavailable: the port is in use.
        UsageError: the address or the port cannot be had here.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # The protocol is named because asyncio sends small packets at once only where it is.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(128)  # from here on nobody else gets the port
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise in_use(port, setting) from error
        raise UsageError(f"cannot listen on {address}, port {port}: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


def in_use(port: int, setting: str) -> JenkinsMLError:
    """The failure to get a port; `setting` is what sets it."""
    return Unavailable(f"port {port} is in use", f"stop what uses it, or set {setting} to another (0: a free one)")


def http_server(app: Any, drain_seconds: float) -> uvicorn.Server:
    """A server of an ASGI application that leaves signals to whoever runs it.

    Args:
        app: the application.
        drain_seconds: how long requests under way may take once it is told to end.
    """
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Leave signals to whoever runs it: they stop gRPC, too."""
            yield

    return Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_keep_alive=300,
            timeout_graceful_shutdown=int(drain_seconds),
        )
    )
