"""Processes of the user's: commands and workers that end when we end, with a deadline."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from jenkins_ml import names
from jenkins_ml.adapters import lifeline, server_process, warm
from jenkins_ml.adapters.passed_errors import from_plain
from jenkins_ml.errors import StageFailed

# The command begins when it is sure to end with us; if we are killed before, it reads the end of its input.
_WHEN_TOLD = 'read -r _ && exec /bin/sh -c "$1" </dev/null'
Imports = Literal["whole", "lean", "serving"]


def run_command(command: str, directory: Path, environment: Mapping[str, str], timeout: float, what: str) -> None:
    """Run a configured command by the shell; its output goes to standard error, where progress belongs.

    `python`, `pytest` and the like are those of the environment that jenkins-ml itself runs in, also when that is not
    activated.

    Args:
        command: as the configuration has it.
        directory: where it runs.
        environment: its whole environment.
        timeout: seconds until it is ended.
        what: "the tests", for messages.

    Raises:
        StageFailed: it exits with another code than 0, is killed, or takes too long.
    """
    process = subprocess.Popen(
        ["/bin/sh", "-c", _WHEN_TOLD, "sh", command],
        cwd=directory,
        env={
            **environment,
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), environment.get("PATH", os.defpath))),
        },
        stdin=subprocess.PIPE,
        stdout=sys.stderr.fileno(),
        start_new_session=True,
    )
    try:
        with lifeline.ending_with_us(process.pid):
            process.communicate(b"\n", timeout)
        code = process.returncode
    except subprocess.TimeoutExpired as error:
        raise StageFailed(
            f"{what} took longer than {timeout:g} s: {command}", "raise its timeout, or make it quicker"
        ) from error
    finally:
        _end_group(process)
    if code:
        raise StageFailed(f"{what} {_how_it_ended(code)}: {command}", "its output stands above")


class Worker:
    """A process that runs user code; see keras_worker.py. It is started early and given its job when that is known."""

    def __init__(self, imports: Imports) -> None:
        reader, writer = os.pipe()
        os.set_inheritable(writer, False)
        self._job = writer
        address = os.environ.get(names.ENV_WARM)
        self._forked: warm.Forked | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline = contextlib.ExitStack()
        stdio = (reader, sys.stderr.fileno(), sys.stderr.fileno())
        try:
            if address:
                self._forked = warm.fork(
                    Path(address),
                    "jenkins_ml.adapters.keras_worker",
                    [imports],
                    stdio=stdio,
                    environment=os.environ,
                    detach=False,
                )
            else:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "jenkins_ml.adapters.keras_worker", imports],
                    stdin=reader,
                    stdout=stdio[1],
                    start_new_session=True,
                )
                self._lifeline.enter_context(lifeline.ending_with_us(self._process.pid))
        finally:
            os.close(reader)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_job()
        if self._forked:
            self._forked.kill()
        if self._process:
            _end_group(self._process)
        self._lifeline.close()

    def do(self, job: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Do one job, whose `out` names a folder; answers its result.

        Raises:
            JenkinsMLError: the one that the worker met.
            StageFailed: it died, or took too long.
        """
        with contextlib.suppress(BrokenPipeError):  # it died already: how is said below
            os.write(self._job, json.dumps(dict(job)).encode() + b"\n")
        self._close_job()
        code = self._wait(timeout)
        result_file = Path(job["out"]) / "result.json"
        if code or not result_file.exists():
            hint = (
                "out of memory? give the agent more, or train on less"
                if code == -signal.SIGKILL
                else "its output stands above"
            )
            raise StageFailed(f"the {job['mode']} process {_how_it_ended(code)}", hint)
        result: dict[str, Any] = json.loads(result_file.read_bytes())
        result_file.unlink()
        if "error" in result:
            raise from_plain(result["error"])
        return result

    def _wait(self, timeout: float) -> int:
        try:
            if self._forked:
                return self._forked.wait(timeout)
            assert self._process is not None  # noqa: S101 - one of the two was started
            return self._process.wait(timeout)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise StageFailed(f"it took longer than {timeout:g} s", "raise train.timeout, or train less") from error

    def _close_job(self) -> None:
        if self._job >= 0:
            os.close(self._job)
            self._job = -1


def spawn_server(argv: list[str], environment: Mapping[str, str], log: Path) -> object:
    """Start the embedded server detached from this process: out of the warm process when there is one."""
    address = os.environ.get(names.ENV_WARM)
    if not address:
        return server_process.spawn_detached(argv, environment, log)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # argv is [python, -m, jenkins_ml.server, ...]
        return warm.fork(
            Path(address),
            "jenkins_ml.server.__main__",
            argv[3:],
            stdio=(nothing, output, output),
            environment=environment,
            detach=True,
        )
    finally:
        os.close(nothing)
        os.close(output)


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"exited with {code}" if code else "ended without an answer"


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a process group: asked first, then killed."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 3
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
