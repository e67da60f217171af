"""A connection to a port that listens inside a container only: `docker exec` of a relay, on whatever machine the engine is."""

from __future__ import annotations

import io
import struct
from typing import Any, Final

from jenkins_ml.adapters.docker.connection import translated

# Both directions end when one does, or a connection that the proxy has closed would look alive.
_RELAY: Final = (
    "exec 3<>/dev/tcp/127.0.0.1/$0 || exit 1; cat <&3 & in=$!; cat <&0 >&3 & out=$!; "
    "wait -n; kill $in $out 2>/dev/null; wait"
)
_HEADER: Final = struct.Struct(">BxxxL")  # of a piece: 1 for output, 2 for errors; its length
_ERRORS: Final = 2


class Tunnel(io.RawIOBase):
    """The connection; reading it gives what comes out of the port.

    Args:
        client: of the engine.
        container: id of the container.
        port: in it.
        seconds: for each read and write.

    Raises:
        Unavailable: the engine does not answer.
        Missing: there is no such container.
    """

    def __init__(self, client: Any, container: str, port: int, seconds: float) -> None:
        super().__init__()
        with translated("opening a connection into the proxy"):
            made = client.api.exec_create(container, ["bash", "-c", _RELAY, str(port)], stdin=True)
            opened = client.api.exec_start(made["Id"], socket=True)
        self._kept = opened
        self._socket = getattr(opened, "_sock", opened)
        self._left = 0
        self._kind = 0
        self.errors = b""
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """How long each read and write may take from now on."""
        if hasattr(self._socket, "settimeout"):  # what ssh gives has none
            self._socket.settimeout(seconds)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what has come; 0 at the end."""
        view = memoryview(buffer)
        while True:
            if not self._left:
                header = self._exactly(_HEADER.size)
                if len(header) < _HEADER.size:
                    return 0
                self._kind, self._left = _HEADER.unpack(header)
                continue
            piece = self._socket.recv(min(self._left, len(view)))
            if not piece:
                return 0
            self._left -= len(piece)
            if self._kind != _ERRORS:
                view[: len(piece)] = piece
                return len(piece)
            self.errors += piece

    def send(self, data: bytes) -> None:
        """Write all of it."""
        if hasattr(self._socket, "sendall"):
            self._socket.sendall(data)
            return
        while data:
            data = data[self._socket.send(data) :]

    def close(self) -> None:
        """End it; the relay ends, too."""
        if not self.closed:
            self._kept.close()
            self._socket.close()
        super().close()

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count and (piece := self._socket.recv(count - len(data))):
            data += piece
        return data
