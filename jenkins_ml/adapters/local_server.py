"""The embedded server, seen from outside: found by its state file, started, asked and stopped. Standard library only.

A server holds the lock beside its state file for as long as it lives, so a free lock means that there is none, whatever
the file says. The state file holds the ports and the admin token, and only its owner can read it.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

from jenkins_ml import names
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable

_FIND_SECONDS: Final = 180.0  # a server that was just started imports TensorFlow before it writes its state file
_ANSWER_SECONDS: Final = 40.0  # the server answers within 30, if only with a failure
_LOAD_SECONDS: Final = 600.0
_STOP_SECONDS: Final = 20.0
_KILL_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05
_LOG_LINES: Final = 15
_END_IT: Final = "end its process, whose number stands in the lock file beside it"


@dataclass(frozen=True, kw_only=True)
class Window:
    """A version's requests since some point, as the server counted them.

    Args:
        sequence: number of the last outcome; asking since it answers what came after this window.
        requests: how many there were.
        failed: how many the version failed on.
        nan: how many answers had a NaN or an infinity in them.
        slow: how many took longer than asked about.
        p50_ms, p99_ms: percentiles of the latency in milliseconds; None without requests.
    """

    sequence: int
    requests: int
    failed: int
    nan: int
    slow: int
    p50_ms: float | None
    p99_ms: float | None


class _Connection(http.client.HTTPConnection):
    """A connection that is kept for further requests, and closed when its thread or its owner is gone."""

    def __del__(self) -> None:
        self.close()

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], seconds: float
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request and its answer: status, headers, body; `seconds` is how long each read may take."""
        self.timeout = seconds  # when it has yet to connect
        if self.sock is not None:
            self.sock.settimeout(seconds)
        try:
            self.request(method, path, body, headers)
            response = self.getresponse()
            return response.status, response.headers, response.read()
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True)
class LocalServer:
    """A running server.

    Args:
        state_file: where it was found.
        model: the name that it serves.
        pid: its process.
        rest_port, grpc_port: where it listens, on the loopback interface.
        token: for the admin interface.
    """

    state_file: Path
    model: str
    pid: int
    rest_port: int
    grpc_port: int
    token: str = field(repr=False)
    _local: threading.local = field(default_factory=threading.local, init=False, repr=False, compare=False)

    def rest_url(self, model: str) -> str:
        """The REST address of a model; ":predict" behind it asks for a prediction."""
        return f"http://127.0.0.1:{self.rest_port}/v1/models/{model}"

    def state(self) -> dict[str, Any]:
        """The server's identity, traffic and versions."""
        return self._admin("GET", "/state", None)

    def load(self, version: int, path: Path) -> None:
        """Load a version and warm it up; returns when it can answer.

        Raises:
            IntegrityError: it cannot be loaded.
        """
        self._admin("POST", "/load", {"version": version, "path": str(path.resolve())}, _LOAD_SECONDS)

    def unload(self, version: int) -> None:
        """Take a version out; does nothing when it is not in.

        Raises:
            StageFailed: it gets traffic.
        """
        self._admin("POST", "/unload", {"version": version})

    def set_traffic(self, stable: int, canary: int | None, weight: int, lease_seconds: float) -> None:
        """Send `weight` percent of the requests that name no version to the canary, and the others to stable.

        Args:
            stable: the version in production.
            canary: the version beside it; None with weight 0.
            weight: percent.
            lease_seconds: after which the weight falls to 0 unless this is called again.

        Raises:
            StageFailed: a version is not available.
        """
        traffic = {"stable": stable, "canary": canary, "weight": weight, "lease_seconds": lease_seconds}
        self._admin("POST", "/traffic", traffic)

    def window(self, version: int, since: int, slower_than_ms: float | None, pinned: bool | None = None) -> Window:
        """A version's outcomes after number `since`; what took longer than `slower_than_ms` counts as slow.

        Args:
            version: the version.
            since: number of the last outcome that is not wanted; 0 for all.
            slower_than_ms: in milliseconds; None: nothing is slow.
            pinned: only requests that named the version (replayed ones do), or only those that did not; None: all.
        """
        question = {"version": version, "since": since, "slower_than_ms": slower_than_ms, "pinned": pinned}
        return Window(**self._admin("POST", "/window", question))

    def predict(self, version: int | None, instances_body: bytes) -> tuple[int, int | None, bytes]:
        """Ask for a prediction over REST.

        Args:
            version: the one to ask; None leaves it to the traffic.
            instances_body: the JSON of the request.

        Returns:
            the HTTP status, the version that answered (None when none did), and the body.

        Raises:
            Unavailable: the server does not answer.
        """
        choice = "" if version is None else f"/versions/{version}"
        path = f"/v1/models/{self.model}{choice}:predict"
        status, headers, body = self._request("POST", path, instances_body, {}, _ANSWER_SECONDS)
        answered = headers.get(names.VERSION_HEADER)
        return status, None if answered is None else int(answered), body

    def stop(self) -> None:
        """Ask it to answer what is under way and end; after 20 seconds, end it."""
        with contextlib.suppress(Unavailable):
            self._admin("POST", "/stop", {})
        if self._ended_within(_STOP_SECONDS):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            # The lock is held, so the process with this number is still the server.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if self._ended_within(_KILL_SECONDS):
                return
        raise Unavailable(f"the server, process {self.pid}, does not end", "see what it waits for, and end it")

    def _ended_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while _alive(self.state_file):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _admin(self, method: str, path: str, value: Any, seconds: float = _ANSWER_SECONDS) -> dict[str, Any]:
        body = None if value is None else json.dumps(value).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        status, _, answer = self._request(method, names.ADMIN_PREFIX + path, body, headers, seconds)
        try:
            fields: dict[str, Any] = json.loads(answer)
        except ValueError as error:
            what = f"port {self.rest_port} answers {status} and no JSON"
            raise Unavailable(what, "something else may have the port") from error
        if status == http.client.OK:
            return fields
        what = f"the model server refused {path}: {fields.get('error', status)}"
        if status == http.client.UNPROCESSABLE_ENTITY:
            raise IntegrityError(str(fields["error"]), "train it again, or release another version")
        if status in (http.client.UNAUTHORIZED, http.client.NOT_FOUND):
            raise Unavailable(what, "another server has taken its port: run this again")
        raise StageFailed(what, "jenkins-ml status shows what the server has loaded")

    def _request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], seconds: float
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request over the connection that this thread keeps."""
        kept: _Connection | None = getattr(self._local, "connection", None)
        try:
            if kept is not None:
                try:
                    return kept.exchange(method, path, body, headers, seconds)
                except (http.client.RemoteDisconnected, ConnectionError):
                    pass  # the server has closed it while it was idle, or has ended: a new one will tell
            self._local.connection = kept = _Connection("127.0.0.1", self.rest_port)
            return kept.exchange(method, path, body, headers, seconds)
        except (OSError, http.client.HTTPException) as error:
            what = f"the model server on port {self.rest_port} does not answer: {str(error) or type(error).__name__}"
            raise Unavailable(what, "run jenkins-ml serve to start it again") from error


# --- finding ---------------------------------------------------------------------------------------------------------
def lock_file(state_file: Path) -> Path:
    """The file whose lock a server holds for life."""
    return state_file.with_name(state_file.name + ".lock")


def find(state_file: Path) -> LocalServer | None:
    """The server of a state file; None when none lives. Waits for one that is just starting.

    Raises:
        Unavailable: one lives, but does not answer.
    """
    deadline = time.monotonic() + _FIND_SECONDS
    while _alive(state_file):
        server = _read(state_file)
        if server is not None:
            return server
        if time.monotonic() > deadline:
            raise Unavailable(f"the server of {state_file} does not answer", _END_IT)
        time.sleep(_POLL_SECONDS)
    return None


def _alive(state_file: Path) -> bool:
    try:
        with lock_file(state_file).open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _read(state_file: Path) -> LocalServer | None:
    """The server that a state file describes; None while there is no file, or one that a dead server left behind."""
    try:
        value = json.loads(state_file.read_bytes())
        server = LocalServer(
            state_file=state_file,
            model=value["model"],
            pid=value["pid"],
            rest_port=value["rest_port"],
            grpc_port=value["grpc_port"],
            token=value["token"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"{state_file} cannot be read: {error}", _END_IT) from error
    try:
        return server if server.state()["pid"] == server.pid else None
    except Unavailable:
        return None


# --- starting --------------------------------------------------------------------------------------------------------
@runtime_checkable
class Waitable(Protocol):
    """A process whose end can be seen."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; TimeoutError or subprocess.TimeoutExpired when it has not ended by then."""


@dataclass
class Detached:
    """A process that outlives this one, but can be waited for as long as both live."""

    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal; TimeoutError when it has not ended in `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            pid, status = os.waitpid(self.pid, 0 if deadline is None else os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"process {self.pid} has not ended")
            time.sleep(_POLL_SECONDS)


def spawn_detached(argv: list[str], environment: Mapping[str, str], log_file: Path) -> Detached:
    """Start a process in a session of its own, without input, its output appended to a log that only we can read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        argv[0],
        argv,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.fspath(log_file), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return Detached(pid)


def start(
    state_file: Path,
    model: str,
    environment: str,
    rest_port: int,
    grpc_port: int,
    log_file: Path,
    spawn: Callable[[list[str], Mapping[str, str], Path], object] = spawn_detached,
    deadline_seconds: float = 180.0,
    progress: Callable[[str], None] = lambda _: None,
) -> LocalServer:
    """Start a server that outlives this process; returns when it answers. It has no versions yet.

    Args:
        state_file: where it will tell how it is reached.
        model: name of the model.
        environment: name of what it serves.
        rest_port: loopback port for REST; 0 takes a free one.
        grpc_port: loopback port for gRPC; 0 takes a free one.
        log_file: takes its output.
        spawn: starts a process, given arguments, environment and log. When it answers something with
            `wait(timeout)`, an early death is seen at once.
        deadline_seconds: how long it may take.
        progress: takes one line about what is waited for.

    Raises:
        Unavailable: one runs already; or it ended (its last words are in the message), or took too long.
    """
    if _alive(state_file):
        raise Unavailable(f"a server for {state_file} runs already", "stop it, or use it")
    arguments = {
        "--model": model,
        "--environment": environment,
        "--rest-port": str(rest_port),
        "--grpc-port": str(grpc_port),
        "--state": os.fspath(state_file.absolute()),
    }
    argv = [sys.executable, "-m", "jenkins_ml.server", *(part for pair in arguments.items() for part in pair)]
    # Jenkins ends what a build leaves behind, unless the process carries another cookie than the build's.
    outliving = {**os.environ, "JENKINS_NODE_COOKIE": "dontKillMe", "BUILD_ID": "dontKillMe"}
    state_file.parent.mkdir(parents=True, exist_ok=True)
    log_file.parent.mkdir(parents=True, exist_ok=True)
    written = log_file.stat().st_size if log_file.exists() else 0
    process = spawn(argv, outliving, log_file)
    progress(f"waiting for the model server (its log is {log_file})")
    deadline = time.monotonic() + deadline_seconds
    while time.monotonic() < deadline:
        server = _read(state_file) if _alive(state_file) else None
        code = _exit_code(process)
        if code is not None:
            raise _died(code, log_file, written)
        if server is not None:
            return server
    raise Unavailable(f"the model server did not start within {deadline_seconds:g} s", f"read its log: {log_file}")


def _exit_code(process: object) -> int | None:
    if not isinstance(process, Waitable):
        time.sleep(_POLL_SECONDS)
        return None
    try:
        return process.wait(_POLL_SECONDS)
    except (TimeoutError, subprocess.TimeoutExpired):
        return None


def _died(code: int, log_file: Path, written: int) -> Unavailable:
    """The error for a server that ended while it started; `written` is how long its log was before."""
    lines: list[str] = []
    with contextlib.suppress(OSError), log_file.open("rb") as stream:
        stream.seek(written)
        lines = stream.read().decode("utf-8", "replace").splitlines()[-_LOG_LINES:]
    what, _, next_step = "\n".join(lines[-2:]).partition("\n  next: ")
    if code == Unavailable.exit_code and next_step:  # its own message
        return Unavailable(what, next_step)
    return Unavailable("\n".join([f"the model server ended with {code}", *lines]), f"its log is {log_file}")


# --- replaying -------------------------------------------------------------------------------------------------------
def replay(
    server: LocalServer,
    versions: tuple[int, ...],
    bodies: Sequence[bytes],
    requests_per_version: int,
    concurrency: int = 4,
    deadline_seconds: float = 60.0,
) -> int:
    """Send recorded requests to each of some versions in turn, whatever the traffic; the server counts the outcomes.

    Args:
        server: where.
        versions: each gets the same requests.
        bodies: JSON of the requests; used again from the first when there are fewer than wanted.
        requests_per_version: how many each version gets.
        concurrency: how many are under way at once.
        deadline_seconds: none is sent after this long.

    Returns:
        how many were sent, to all versions together.

    Raises:
        Unavailable: the server does not answer.
    """
    deadline = time.monotonic() + deadline_seconds
    questions = _interleaved(versions, bodies, requests_per_version)
    lock = threading.Lock()

    def send() -> int:
        sent = 0
        while time.monotonic() < deadline:
            with lock:
                question = next(questions, None)
            if question is None:
                break
            server.predict(*question)
            sent += 1
        return sent

    with ThreadPoolExecutor(concurrency) as pool:
        return sum([future.result() for future in [pool.submit(send) for _ in range(concurrency)]])


def _interleaved(versions: tuple[int, ...], bodies: Sequence[bytes], count: int) -> Iterator[tuple[int, bytes]]:
    return ((version, bodies[index % len(bodies)]) for index in range(count) for version in versions)
