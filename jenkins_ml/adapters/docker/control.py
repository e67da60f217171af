"""The proxy's command line at run time."""

from __future__ import annotations

import threading
from typing import Any, Final

from jenkins_ml.adapters.docker.tunnel import Tunnel
from jenkins_ml.errors import StageFailed, Unavailable
from jenkins_ml.rendering import haproxy

_PROMPT: Final = b"\n> "
_SECONDS: Final = 15.0
_CHUNK: Final = 1 << 16


class Control:
    """One conversation with a proxy, opened when it is needed. May be used from any thread.

    Args:
        client: of the engine.
        container: id of the proxy's container.
    """

    def __init__(self, client: Any, container: str) -> None:
        self._client, self._container = client, container
        self._tunnel: Tunnel | None = None
        self._lock = threading.Lock()

    def ask(self, command: str) -> str:
        """What the proxy answers to one command.

        Raises:
            Unavailable: it does not answer.
        """
        with self._lock:
            if self._tunnel is not None:
                try:
                    return self._ask(self._tunnel, command)
                except (OSError, EOFError):  # it was started anew, or the engine was
                    self._close()
            tunnel = self._tunnel = Tunnel(self._client, self._container, haproxy.CONTROL_PORT, _SECONDS)
            try:
                self._ask(tunnel, "prompt")
                return self._ask(tunnel, command)
            except (OSError, EOFError) as error:
                said = tunnel.errors.decode(errors="replace").strip()
                self._close()
                raise Unavailable(
                    f"the proxy does not answer the deployer: {said or error or 'the connection was closed'}",
                    "look at `docker logs` of the proxy's container",
                ) from error

    def do(self, command: str, *done: str) -> None:
        """Give a command.

        Args:
            command: one line.
            done: what its answer may begin with when it was carried out; nothing is said otherwise.

        Raises:
            StageFailed: the proxy refuses it.
        """
        answer = self.ask(command).strip()
        if answer and not answer.startswith(done or ("\0",)):
            raise StageFailed(f"the proxy refuses {command!r}: {answer}", "look at the log of the proxy's container")

    def close(self) -> None:
        """End the conversation; the next command begins another one."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None

    def _ask(self, tunnel: Tunnel, command: str) -> str:
        tunnel.send(f"{command}\n".encode())
        answer = bytearray(b"\n")
        while not answer.endswith(_PROMPT):
            piece = tunnel.read(_CHUNK)
            if not piece:
                raise EOFError
            answer += piece
        return answer[1 : -len(_PROMPT)].decode(errors="replace")
