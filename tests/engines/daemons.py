"""Processes of an engine: each ends when it is told to, and when the process that started it dies."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

STOP_SECONDS = 20
LOG_LINES = 20


class NotReady(Exception):
    """An engine was started and did not become usable; the message holds the end of its log."""


def free_ports(count: int) -> list[int]:
    """TCP ports that nobody has on loopback just now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def environment() -> dict[str, str]:
    """This process's, without proxies: everything that an engine speaks to is on this machine."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


class Daemon:
    """A process with its log file.

    Linux sends it a signal when the thread that started it ends: start daemons in the main thread.

    Args:
        command: the program and its arguments.
        log: what it writes is appended to this.
        pass_fds: file descriptors that it gets.
        orphaned: that signal. TERM for one that has to take something away before it ends.
    """

    def __init__(self, command: Sequence[str], log: Path, pass_fds: Sequence[int] = (), orphaned: str = "KILL") -> None:
        self.command, self.log, self.pass_fds, self.orphaned = list(command), log, tuple(pass_fds), orphaned
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        guard = [shutil.which("setpriv") or "setpriv", "--pdeathsig", self.orphaned, "--"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*guard, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment(),
                pass_fds=self.pass_fds,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """End it at once, as a machine that fails does."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask it to end, and end it when it does not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join(lines)

    def wait_until(self, what: str, ready: Callable[[], object], seconds: float = 90) -> None:
        """Wait for something that it has to bring about; raises NotReady with its log when it ends or time is up."""
        end = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None:
                raise NotReady(f"{what}: {self.command[0]} ended with {self.process.returncode}\n{self.tail()}")
            if time.monotonic() > end:
                raise NotReady(f"{what}: not within {seconds:.0f} s\n{self.tail()}")
            time.sleep(0.05)
