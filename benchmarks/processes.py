"""Commands, and what they cost."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jenkins_ml import names

PYTHON = sys.executable
JENKINS_ML = (PYTHON, "-m", "jenkins_ml.cli")

# What would change what is measured: a run or a store that we are part of, and bytecode that nobody may keep.
_LEFT_OUT = (
    names.ENV_RUN,
    names.ENV_STORE,
    names.ENV_PARAMS,
    names.ENV_WARM,
    names.ENV_BUILD_TAG,
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
)


@dataclass(frozen=True)
class Cost:
    """What a command cost, with every process that it waited for.

    Args:
        wall: seconds by the clock.
        cpu: CPU-seconds, user and system.
        peak: megabytes of memory that its largest process had at once. Never less than what the process that started
            it had just then: Linux counts from before the program was loaded.
    """

    wall: float = 0.0
    cpu: float = 0.0
    peak: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak))


def environment(**more: str) -> dict[str, str]:
    """Our environment as a user's shell would have it, and more."""
    return {name: value for name, value in os.environ.items() if name not in _LEFT_OUT} | more


def run(argv: Sequence[str], directory: Path, variables: Mapping[str, str], timeout: float = 600.0) -> Cost:
    """Run a command to its end.

    Raises:
        SystemExit: it failed; its output is in the message.
    """
    return measured(argv, directory, variables, timeout)[0]


def output(argv: Sequence[str], directory: Path, variables: Mapping[str, str], timeout: float = 600.0) -> str:
    """Run a command to its end; answers its standard output.

    Raises:
        SystemExit: it failed; its output is in the message.
    """
    return measured(argv, directory, variables, timeout)[1]


def measured(
    argv: Sequence[str], directory: Path, variables: Mapping[str, str], timeout: float = 600.0
) -> tuple[Cost, str]:
    """Run a command to its end; answers what it cost, and its standard output.

    Raises:
        SystemExit: it failed; its output is in the message.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=directory, env=dict(variables), stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        try:
            _wait(process, timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = [(stream.seek(0), stream.read().decode(errors="replace"))[1] for stream in (out, err)]
    if process.returncode:
        raise SystemExit(f"{' '.join(argv)} exited with {process.returncode}:\n{''.join(texts)}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6), texts[0]


def cpu_of(pid: int) -> float:
    """CPU-seconds of a living process that is no child of ours."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait(process: subprocess.Popen[bytes], timeout: float) -> None:
    """Until it has ended, and leave it to be asked what it cost.

    Raises:
        subprocess.TimeoutExpired: it takes too long.
    """
    descriptor = os.pidfd_open(process.pid)
    try:
        ended, _, _ = select.select([descriptor], [], [], timeout)
    finally:
        os.close(descriptor)
    if not ended:
        raise subprocess.TimeoutExpired(process.args, timeout)
