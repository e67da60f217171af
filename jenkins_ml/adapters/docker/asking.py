"""Asks one version, past the traffic: through a port of the proxy that only the deployer reaches."""

from __future__ import annotations

import contextlib
import http.client
import io
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from jenkins_ml.adapters.docker.proxy import Proxy
from jenkins_ml.adapters.docker.tunnel import Tunnel
from jenkins_ml.adapters.target import Answer
from jenkins_ml.errors import Unavailable
from jenkins_ml.rendering import haproxy

_LONGEST: Final = 30.0  # to open a connection


class _Socket:
    """What http.client needs of a socket."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Kept(self._tunnel))


class _Kept(io.RawIOBase):
    """A tunnel that stays open when an answer was read."""

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__()
        self._tunnel = tunnel

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._tunnel.readinto(buffer)


class Asker:
    """Keeps connections open between questions. May be used from any thread.

    Args:
        client: of the engine.
        proxy: in whose container the port is.
    """

    def __init__(self, client: Any, proxy: Proxy) -> None:
        self._client, self._proxy = client, proxy
        self._idle: list[Tunnel] = []
        self._lock = threading.Lock()

    def get(self, path: str, seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Get what is at a path that names a version."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        return self._ask(f"GET {path} HTTP/1.1\r\nHost: deployer\r\n{lines}\r\n".encode(), "GET", seconds)

    def post(self, path: str, body: bytes, seconds: float) -> Answer:
        """Ask for a prediction."""
        head = f"POST {path} HTTP/1.1\r\nHost: deployer\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return self._ask(head.encode() + body, "POST", seconds)

    def close(self) -> None:
        """End the connections that are open; the next question opens others."""
        with self._lock:
            for tunnel in self._idle:
                tunnel.close()
            self._idle.clear()

    def _ask(self, request: bytes, method: str, seconds: float) -> Answer:
        with self._lock:
            tunnel = self._idle.pop() if self._idle else None
        if tunnel is not None:
            answer = self._over(tunnel, request, method, seconds)
            if answer is not None:
                return answer  # None: the proxy was started anew since this one was opened
        tunnel = self._open()
        answer = self._over(tunnel, request, method, seconds)
        if answer is None:
            said = tunnel.errors.decode(errors="replace").strip()
            raise Unavailable(f"the proxy does not answer the deployer: {said}", "look at the log of its container")
        return answer

    def _open(self) -> Tunnel:
        return Tunnel(self._client, self._proxy.container.id, haproxy.DIRECT_PORT, _LONGEST)

    def _over(self, tunnel: Tunnel, request: bytes, method: str, seconds: float) -> Answer | None:
        """Ask over one connection, and keep it for the next question; None when it was closed already."""
        began = time.monotonic()
        tunnel.wait(seconds)
        try:
            tunnel.send(request)
            response = http.client.HTTPResponse(_Socket(tunnel), method=method)  # type: ignore[arg-type]
            response.begin()
            body = response.read()
        except TimeoutError:
            tunnel.close()
            return Answer(status=None, seconds=time.monotonic() - began, body=b"no answer in time")
        except (http.client.HTTPException, OSError):
            tunnel.close()
            return None
        took = time.monotonic() - began
        with self._lock, contextlib.suppress(ValueError):
            self._idle.append(tunnel)
        if response.will_close:
            with self._lock:
                self._idle.remove(tunnel)
            tunnel.close()
        return Answer(status=response.status, seconds=took, body=body)
