"""Starting the embedded server as a process that outlives this one, and telling why one did not start."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from jenkins_ml.adapters.local_server import POLL_SECONDS, LocalServer, alive, read
from jenkins_ml.errors import Unavailable

_LOG_LINES: Final = 15
# How Jenkins tells the processes of a build: by the first and the last when it ends, in a Pipeline and elsewhere; by the
# second when a step is stopped, and then in the workspace of any build; by the others when an agent is disconnected.
_COOKIES: Final = (
    "JENKINS_NODE_COOKIE",
    "JENKINS_SERVER_COOKIE",
    "HUDSON_COOKIE",
    "HUDSON_SERVER_COOKIE",
    "BUILD_ID",
)


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
            time.sleep(POLL_SECONDS)


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
    hidden: Collection[str] = (),
    logs: Path | None = None,
    answers: tuple[Path, float] | None = None,
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
        hidden: variables of this process's environment that the server does not get.
        logs: the folder that it logs to for machines; None: it does not.
        answers: the folder where it keeps what it predicted, and of which share of the requests; None: it does not.

    Raises:
        Unavailable: one runs already; or it ended (its last words are in the message), or took too long.
    """
    if alive(state_file):
        raise Unavailable(f"a server for {state_file} runs already", "stop it, or use it")
    arguments = {
        "--model": model,
        "--environment": environment,
        "--rest-port": str(rest_port),
        "--grpc-port": str(grpc_port),
        "--state": os.fspath(state_file.absolute()),
    }
    if logs is not None:
        arguments["--logs"] = os.fspath(logs.absolute())
    if answers is not None:
        arguments |= {"--answers": os.fspath(answers[0].absolute()), "--answers-share": str(answers[1])}
    argv = [sys.executable, "-m", "jenkins_ml.server", *(part for pair in arguments.items() for part in pair)]
    outliving = {name: value for name, value in os.environ.items() if name not in hidden}
    # Jenkins ends the processes that carry the cookie of what it ends. Any other value will do; this one explains itself.
    outliving |= dict.fromkeys(_COOKIES, "dontKillMe")
    state_file.parent.mkdir(parents=True, exist_ok=True)
    log_file.parent.mkdir(parents=True, exist_ok=True)
    written = log_file.stat().st_size if log_file.exists() else 0
    process = spawn(argv, outliving, log_file)
    progress(f"waiting for the model server (its log is {log_file})")
    deadline = time.monotonic() + deadline_seconds
    while time.monotonic() < deadline:
        server = read(state_file) if alive(state_file) else None
        code = _exit_code(process)
        if code is not None:
            raise _died(code, log_file, written)
        if server is not None:
            return server
    raise Unavailable(f"the model server did not start within {deadline_seconds:g} s", f"read its log: {log_file}")


def _exit_code(process: object) -> int | None:
    if not isinstance(process, Waitable):
        time.sleep(POLL_SECONDS)
        return None
    try:
        return process.wait(POLL_SECONDS)
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
