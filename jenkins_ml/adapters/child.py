"""A process that runs one of our modules for us and ends when we do: forked from the warm process where there is one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from jenkins_ml import names
from jenkins_ml.adapters import lifeline, warm


class Child:
    """The process; it is killed at the end of the block.

    Args:
        module: dotted name; its `main(argv)` answers the exit code, and it can be run by `python -m`.
        argv: its arguments.
        stdio: descriptors that become its standard input, output and error.

    Raises:
        Unavailable: there should be a warm process, and it is gone.
    """

    def __init__(self, module: str, argv: Sequence[str], stdio: tuple[int, int, int]) -> None:
        self._code: int | None = None
        self._lifeline = contextlib.ExitStack()
        self._forked: warm.Forked | None = None
        self._process: subprocess.Popen[bytes] | None = None
        if address := os.environ.get(names.ENV_WARM):
            self._forked = warm.fork(
                Path(address), module, list(argv), stdio=stdio, environment=os.environ, detach=False
            )
            self.pid = self._forked.pid
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *argv],
            stdin=stdio[0],
            stdout=stdio[1],
            stderr=stdio[2],
            start_new_session=True,
        )
        self.pid = self._process.pid
        try:
            self._lifeline.enter_context(lifeline.ending_with_us(self.pid))
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal; TimeoutError when it does not end in `timeout` seconds."""
        if self._code is None and self._forked is not None:
            self._code = self._forked.wait(timeout)
        elif self._code is None and self._process is not None:
            try:
                self._code = self._process.wait(timeout)
            except subprocess.TimeoutExpired as error:
                raise TimeoutError(f"process {self.pid} has not ended") from error
        assert self._code is not None  # noqa: S101 - it was forked or started
        return self._code

    def kill(self) -> None:
        """End it and its group at once, by number; does nothing when it has ended."""
        if self._forked is not None:
            self._forked.kill()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._code = self._process.wait()
        self._lifeline.close()
