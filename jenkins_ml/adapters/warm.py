"""A process that has TensorFlow imported and forks others from itself, so that a run pays for the import once.

`python -m jenkins_ml.adapters.warm SOCKET` imports and then waits. A client sends one request (module, arguments,
environment, folder) with its standard input, output and error; the forked process calls `main(argv)` of that module, and
its exit code comes back. Nothing of TensorFlow is called before a fork. Lifetimes hang on connections, which the kernel
closes however a process ends: a client's ends the process forked for it (unless detached), and the owner's ends this one.
"""

from __future__ import annotations

import array
import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from jenkins_ml.adapters import lifeline
from jenkins_ml.errors import Unavailable

_REQUEST_LIMIT = 4 << 20
_OWNER = b"owner\n"
_IMPORT_DEADLINE_SECONDS = 300.0


# --- the client's side -----------------------------------------------------------------------------------------------
@contextlib.contextmanager
def started() -> Iterator[Path]:
    """Start a warm process for the time of the block; answers its socket at once, while it still imports."""
    with tempfile.TemporaryDirectory(prefix="jenkins-ml-") as folder:  # made with mode 0700: nobody else may connect
        address = Path(folder) / "warm"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(address))
        listener.listen(64)
        process = subprocess.Popen(
            [sys.executable, "-m", "jenkins_ml.adapters.warm", str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        listener.close()
        owner = socket.socket(socket.AF_UNIX)
        owner.connect(str(address))
        owner.sendall(_OWNER)
        try:
            yield address
        finally:
            owner.close()
            process.terminate()  # heard while it imports; afterwards the owner's end is what counts
            process.wait(timeout=10)


@dataclass
class Forked:
    """A process forked from the warm one. Closing the connection ends it, unless it is detached."""

    connection: socket.socket
    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal; TimeoutError when it does not end in time."""
        self.connection.settimeout(timeout)
        answer = _answer(self.connection)
        self.connection.close()
        return answer

    def kill(self) -> None:
        """End it."""
        self.connection.close()


def fork(
    address: Path,
    module: str,
    argv: list[str],
    *,
    stdio: tuple[int, int, int],
    environment: Mapping[str, str],
    detach: bool,
) -> Forked:
    """Fork a process that calls `main(argv)` of a module, in this process's folder.

    Args:
        address: the socket.
        module: dotted name; its `main(argv)` answers the exit code.
        argv: its arguments.
        stdio: descriptors that become its standard input, output and error.
        environment: its whole environment.
        detach: whether it outlives this process.

    Raises:
        Unavailable: the warm process is gone.
    """
    request = {
        "module": module,
        "argv": argv,
        "cwd": str(Path.cwd()),
        "environment": dict(environment),
        "detach": detach,
    }
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_IMPORT_DEADLINE_SECONDS)
    try:
        connection.connect(str(address))
        body = json.dumps(request).encode() + b"\n"
        socket.send_fds(connection, [body[:1]], list(stdio))
        connection.sendall(body[1:])
        return Forked(connection, _answer(connection))
    except OSError as error:
        connection.close()
        raise Unavailable(
            f"the process that keeps TensorFlow imported does not answer: {error}", "run it again"
        ) from error


def _answer(connection: socket.socket) -> int:
    """One number, a line: the next one may be on its way already, so no byte behind the line is taken."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            connection.close()
            raise Unavailable("the process that keeps TensorFlow imported ended", "run it again")
        line += byte
    return int(line)


# --- the warm process ------------------------------------------------------------------------------------------------
@dataclass
class _Warm:
    listener: socket.socket
    owners: set[socket.socket] = field(default_factory=set)
    clients: dict[socket.socket, int] = field(default_factory=dict)  # connection -> pid of the process forked for it
    detached: set[int] = field(default_factory=set)

    def serve(self, child_ended: int) -> None:
        had_owner = False
        deadline = time.monotonic() + 60
        while not had_owner or self.owners:
            waiting: list[socket.socket | int] = [self.listener, child_ended, *self.owners, *self.clients]
            ready, _, _ = select.select(waiting, [], [], 5.0)
            for source in ready:
                if source is self.listener:
                    self._accept()
                elif source == child_ended:
                    os.read(child_ended, 4096)
                    self._reap()
                elif isinstance(source, socket.socket):
                    self._closed(source)
            had_owner = had_owner or bool(self.owners)
            if not had_owner and time.monotonic() > deadline:
                return
        for pid in self.clients.values():
            if pid not in self.detached:
                _kill(pid)

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        connection.settimeout(5.0)
        try:
            body, descriptors = _receive(connection)
            if body == _OWNER:
                self.owners.add(connection)
                return
            request = json.loads(body)
        except (OSError, ValueError):
            connection.close()
            return
        pid = os.fork()
        if pid == 0:
            if not request["detach"]:
                lifeline.signal_when_parent_ends(signal.SIGKILL)
            _become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self.clients[connection] = pid
        if request["detach"]:
            self.detached.add(pid)
        with contextlib.suppress(OSError):
            connection.sendall(b"%d\n" % pid)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid not in self.detached:
                _kill_group(pid)  # what it has started and left
            for connection in [key for key, value in self.clients.items() if value == pid]:
                with contextlib.suppress(OSError):
                    connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
                connection.close()
                del self.clients[connection]

    def _closed(self, connection: socket.socket) -> None:
        self.owners.discard(connection)
        pid = self.clients.pop(connection, None)
        if pid is not None and pid not in self.detached:
            _kill(pid)
        connection.close()


def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    size = array.array("i").itemsize
    first, ancillary, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(3 * size))
    descriptors: list[int] = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors += array.array("i", data[: len(data) - len(data) % size])
    body = bytearray(first)
    while not body.endswith(b"\n"):
        part = connection.recv(65536)
        if not part or len(body) > _REQUEST_LIMIT:
            raise ValueError("the request is cut off, or too long")
        body += part
    return bytes(body), descriptors


def _become(request: Mapping[str, Any], descriptors: list[int]) -> NoReturn:
    code = 1
    try:
        os.setsid()
        for target, descriptor in enumerate(descriptors):
            os.dup2(descriptor, target)
        os.closerange(3, 4096)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = [request["module"], *request["argv"]]
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0, "r"), os.fdopen(1, "w", 1), os.fdopen(2, "w", 1)
        code = importlib.import_module(request["module"]).main(list(request["argv"]))
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _kill(pid: int) -> None:
    """Kill a child that was not waited for yet, and its group: it may not have come to making one."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _kill_group(pid)


def main(argv: list[str]) -> int:
    """Import TensorFlow and Keras, then fork on request until the owner is gone."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with socket.socket(fileno=int(argv[0])) as listener:
        with contextlib.suppress(ImportError):  # without it a forked process says so in its own words
            importlib.import_module("tensorflow")
            importlib.import_module("keras").Sequential  # noqa: B018 - loads what Keras loads lazily
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)  # they only wake the loop
        _Warm(listener).serve(reader)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
